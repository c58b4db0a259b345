// Requests of the pages that the reader's choice leaves: period, filters, place, with their weights under the model. Pure.
import { insideOf, noSourcePlaces } from '../../places'
import { DIMENSIONS, type Requests, type Snapshot } from '../../data'
import type { State } from '../../state'

export interface Chosen {
  readonly page: Requests
  readonly at: number
  readonly shares: readonly (readonly [place: number, weight: number])[]
}

type Wanted = Pick<State, 'model' | 'filters' | 'place'>

/** A request without a path stands whole at its reason under "no source". Of a path that is told in part, weights are made whole. */
export function* chosen(snapshot: Snapshot, pages: readonly Requests[], wanted: Wanted, from: number, to: number): Generator<Chosen> {
  const model = snapshot.manifest.models.indexOf(wanted.model)
  const inside = insideOf(snapshot, wanted.place)
  const reasons = noSourcePlaces(snapshot)
  for (const page of pages) {
    for (let at = 0; at < page.day.length; at++) {
      const day = page.day[at] as number
      if (day < from || day > to || !isWanted(snapshot, wanted, page.dim[at] as number)) continue
      const shares = sharesOf(page, at, model, reasons, snapshot.manifest.scope === '').filter(([one]) => inside === null || inside[one] === 1)
      if (shares.length > 0) yield { page, at, shares }
    }
  }
}

function isWanted(snapshot: Snapshot, { filters }: Wanted, dim: number): boolean {
  return DIMENSIONS.every((name) => filters[name].length === 0 || filters[name].includes(snapshot.dims[name][dim] ?? ''))
}

function sharesOf(page: Requests, at: number, model: number, reasons: ReadonlyMap<string, number>, isWhole: boolean): [number, number][] {
  const path = page.source[at] as unknown as readonly (readonly [number, string, readonly number[]])[]
  if (path.length === 0) {
    const place = reasons.get(page.reason[at] ?? '') ?? reasons.get('')
    return place === undefined ? [] : [[place, 1]]
  }
  const shares = path.map(([place, , weights]): [number, number] => [place, weights[model] ?? 0]).filter(([, weight]) => weight > 0)
  const told = shares.reduce((all, [, weight]) => all + weight, 0)
  return !isWhole || told <= 0 || Math.abs(told - 1) < 1e-6 ? shares : shares.map(([place, weight]) => [place, weight / told])
}

/** The channel of a place. */
export function channelOf({ places }: Snapshot, place: number): number {
  let at = place
  while (at > 0 && (places.level[at] as number) > 1) at = places.parent[at] as number
  return at
}
