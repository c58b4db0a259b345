// Sums of places → the tree that reports show (functions/report/marts/tree.py says the same in Python).
//
// What is told coarser than its siblings stays in a child of its own: spend in "not split", visits and results in one without a name.

import type { Kind, Snapshot } from './data'
import { type Additive, type Sums, addTo, noSums } from './metrics'

export const NOT_SPLIT = '\0not split' // no id from outside can carry a NUL
const NOT_SET = '(not set)'

export interface Node {
  /** The place it stands for; of a child that no place stands for (not split, not set) its parent's. */
  readonly place: number
  readonly id: string
  readonly level: number
  /** Path as in the address (Snapshot.pathTo), of made children with a last part of their own: the row's key. */
  readonly key: string
  readonly kind: Kind
  readonly isNotSplit: boolean
  readonly sums: Sums
  children: Node[]
}

interface Made extends Node { exact: number }

/** `isExact`: money is in the site's currency, and spend is to be cut to whole kopecks. `inside`: places that are asked for (null: all);
 * "no source" among them has its row even where there is nothing. */
export const treeOf = (snapshot: Snapshot, own: readonly (Sums | undefined)[], isExact: boolean, inside: Uint8Array | null = null): Node => {
  const { parent, id, level, kind } = snapshot.places
  const size = parent.length
  const has = new Uint8Array(size)
  for (let place = size - 1; place >= 0; place--) {
    if (own[place] !== undefined || (kind[place] === 'no_source' && level[place] === 1 && (inside === null || inside[place] === 1))) has[place] = 1
    if (has[place] === 1 && place > 0) has[parent[place]!] = 1
  }
  const make = (place: number, told: string, under: Made | null, at: number): Made => ({
    place, id: told, level: at, kind: under === null || under.level === 0 ? kind[place]! : under.kind, isNotSplit: told === NOT_SPLIT,
    key: under === null ? '' : `${under.key}${told === NOT_SPLIT ? '!' : encodeURIComponent(told)}/`, sums: noSums(), children: [], exact: 0
  })

  const grow = (place: number, under: Made | null, rows: Sums | undefined): Made => {
    const node = make(place, id[place]!, under, level[place]!)
    const children = snapshot.children[place]!.filter((child) => has[child] === 1)
    if (children.length === 0 && node.level !== 1) {
      if (rows !== undefined) take(node, rows)
      return node
    }
    const unset = node.level === 1 ? ['', NOT_SET] : ['']
    const isSplit = children.some((child) => !unset.includes(id[child]!))
    const unsplit = make(place, NOT_SPLIT, node, node.level + 1)
    /** What stays of a child's own rows when spend that belongs to all children has been taken out. */
    const left = (told: Sums | undefined): Sums | undefined => {
      if (told === undefined || !isSplit || !hasSpend(told)) return told
      take(unsplit, spendOf(told))
      return hasMore(withoutSpend(told)) ? withoutSpend(told) : undefined
    }
    let nameless: Sums | undefined = left(rows)
    for (const child of children) {
      const told = node.level === 1 && unset.includes(id[child]!) ? left(own[child]) : own[child]
      if (id[child] === '') {
        const both = joined(told, nameless)
        nameless = undefined
        if (both !== undefined || isParent(child)) node.children.push(grow(child, node, both))
      } else if (told !== undefined || isParent(child) || kind[child] === 'no_source') node.children.push(grow(child, node, told))
    }
    if (nameless !== undefined) {
      const rest = make(place, '', node, node.level + 1)
      take(rest, nameless)
      node.children.push(rest)
    }
    if (hasSpend(unsplit.sums)) node.children.push(unsplit)
    for (const child of node.children as Made[]) { addTo(node.sums, child.sums); node.exact += child.exact }
    return node
  }
  const isParent = (place: number): boolean => snapshot.children[place]!.some((child) => has[child] === 1)

  const root = grow(0, null, own[0])
  if (isExact) {
    cut(root, Math.floor(root.exact + 0.5 + 1e-7))
    for (const channel of root.children) if (channel.sums.clicks > 0) costOfClicks(channel)
    root.sums.clicked_cost = root.children.reduce((all, { sums }) => all + sums.clicked_cost, 0)
  }
  order(root, snapshot)
  return root
}

const take = (node: Made, rows: Sums): void => { addTo(node.sums, rows); node.exact += rows.cost }
const joined = (a: Sums | undefined, b: Sums | undefined): Sums | undefined =>
  a === undefined ? b : b === undefined ? a : addTo({ ...a }, b)
// NaN (not known) is no spend that could be told apart.
const hasSpend = (sums: Sums): boolean => sums.cost > 0 || sums.clicks > 0 || sums.impressions > 0
const SPEND: readonly Additive[] = ['cost', 'clicks', 'impressions', 'clicked_cost', 'clicked_impressions', 'shown_clicks', 'unrated_clicks']
const spendOf = (sums: Sums): Sums => SPEND.reduce((told, name) => ({ ...told, [name]: sums[name] }), noSums())
const withoutSpend = (sums: Sums): Sums => SPEND.reduce((told, name) => ({ ...told, [name]: 0 }), sums)
const hasMore = (sums: Sums): boolean =>
  Object.values(sums).some((value: number) => value !== 0 && !Number.isNaN(value))

const byId = (a: Node, b: Node): number => a.id < b.id ? -1 : a.id > b.id ? 1 : 0

/** A node's spend in whole kopecks, cut down over its children by largest remainder, so that rows add up. */
const cut = (node: Made, total: number): void => {
  node.sums.cost = total
  if (node.children.length === 0) return
  const parts = ([...node.children] as Made[]).sort(byId)
  const floors = parts.map((part) => Math.floor(part.exact + 1e-7))
  let left = total - floors.reduce((sum, part) => sum + part, 0)
  const turns = parts.map((_, at) => at).sort((a, b) => (floors[a]! - parts[a]!.exact) - (floors[b]! - parts[b]!.exact) || a - b)
  for (const at of turns) if (left > 0) { floors[at]! += 1; left-- }
  parts.forEach((part, at) => cut(part, floors[at]!))
}

/** Spend that clicks were told of is cut as spend is: all that the channel cost. */
const costOfClicks = (node: Node): void => {
  node.sums.clicked_cost = node.sums.cost
  node.children.forEach(costOfClicks)
}

const order = (node: Node, snapshot: Snapshot): void => {
  const last = (one: Node): number => node.level === 0 && one.kind === 'no_source' ? 2 : one.isNotSplit ? 1 : 0
  node.children.sort((a, b) => last(a) - last(b) || b.sums.revenue - a.sums.revenue || (b.sums.cost - a.sums.cost || 0) ||
    (b.sums.visits - a.sums.visits || 0) || byId(a, b))
  for (const child of node.children) order(child, snapshot)
}
