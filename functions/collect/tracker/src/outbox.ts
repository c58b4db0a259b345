// Hits wait here until the server has them: fetch with keepalive, then a beacon, then the next try or the next page.

import { address, consentWord, newId, post, site } from './page'
import { held, heard, Span } from './numbers'
import { read, write } from './storage'
import { touch } from './views'
import { adopt, who } from './visitor'

export interface Contact { phones: string[], emails: string[] }
interface Hit { id: string, t: number }
interface Answer { token?: string, lease?: { id: string, expires_in: number } | null }

/** An enum, because its numbers are written where they are used: the built file is smaller. */
const enum Limit {
  Kept = 100, // and as many as a batch may hold
  Characters = 20000, // three bytes each at most: keepalive requests share 64 KiB
  Oldest = 7 * 864e5,
  FirstPause = 2000,
  LongestPause = 120000
}

let began = 0 // the first try of what no answer came to yet
const flying: Record<string, string> = {} // id of a hit on its way → its batch
let timer: number
const contacts: Record<string, Contact | undefined> = {} // by id of the hit, for its first try only; never written to the browser

const kept = (): Hit[] => ([] as Hit[]).concat(read('outbox') || []).filter((hit) => hit.t > Date.now() - Limit.Oldest)
const keep = (hits: Hit[]): void => write('outbox', hits.slice(-Limit.Kept))

const batch = (hits: Hit[]): string => JSON.stringify({
  site,
  visitor: who(),
  consent: consentWord(),
  sent_at: Date.now(),
  ...NUMBERS && { lease: held() },
  hits: hits.map((hit) => ({ ...hit, contact: contacts[hit.id] }))
})

const next = (): Hit[] => {
  const hits = kept().filter((hit) => !flying[hit.id])
  while (hits[1] && batch(hits).length > Limit.Characters) hits.pop()
  return hits
}

const later = (pause: number): void => { clearTimeout(timer); timer = setTimeout(send, pause) }

export const send = async (): Promise<void> => {
  const hits = next()
  if (!hits[0]) return
  const body = batch(hits)
  for (const { id } of hits) {
    flying[id] = body
    delete contacts[id]
  }
  const tried = began ||= Date.now()
  try {
    const answer = await post('hits', body)
    if (answer.status === 429 || answer.status > 499) throw 0
    const told: Answer = answer.ok && await answer.json()
    // The server has these, or refused them and would again.
    keep(kept().filter((hit) => flying[hit.id] !== body))
    began = 0
    later(0)
    if (told.token) {
      adopt(told.token)
      if (NUMBERS) heard(body, told.lease, Date.now() - tried > Span.Patience)
    }
  } catch {
    // Nothing tells whether a beacon arrives: its hits stay in the outbox, and keep their ids.
    if (document.hidden) navigator.sendBeacon?.(address('hits'), body)
    // A pause is as long as all before it and two seconds: each twice the last one. Clocks may go back.
    later(Math.min(Math.abs(Date.now() - tried) + Limit.FirstPause, Limit.LongestPause))
  }
  for (const { id } of hits) delete flying[id]
}

/** One hit. `atOnce` where the page may be left the next moment. */
export const hit = (kind: string, more?: object, atOnce?: boolean, contact?: Contact): void => {
  const id = newId()
  contacts[id] = contact
  keep(kept().concat({
    id, kind, ...touch(), title: document.title.slice(0, 300),
    screen: screen.width + 'x' + screen.height, lang: navigator.language, ...more
  } as Hit))
  if (atOnce) send()
  else later(began ? Limit.FirstPause : 50)
}
