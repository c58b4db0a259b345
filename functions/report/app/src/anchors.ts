// Parts of the page that mails and the page itself link to by their ids → where the app shows them.

import type { Snapshot } from './data'

type Sections = ReadonlyMap<string, readonly HTMLElement[]>

/** The view that holds an id, of a channel's row (`channel-…`) with its place; an id may be a view's own name. Nothing for ''. */
export const partOfAnchor = (anchor: string, sections: Sections, snapshot: Pick<Snapshot, 'children' | 'places' | 'pathTo'>): { view?: string, place?: string } => {
  if (anchor === '') return {}
  for (const [view, all] of sections) {
    const found = all.map((one) => one.id === anchor ? one : one.querySelector(`[id="${CSS.escape(anchor)}"]`)).find((one) => one !== null)
    if (!found) continue
    const place = anchor.startsWith('channel-') ? channelNamed(found, snapshot) : undefined
    return place === undefined ? { view } : { view, place: snapshot.pathTo(place) }
  }
  return { view: anchor }
}

/** The channel that a row of the static table is about. */
const channelNamed = (row: Element, { children, places }: Pick<Snapshot, 'children' | 'places'>): number | undefined => {
  const name = (row.querySelector('bdi') ?? row).textContent?.trim()
  return children[0]?.find((place) => places.name[place] === name)
}
