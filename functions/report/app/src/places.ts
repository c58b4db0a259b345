// Which places a path of the address names.

import type { Snapshot } from './data'

/** 1 for a place and all under it; nothing where the place is unknown. */
export const inPlace = (snapshot: Snapshot, place: number | undefined): Uint8Array => {
  const { parent } = snapshot.places
  const inside = new Uint8Array(parent.length)
  if (place === undefined) return inside
  inside[place] = 1
  for (let at = place + 1; at < parent.length; at++) if (inside[parent[at]!] === 1) inside[at] = 1
  return inside
}

/** Places of a path of the address; null: all. A path whose last part is empty names what has no name of its own there: the place with
 * that empty id, and the rows of the place above it that tell no more (tree.ts). */
export const insideOf = (snapshot: Snapshot, path: string): Uint8Array | null => {
  const place = snapshot.placeAt(path)
  if (place === 0) return null
  const inside = inPlace(snapshot, place)
  for (let above = path; above.endsWith('//');) {
    above = above.slice(0, -1)
    const coarser = snapshot.placeAt(above)
    if (coarser !== undefined) inside[coarser] = 1
  }
  return inside
}

/** Where requests without a source stand: reason → place, '' the channel itself. */
export const noSourcePlaces = ({ places }: Snapshot): ReadonlyMap<string, number> => {
  const found = new Map<string, number>()
  places.kind.forEach((kind, place) => {
    if (kind === 'no_source' && places.level[place]! <= 2) found.set(places.level[place] === 1 ? '' : places.id[place]!, place)
  })
  return found
}
