// The page's side: what starts when, and window.skvoz.

import { watchForms, requestOf } from './forms'
import { beginNumbers, tellNumber, type Shown } from './numbers'
import { hit, send } from './outbox'
import { around, data, denied, newId, site } from './page'
import { forget, read, write } from './storage'
import { again, first, watchViews, type Touch } from './views'
import { visitorId } from './visitor'

interface Skvoz {
  event: (name: string) => void
  request: (requestId?: string | null, form?: string | HTMLFormElement) => string
  consent: (word: 'granted' | 'denied') => void
  visitor: () => string | undefined
  first: () => Touch
  number: (tell: (shown: Shown) => void) => void
}
type Call = (skvoz: Skvoz) => void

declare global {
  interface Window { skvoz?: Skvoz, skvozq?: Call[] }
  interface Document { prerendering?: boolean }
}

const skvoz: Skvoz = {
  event: (name) => hit('event', { name: String(name) }),
  request: (requestId, form) => {
    if (form instanceof Element) return requestOf(form, requestId)
    const id = String(requestId || newId())
    hit('form', { request_id: id, form: form && String(form), first: first() }, true)
    return id
  },
  consent: (word) => {
    const wasDenied = denied()
    const hits = read('outbox')
    data.consent = word
    if (denied()) {
      forget()
      write('outbox', hits)
    } else if (wasDenied) again() // the view that came without the visitor
  },
  visitor: visitorId,
  first,
  number: (tell) => { if (NUMBERS) tellNumber(tell) }
}

const begin = NUMBERS ? () => { watchViews(); beginNumbers() } : watchViews

const start = (): void => {
  window.skvoz = skvoz
  if (denied()) forget()
  watchForms()
  addEventListener('pagehide', send)
  addEventListener('visibilitychange', send)
  addEventListener('click', (event) => { if (around(event, '[href^="tel:" i]')) hit('call_click', {}, true) }, true)
  if (document.prerendering) document.addEventListener('prerenderingchange', begin)
  else begin()
  const waiting = window.skvozq
  window.skvozq = { push: (call: Call) => call(skvoz) } as unknown as Call[]
  waiting?.forEach((call) => call(skvoz))
}

if (site && !window.skvoz?.event) start()
