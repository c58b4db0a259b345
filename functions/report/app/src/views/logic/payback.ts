// «Окупаемость рекламы»: what an action, a request and a sale of advertising cost, by source, against before. Pure.
import { addTo, changeOf, divide, noSums, valueOf, type Sums } from '../../metrics'
import type { PlaceRow } from './rows'

export interface Source {
  readonly place: number
  readonly name: string
  readonly colour: string
  readonly now: Sums
  readonly before: Sums | null
}

export type Count = 'clicks' | 'visits' | 'requests' | 'qualified' | 'sales'
/** The price of one of what is counted. */
export const PRICES = { clicks: 'cpc', visits: 'cpv', requests: 'cpl', qualified: 'cpql', sales: 'cpo' } as const

export interface Bar {
  readonly place: number
  readonly name: string
  readonly colour: string
  readonly price: number | null
  readonly count: number
}

export interface Column {
  readonly count: Count
  readonly total: number
  readonly totalBefore: number | null
  readonly totalChange: number | null
  readonly price: number | null
  readonly priceBefore: number | null
  readonly priceChange: number | null
  readonly bars: readonly Bar[] // every source that cost something or has a count, dearest price first, unpaid ones last
}

/** Rows of advertising (functions/report/marts/payback.py): channels that the rules call so; of a mixture, such as other traffic, its
 * advertising part. Those that cost, brought and were visited by nobody, now and before, are left out. */
export function adRows(rows: readonly PlaceRow[], isAd: readonly (boolean | null)[]): PlaceRow[] {
  return rows.flatMap((row) => {
    const told = isAd[row.place] ?? null
    if (told !== null || row.isNoSource) return told === true ? [row] : []
    const children = row.children.filter((child) => isAd[child.place] === true)
    return children.length === 0 ? [] : [{ ...row, children, sums: added(children.map((child) => child.sums)), before: beforeOf(children) }]
  }).filter(({ sums, before }) => sums.cost || before?.cost || sums.visits || sums.revenue)
}

function added(all: readonly Sums[]): Sums {
  return all.reduce((sum, one) => addTo(sum, one), noSums())
}

function beforeOf(rows: readonly PlaceRow[]): Sums | null {
  const told = rows.flatMap((row) => row.before ?? [])
  return told.length === 0 ? null : added(told)
}

/** Actions (clicks; visits where the systems told no clicks), requests (or qualified ones), sales. `total` are sums over the sources. */
export function columnsOf(sources: readonly Source[], total: Sums, before: Sums | null, middle: 'requests' | 'qualified'): Column[] {
  const counts: Count[] = [total.clicks > 0 ? 'clicks' : 'visits', middle, 'sales']
  return counts.map((count) => {
    const price = valueOf(PRICES[count], total)
    const priceBefore = before && valueOf(PRICES[count], before)
    return {
      count, total: total[count], totalBefore: before && before[count], totalChange: before && changeOf(count, total[count], before[count]),
      price, priceBefore, priceChange: changeOf(PRICES[count], price, priceBefore),
      bars: sources
        .filter((source) => source.now.cost > 0 || source.now[count] > 0)
        .map((source) => ({
          place: source.place, name: source.name, colour: source.colour, count: source.now[count],
          price: source.now.cost > 0 ? divide(source.now.cost, source.now[count]) : null
        }))
        .sort((one, other) => (other.price ?? -1) - (one.price ?? -1) || other.count - one.count)
    }
  })
}

export interface Return {
  readonly romi: number | null
  readonly marginRomi: number | null
  readonly roi: number | null // Bitrix24's scale: 100 % pays back
  readonly romiChange: number | null // in points
}

export function returnOf(now: Sums, before: Sums | null): Return {
  const romi = valueOf('romi', now)
  return {
    romi, roi: valueOf('roi', now), marginRomi: valueOf('margin_romi', now),
    romiChange: before && changeOf('romi', romi, valueOf('romi', before))
  }
}
