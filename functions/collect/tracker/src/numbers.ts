// The visitor's number: leased once a page at most, kept for all pages and tabs of the site, renewed while he is here.

import { data, denied, here, post, site } from './page'
import { digits } from './spelling'
import { read, write } from './storage'
import { hasPhone, swap } from './swap'
import { first, referrer } from './views'
import { token } from './visitor'
import { watch } from './watch'

interface Lease { id: string, expires_in: number, pool?: string }
interface Marks { utm_source?: string, utm_medium?: string, utm_campaign?: string }
export interface Shown { number: string | null, shown: string | null, kind: string }
interface Answer extends Shown { lease: Lease | null, replaces: string[], per_page?: boolean, code?: string }
/** `path`: of the page that asked; `coded`: it asked for a code, too. */
interface Kept extends Answer { until: number, marks: Marks, path: string, coded: boolean }

/** Milliseconds. An enum, because its numbers are written where they are used: the built file is smaller. */
export const enum Span {
  Patience = 800, // after that, nothing changes under the reader's eyes
  Beat = 60000,
  Unleased = 300, // seconds: other pages show a number that is nobody's own, or none, for so long
  Visit = 30 * 6e4 // the marks of an earlier page say for so long where the visitor came from
}
/** What visitors do; a touch begins with pointerdown. Pages scroll by themselves, so that `scroll` is no sign. */
const SIGNS = 'input keydown pointerdown pointermove wheel visibilitychange'
const EVENT = 'skvoz:number'

const phones = (data.phones || '').split(',').filter(digits)
const listed = phones.map(digits)
let asked: { path: string, coded: boolean } | undefined // what this page's latest request was about
let refused: string | undefined // a token too old to lease with: the next accepted hit brings a fresh one
let isTold = false // to a script of the page
let isLost = false // what this page shows is not the visitor's any more
let alive = false // since the last beat
let now: Kept | undefined // what this page shows

const kept = (): Kept | undefined => read<Kept>('lease')

/** Where numbers hang on the page, each page has its own; else all have the one that was given last. */
const own = (): Kept | undefined => { const last = kept(); return last?.per_page ? now : last }

/** The lease that a batch of hits renews. */
export const held = (): { number: string | null, id: string, pool: string | undefined } | undefined => {
  const mine = own()
  return mine?.lease ? { number: mine.number, id: mine.lease.id, pool: mine.lease.pool } : undefined
}

const marksHere = (): Marks => {
  const query = new URLSearchParams(location.search)
  const marks: Record<string, string> = {}
  for (const name of ['utm_source', 'utm_medium', 'utm_campaign']) {
    const value = query.get(name)
    if (value) marks[name] = value.slice(0, 300)
  }
  return marks
}

const told = ({ number, shown, kind }: Shown): Shown => ({ number, shown, kind })

/** Where the visitor has no number any more, the page's own comes back. */
const show = (given: Kept): void => {
  isLost = false
  const own = !given.number && now && (phones[0] || now.replaces[0])
  const next = own ? { ...given, number: own.replace(/[^+\d]/g, ''), shown: own } : given
  if (!next.number) return
  const former = now
  now = next
  if (next.number === former?.number) return
  swap(own ? [] : listed[0] ? listed : next.replaces.map(digits), next.number, next.shown!)
  document.dispatchEvent(new CustomEvent(EVENT, { detail: told(next) }))
}

const codes = (): NodeListOf<Element> => document.querySelectorAll('[data-skvoz-code]')

const ask = async <T>(path: string, body: object): Promise<T | void> => {
  const visitor = token()
  try {
    const answer = await post('numbers/' + path, JSON.stringify({ site, visitor, ...body }))
    if (answer.status === 401) {
      refused = visitor
      asked = undefined
    }
    if (answer.ok && !denied()) return await answer.json()
  } catch { /* offline, or down */ }
}

const lease = async (late?: unknown): Promise<void> => {
  const coded = !!codes()[0]
  const path = location.pathname
  const before = kept()
  if (!token() || refused === token() || (asked && asked.coded >= coded && (asked.path === path || !before?.per_page))) return
  if (!isTold && !coded && !hasPhone(listed)) return
  asked = { path, coded }
  const began = Date.now()
  const marked = marksHere()
  const marks = marked.utm_source || !before || before.until < began - Span.Visit ? marked : before.marks
  const answer = await ask<Answer>('lease', { page_url: here(), region: data.region, code: coded, first: first(), ref: referrer, ...marks })
  if (!answer) return
  const next = { ...answer, marks, path, coded, until: began + (answer.lease?.expires_in ?? Span.Unleased) * 1000 }
  write('lease', next)
  if ((isLost || (!late && Date.now() - began < Span.Patience)) && isHere(next)) show(next)
  look()
}

/** What the server said of the lease that `sent` names: renewed, lost (null), or nothing. Comes with a visitor's token. `late`: after
 * longer than the reader waits, so that a number asked for now is for the next page. */
export const heard = (sent: string, answer?: Lease | null, late?: unknown): void => {
  const renewed = (one?: Kept): Kept | undefined => {
    if (!one?.lease || !sent.includes(one.lease.id) || answer === undefined) return
    if (!answer) forget()
    return { ...one, lease: answer && { ...one.lease, ...answer }, until: Date.now() + (answer?.expires_in ?? 0) * 1000 }
  }
  const last = renewed(kept())
  now = renewed(now) || now
  if (last) write('lease', last)
  look(late)
}

/** The number is not his any more: the next one is shown however late it comes. */
const forget = (): void => {
  asked = undefined
  isLost = true
}

const beat = async (): Promise<void> => {
  const mine = alive && !document.hidden && token() && held()
  alive = false
  const answer = mine && await ask<{ lease: Lease | null }>('renew', { lease: mine })
  if (answer) heard(mine.id, answer.lease)
}

/** The visitor is here. Is his lease over, another may have his number: he asks at once, and each minute until an answer comes. */
const wake = (): void => {
  const mine = own()
  if (isLost ? !alive : mine?.lease && mine.until < Date.now()) {
    forget()
    look()
  }
  alive = true
}

const isHere = (one: Kept): boolean => !one.per_page || one.path === location.pathname

/** A number nobody leased is asked for anew where the address names a source. */
const isFresh = (one: Kept | undefined): one is Kept =>
  !!one && one.until > Date.now() && isHere(one) && (!marksHere().utm_source || !!one.lease)

/** Shows the code; asks for what is missing: a number, a code. */
const look = (late?: unknown): void => {
  const last = kept()
  if (last?.code) for (const element of codes()) if (element.textContent !== last.code) element.textContent = last.code
  if (!isFresh(last) || (!last.coded && codes()[0])) lease(late)
}

const showKept = (): void => {
  const last = kept()
  if (isFresh(last)) show(last)
}

export const tellNumber = (to: (shown: Shown) => void): void => {
  isTold = true
  document.addEventListener(EVENT, (event) => to((event as CustomEvent<Shown>).detail))
  if (now) to(told(now))
  look()
}

export const beginNumbers = (): void => {
  for (const sign of SIGNS.split(' ')) addEventListener(sign, wake, { capture: true, passive: true })
  addEventListener('pageshow', (event) => { if (event.persisted) showKept() })
  addEventListener('storage', showKept) // another tab leased
  setInterval(beat, Span.Beat)
  watch(look)
  showKept()
  look()
}
