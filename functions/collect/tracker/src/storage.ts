// localStorage of this site, with memory in front of it where nothing may be written, and memory alone without consent.

import { denied, site } from './page'

const PARTS = ['outbox', 'visitor', 'first', 'lease']
let memory: Record<string, unknown> = {}
const key = (part: string): string => 'skvoz_' + part + '_' + site

export const read = <T>(part: string): T | undefined => {
  try {
    if (!(part in memory) && !denied()) return JSON.parse(localStorage[key(part)])
  } catch { /* blocked, or not ours */ }
  return memory[part] as T | undefined
}

export const write = (part: string, value: unknown): void => {
  memory[part] = value
  try {
    if (denied()) return
    localStorage[key(part)] = JSON.stringify(value)
    delete memory[part]
  } catch { /* blocked or full */ }
}

/** Nothing that tells visitors apart stays. */
export const forget = (): void => {
  memory = {}
  try { PARTS.forEach((part) => delete localStorage[key(part)]) } catch { /* blocked */ }
}
