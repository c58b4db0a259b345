// What part of a request falls to a choice of places and days, as results are summed: counts by weight, money by largest remainder.

import type { Requests } from './data'

/** What a choice has of one request: `weight` of it, and by that weight its figures. Money in kopecks; profit null where none is known. */
export interface Part {
  readonly weight: number
  readonly requests: number
  readonly qualified: number
  readonly sales: number
  readonly revenue: number
  readonly profit: number | null
}

/** Kopecks cut over touches, as functions/attribution/sql/part_money_parts.sql does: the rest goes to the largest fractions (to a
 * millionth), of equal ones to the earlier touch. A path that is told in part gets its products as they are. */
export const cutOver = (kopecks: number, weights: readonly number[], isWhole: boolean): number[] => {
  const products = weights.map((weight) => Math.abs(kopecks) * weight)
  const sign = kopecks < 0 ? -1 : 1
  if (!isWhole) return products.map((product) => sign * product)
  const told = products.map((product) => {
    const millionths = Math.round((product - Math.floor(product)) * 1e6)
    return { whole: Math.floor(product) + Math.floor(millionths / 1e6), millionths: millionths % 1e6 }
  })
  const left = Math.abs(kopecks) - told.reduce((sum, { whole }) => sum + whole, 0)
  const turns = told.map((_, at) => at).sort((a, b) => told[b]!.millionths - told[a]!.millionths || a - b)
  const parts = told.map(({ whole }) => whole)
  turns.forEach((at, turn) => { parts[at]! += turn < left ? 1 : turn >= turns.length + left ? -1 : 0 })
  return parts.map((part) => sign * part)
}

/** The part of a request whose touches `steps` (true: all of it) are in a choice. `whole` is the weight that the request's own sums stand
 * for: 1, or of a reader of some channels what these have under the report's own model. */
export const partOf = (page: Requests, at: number, steps: readonly boolean[] | true, model: number, whole: number, sales: number): Part => {
  const path = page.source[at]!
  const weights = path.map(([, , told]) => told[model] ?? 0)
  const weight = steps === true ? 1 : weights.reduce((sum, one, step) => sum + (steps[step] ? one : 0), 0)
  const money = (kopecks: number): number => {
    if (steps === true || kopecks === 0) return kopecks
    const isWhole = whole === 1 && (page.path_length?.[at] ?? path.length) === path.length
    return cutOver(kopecks, weights.map((one) => one / whole), isWhole).reduce((sum, one, step) => sum + (steps[step] ? one : 0), 0)
  }
  const profit = page.profit[at] ?? null
  return {
    weight, requests: page.counted[at] ? weight : 0, qualified: page.qualified[at] ? weight : 0, sales: sales * weight / (steps === true ? 1 : whole),
    revenue: money(page.revenue[at]!), profit: profit === null ? null : money(profit)
  }
}

/** Sums of parts; profit null where no part has one. */
export const sumOf = (parts: Iterable<Part>): Part => {
  let [weight, requests, qualified, sales, revenue] = [0, 0, 0, 0, 0]
  let profit: number | null = null
  for (const part of parts) {
    weight += part.weight
    requests += part.requests
    qualified += part.qualified
    sales += part.sales
    revenue += part.revenue
    if (part.profit !== null) profit = (profit ?? 0) + part.profit
  }
  return { weight, requests, qualified, sales, revenue, profit }
}
