// What requests pages tell of a deal's description: communications and receivables. Pure.
import type { Dimension, Dims, Requests } from '../../data'
import type { Chosen } from './chosen'

export interface Extra {
  requests: number
  told: number // requests whose communications are known
  communications: number
  receivable: number // kopecks
}

export interface Extras {
  readonly by: ReadonlyMap<string, Extra>
  readonly all: Extra
}

/** Sums over chosen requests by a word of their description. A request counts whole. */
export function extrasOf(requests: Iterable<Chosen>, dims: Dims, name: Dimension): Extras {
  const by = new Map<string, Extra>()
  const all = nothing()
  for (const { page, at } of requests) {
    const value = dims[name][page.dim[at] as number] ?? ''
    const kept = by.get(value) ?? nothing()
    by.set(value, kept)
    for (const one of [kept, all]) add(one, page, at)
  }
  return { by, all }
}

/** Communications of a deal: the mean of the requests that tell them; null where none does. */
export function meanOf(extra: Extra | undefined): number | null {
  return extra === undefined || extra.told === 0 ? null : extra.communications / extra.told
}

function add(extra: Extra, page: Requests, at: number): void {
  extra.requests += 1
  const communications = page.communications[at]
  if (communications !== null && communications !== undefined) {
    extra.told += 1
    extra.communications += communications
  }
  extra.receivable += page.receivable[at] ?? 0
}

function nothing(): Extra {
  return { requests: 0, told: 0, communications: 0, receivable: 0 }
}
