// The visitor's number: leased once a page at most, kept for all pages and tabs of the site, renewed while he is here.

import { data, denied, here, post, site } from './page'
import { read, write } from './storage'
import { digits, hasPhone, swap, watch } from './swap'
import { token } from './visitor'

interface Lease { id: string, expires_in: number }
interface Marks { utm_source?: string, utm_medium?: string, utm_campaign?: string }
interface Answer { number: string | null, shown: string | null, kind: string, lease: Lease | null, replaces: string[] }
interface Kept extends Answer { until: number, marks: Marks }
export type Shown = Pick<Answer, 'number' | 'shown' | 'kind'>

const PATIENCE = 800 // ms: after that, nothing changes under the reader's eyes
const BEAT = 60000
const UNLEASED = 300000 // ms for which other pages show a number that is nobody's own, or none
const VISIT = 1800000 // ms for which the marks of an earlier page still say where the visitor came from
const SIGNS = ['input', 'scroll', 'pointerdown', 'pointermove', 'keydown']

const listed = (data.phones || '').split(',').map(digits).filter(Boolean)
const tells: Array<(shown: Shown) => void> = []
let asked = false
let alive = false
let now: Kept | undefined // what this page shows

const kept = (): Kept | undefined => read<Kept>('lease')

/** The lease that a batch of hits renews. */
export const held = (): { number: string | null, id: string } | undefined => {
  const own = kept()
  return own?.lease ? { number: own.number, id: own.lease.id } : undefined
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

const show = (own: Kept): void => {
  if (!own.number) return
  now = own
  swap(listed[0] ? listed : (own.replaces || []).map(digits), own.number, own.shown || own.number)
  tells.forEach((tell) => tell(own))
}

const ask = async <T>(path: string, body: object): Promise<T | undefined> => {
  try {
    const answer = await post('numbers/' + path, JSON.stringify({ site, visitor: token(), ...body }))
    return answer.ok && !denied() ? await answer.json() : undefined
  } catch { return undefined }
}

const isNeeded = (): boolean => !!tells[0] || hasPhone(listed)

const lease = async (): Promise<void> => {
  if (asked || !token() || !isNeeded()) return
  asked = true
  const began = Date.now()
  const marked = marksHere()
  const before = kept()
  const marks = marked.utm_source || !before || before.until < began - VISIT ? marked : before.marks
  const answer = await ask<Answer>('lease', { page_url: here(), ...marks })
  if (!answer) return
  const own = { ...answer, marks, until: began + (answer.lease ? answer.lease.expires_in * 1000 : UNLEASED) }
  write('lease', own)
  if (Date.now() - began <= PATIENCE) show(own)
}

/** What the server said of the lease that was sent: renewed, lost (null), or nothing. Comes with a visitor's token. */
export const heard = (sent?: { id: string }, told?: Lease | null): void => {
  const own = kept()
  if (own?.lease && sent && own.lease.id === sent.id) {
    if (told) write('lease', { ...own, lease: told, until: Date.now() + told.expires_in * 1000 })
    else if (told === null) {
      write('lease', { ...own, lease: null, until: Date.now() })
      asked = false
    }
  }
  leaseIfNone()
}

const beat = async (): Promise<void> => {
  const own = held()
  if (!alive || document.hidden || denied() || !own || !token()) return
  alive = false
  const answer = await ask<{ lease: Lease | null }>('renew', { lease: own })
  if (answer) heard(own, answer.lease)
}

/** A number nobody leased is asked for anew where the address names a source. */
const isFresh = (own: Kept | undefined): own is Kept =>
  !!own && own.until > Date.now() && (!!own.lease || !marksHere().utm_source)

const leaseIfNone = (): void => { if (!isFresh(kept())) lease() }

const showKept = (): void => {
  const own = kept()
  if (isFresh(own)) show(own)
}

export const tellNumber = (tell: (shown: Shown) => void): void => {
  tells.push(tell)
  if (now) tell(now)
  else leaseIfNone()
}

export const beginNumbers = (): void => {
  for (const sign of SIGNS) addEventListener(sign, () => { alive = true }, { capture: true, passive: true })
  addEventListener('pageshow', (event) => { if (event.persisted) showKept() })
  setInterval(beat, BEAT)
  watch(leaseIfNone)
  showKept()
}
