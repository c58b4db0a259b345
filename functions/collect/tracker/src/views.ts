// Page views, also of single-page applications, of pages loaded ahead and of pages that come back from the browser's cache.

import { bare, data, here } from './page'
import { hit } from './outbox'
import { read, write } from './storage'

export interface Touch { t: number, url: string, ref: string }

/** Where the visitor came to this page from: pages of a single-page application follow each other without a load. */
export let referrer = bare(document.referrer)

let page: string | undefined
let path: string | undefined

export const touch = (): Touch => ({ t: Date.now(), url: here(), ref: referrer })

/** The visitor's first touch: sent forms tell it, for the CRM (settings crm.new_requests). */
export const first = (): Touch => read<Touch>('first') || touch()

const view = (isReplaced?: boolean): void => {
  const now = here().replace('hash' in data ? '' : /#.*$/, '')
  const isSeen = now === page || (isReplaced && location.pathname === path)
  if (page && now !== page) referrer = page
  page = now
  path = location.pathname
  if (isSeen) return
  write('first', first())
  hit('page_view')
}

/** The same page counts once more: it came back, or may now be seen. */
export const again = (): void => view(page = undefined)

const follow = (name: 'pushState' | 'replaceState'): void => {
  const own = history[name]
  history[name] = function (...state) {
    own.apply(this, state)
    setTimeout(view, 0, name === 'replaceState')
  }
}

export const watchViews = (): void => {
  follow('pushState')
  follow('replaceState')
  addEventListener('popstate', () => setTimeout(view)) // comes with a new hash, too
  addEventListener('pageshow', (event) => { if (event.persisted) again() })
  view()
}
