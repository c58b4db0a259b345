// Rows of a table of places: sums of now and before by the same place, names and colours as readers know them. Pure.
import type { Snapshot } from '../../data'
import type { Slice } from '../../cube'
import type { Sums } from '../../metrics'
import { NOT_SPLIT, type Node } from '../../tree'

export interface PlaceRow {
  readonly key: string
  readonly place: number
  readonly level: number
  readonly name: string
  readonly colour: string
  readonly isNotSplit: boolean
  readonly isNoSource: boolean
  readonly sums: Sums
  readonly before: Sums | null
  readonly children: readonly PlaceRow[]
}

const PALETTE = ['#3451b2', '#0b8f6a', '#c2571a', '#8a3ffc', '#b3275f', '#0a7fa8', '#6f7d00', '#7a4a2b']

/** A place's own colour, else its nearest ancestor's, else one of a few by its number, the same every time. */
export function colourOf(snapshot: Snapshot, place: number): string {
  for (let at = place; at > 0; at = snapshot.places.parent[at] as number) {
    const own = snapshot.places.colour[at]
    if (own) return own
  }
  return PALETTE[place % PALETTE.length] as string
}

/** Rows under the chosen place (the channels where none is chosen). `words` name what has no place of its own. */
export function placeRows(now: Slice, before: Slice | null, place: number, words: { notSplit: string; unset: string }): PlaceRow[] {
  const { snapshot } = now
  const known = new Map<string, Sums>()
  if (before !== null) remember(before.tree(), known)
  const made = (node: Node): PlaceRow => ({
    key: node.key, place: node.place, level: node.level, isNotSplit: node.isNotSplit, isNoSource: node.kind === 'no_source',
    name: node.id === NOT_SPLIT ? words.notSplit : (snapshot.places.id[node.place] === node.id && snapshot.places.name[node.place]) || words.unset,
    colour: colourOf(snapshot, node.place), sums: node.sums, before: before === null ? null : known.get(node.key) ?? null,
    children: node.children.map(made)
  })
  return (find(now.tree(), place)?.children ?? []).map(made)
}

/** The node of a place, not one that was made for what is not split in it. */
export function find(node: Node, place: number): Node | null {
  if (node.place === place && !node.isNotSplit) return node
  for (const child of node.children) {
    const found = find(child, place)
    if (found !== null) return found
  }
  return null
}

function remember(node: Node, known: Map<string, Sums>): void {
  known.set(node.key, node.sums)
  for (const child of node.children) remember(child, known)
}
