// Sums of the snapshot: by place, day, week, month and deal's description, for any model, basis, period and filters.

import { DIMENSIONS, type Dimension, type Results, type Snapshot, type Traffic } from './data'
import { type Sums, ADDITIVE, TRAFFIC, noSums } from './metrics'
import { inPlace, insideOf } from './places'
import { comparedWith, isFiltered, type State } from './state'
import { treeOf, type Node } from './tree'

export type Step = 'day' | 'week' | 'month'
/** A stretch of days (integers since the history's first one, both included) with its sums. */
export interface Stretch { readonly from: number, readonly to: number, readonly sums: Sums }
/** What one asks: days, model, basis, filters, place and currency as in the state. */
export type Query = Pick<State, 'from' | 'to' | 'model' | 'basis' | 'currency' | 'filters' | 'place'>

interface Scope {
  readonly from: number
  readonly to: number
  /** Places that count; null: all. */
  readonly places: Uint8Array | null
  /** Rows of dims that count; null: all, and then traffic counts as well. */
  readonly dims: Uint8Array | null
  /** What money is multiplied by, by day from `from`; NaN: no rate; null: the site's own currency. */
  readonly rates: Float64Array | null
}

const CLICKS = 1
const IMPRESSIONS = 2
const RESULTS = ['requests', 'qualified', 'sales', 'priced', 'unpriced'] as const

/** Figures of one period under one choice. Every method sums what is loaded; nothing is asked for. */
export class Slice {
  private whole: Sums | undefined
  private root: Node | undefined
  private known: Uint8Array | undefined

  constructor (
    readonly snapshot: Snapshot, readonly query: Query, private readonly scope: Scope,
    private readonly traffic: readonly Traffic[], private readonly results: readonly Results[]
  ) {}

  get from (): number { return this.scope.from }
  get to (): number { return this.scope.to }
  /** Whether filters leave out what belongs to no deal: then spend and visits are not known (NaN). */
  get isPart (): boolean { return this.scope.dims !== null }

  /** Days of the period that have no rate of the chosen currency: their money is not in the sums. */
  get daysWithoutRate (): number { return this.scope.rates?.reduce((days, rate) => days + (Number.isNaN(rate) ? 1 : 0), 0) ?? 0 }

  /** Sums of everything. */
  total (): Sums { return this.whole ??= rounded(this.by(1, () => 0)[0]!) }

  /** The tree of places, as reports show it: children in order, what is not split apart, spend cut to whole kopecks. */
  tree (): Node { return this.root ??= treeOf(this.snapshot, this.ofPlaces(), this.query.currency === this.snapshot.manifest.site.currency, this.scope.places) }

  /** Sums by place, of the rows of that very place. `undefined` where there are none. */
  ofPlaces (): (Sums | undefined)[] {
    const found: (Sums | undefined)[] = []
    this.each((sums, place) => { add(found[place] ??= this.fresh(), sums) })
    return found
  }

  /** Days, weeks (from Monday) or months of the period in order, also those without figures. */
  series (step: Step): Stretch[] {
    const { stretches, of } = stretchesOf(this.snapshot, this.from, this.to, step)
    const sums = this.by(stretches.length, (_place, day) => of[day - this.from]!)
    return stretches.map((stretch, at) => ({ ...stretch, sums: sums[at]! }))
  }

  /** Results by a deal's description, biggest revenue first; spend and visits have none (NaN). */
  byDim (name: Dimension): { readonly value: string, readonly sums: Sums }[] {
    const values = this.snapshot.dims[name]
    const found = new Map<string, Sums>()
    this.eachResult((sums, _place, _day, dim) => {
      const value = values[dim] ?? ''
      let kept = found.get(value)
      if (kept === undefined) found.set(value, kept = unknownTraffic(noSums()))
      addResults(kept, sums)
    })
    return [...found].map(([value, sums]) => ({ value, sums }))
      .sort((a, b) => b.sums.revenue - a.sums.revenue || b.sums.requests - a.sums.requests || (a.value < b.value ? -1 : 1))
  }

  /** The same figures of one place and what is under it. */
  under (place: number): Slice {
    const inside = inPlace(this.snapshot, place)
    const before = this.scope.places
    const places = before === null ? inside : inside.map((is, at) => is & before[at]!)
    return new Slice(this.snapshot, this.query, { ...this.scope, places }, this.traffic, this.results)
  }

  /** The same figures of some of the days. */
  within (from: number, to: number): Slice {
    const first = Math.max(from, this.from)
    const rates = this.scope.rates?.slice(first - this.from, Math.min(to, this.to) - this.from + 1) ?? null
    return new Slice(this.snapshot, this.query, { ...this.scope, from: first, to: Math.min(to, this.to), rates }, this.traffic, this.results)
  }

  /** Sums by any number of a row's own: `which` says it (−1: none), from 0 to `size` − 1. */
  by (size: number, which: (place: number, day: number) => number): Sums[] {
    const found = Array.from({ length: size }, () => this.fresh())
    this.each((sums, place, day) => { const at = which(place, day); if (at >= 0) add(found[at]!, sums) })
    return found
  }

  private fresh (): Sums { return this.isPart ? unknownTraffic(noSums()) : noSums() }

  /** Every row that counts. The sums handed over are one object, filled anew each time. */
  private each (tell: (sums: Sums, place: number, day: number) => void): void {
    if (!this.isPart) this.eachTraffic(tell)
    this.eachResult(tell)
  }

  private eachTraffic (tell: (sums: Sums, place: number, day: number) => void): void {
    const { from, to, places, rates } = this.scope
    const told = this.known ??= this.toldOf()
    const row = noSums()
    for (const { day, place, visits, clicks, impressions, cost } of this.traffic) {
      for (let at = 0; at < day.length; at++) {
        const on = day[at]!
        if (on < from || on > to || (places !== null && places[place[at]!] === 0)) continue
        row.visits = visits[at]!
        row.clicks = clicks[at]!
        row.impressions = impressions[at]!
        row.cost = money(cost[at]! / 10_000, rates, on - from)
        const has = told[place[at]!]!
        row.clicked_cost = has & CLICKS ? row.cost : 0
        row.clicked_visits = has & CLICKS ? row.visits : 0
        row.clicked_impressions = has & CLICKS ? row.impressions : 0
        row.shown_clicks = has & IMPRESSIONS ? row.clicks : 0
        const isRated = hasRate(rates, on - from)
        row.unrated_visits = isRated ? 0 : row.visits
        row.unrated_clicks = isRated ? 0 : row.clicks
        tell(row, place[at]!, on)
      }
    }
  }

  /** By place, what the cost files of its channel tell in these days. */
  private toldOf (): Uint8Array {
    const { parent, level } = this.snapshot.places
    const { from, to, places } = this.scope
    const channels = new Uint32Array(parent.length)
    for (let place = 1; place < parent.length; place++) channels[place] = level[place] === 1 ? place : channels[parent[place]!]!
    const told = new Uint8Array(parent.length)
    for (const { day, place, clicks, impressions } of this.traffic) {
      for (let at = 0; at < day.length; at++) {
        if (day[at]! < from || day[at]! > to || (places !== null && places[place[at]!] === 0)) continue
        told[channels[place[at]!]!]! |= (clicks[at]! > 0 ? CLICKS : 0) | (impressions[at]! > 0 ? IMPRESSIONS : 0)
      }
    }
    return told.map((_, place) => told[channels[place]!]!)
  }

  private eachResult (tell: (sums: Sums, place: number, day: number, dim: number) => void): void {
    const { from, to, places, dims, rates } = this.scope
    const row = noSums()
    for (const file of this.results) {
      const { day, place, dim, revenue, profit, repeat_sales, on_visit } = file
      for (let at = 0; at < day.length; at++) {
        const on = day[at]!
        if (on < from || on > to || (places !== null && places[place[at]!] === 0) || (dims !== null && dims[dim[at]!] === 0)) continue
        for (const name of RESULTS) row[name] = file[name][at]!
        row.repeat_sales = repeat_sales?.[at] ?? 0
        row.on_visit = on_visit?.[at] ?? 0
        const isRated = hasRate(rates, on - from)
        row.unrated_requests = isRated ? 0 : row.requests
        row.unrated_qualified = isRated ? 0 : row.qualified
        row.unrated_sales = isRated ? 0 : row.sales
        row.revenue = money(revenue[at]!, rates, on - from)
        row.profit = money(profit[at] ?? 0, rates, on - from)
        tell(row, place[at]!, on, dim[at]!)
      }
    }
  }
}

/** Slices by question, each made once. */
export class Cube {
  private readonly known = new Map<string, Promise<Slice>>()

  constructor (readonly snapshot: Snapshot) {}

  /** Figures for a question, once its months are there. Rejects with `Missing`. */
  slice (query: Query): Promise<Slice> {
    const { from, to, model, basis, currency, filters, place } = query
    const key = JSON.stringify([from, to, model, basis, currency, filters, place])
    let found = this.known.get(key)
    if (found === undefined) {
      if (this.known.size > 60) this.known.clear() // a session of an hour must not keep every period it ever looked at
      found = this.load(query)
      found.catch(() => this.known.delete(key))
      this.known.set(key, found)
    }
    return found
  }

  /** The state's period, and the one it is compared with (null: none, or before the history). */
  async both (state: State): Promise<{ readonly now: Slice, readonly before: Slice | null }> {
    const compared = comparedWith(state, this.snapshot.manifest)
    const [now, before] = await Promise.all([this.slice(state), compared === null ? null : this.slice({ ...state, ...compared })])
    return { now, before }
  }

  private async load (query: Query): Promise<Slice> {
    const { snapshot } = this
    const last = snapshot.days - 1
    const from = Math.min(Math.max(snapshot.day(query.from), 0), last)
    const to = Math.min(Math.max(snapshot.day(query.to), from), last)
    const scope: Scope = {
      from, to,
      places: insideOf(snapshot, query.place),
      dims: isFiltered(query as State) ? dimsOf(snapshot, query) : null,
      rates: ratesOf(snapshot, query.currency, from, to)
    }
    const [traffic, results] = await Promise.all([
      snapshot.months<Traffic>('traffic', from, to),
      snapshot.months<Results>(`results-${query.model}-${query.basis}`, from, to)
    ])
    return new Slice(snapshot, query, scope, traffic, results)
  }
}

/** Days of a period as stretches, and for each day (from `from`) which stretch it is in. */
export const stretchesOf = (snapshot: Snapshot, from: number, to: number, step: Step): { stretches: { from: number, to: number }[], of: number[] } => {
  const stretches: { from: number, to: number }[] = []
  const of: number[] = []
  for (let day = from; day <= to; day++) {
    const iso = snapshot.iso(day)
    const begins = step === 'day' || (step === 'week' ? new Date(iso).getUTCDay() === 1 : iso.endsWith('-01'))
    if (begins || stretches.length === 0) stretches.push({ from: day, to: day })
    stretches[stretches.length - 1]!.to = day
    of.push(stretches.length - 1)
  }
  return { stretches, of }
}

const dimsOf = (snapshot: Snapshot, { filters }: Query): Uint8Array => {
  const size = snapshot.dims.contact.length
  const kept = new Uint8Array(size).fill(1)
  for (const name of DIMENSIONS) {
    const wanted = new Set(filters[name])
    if (wanted.size > 0) for (let at = 0; at < size; at++) if (!wanted.has(snapshot.dims[name][at] ?? '')) kept[at] = 0
  }
  return kept
}

/** Rates are what one unit of the other currency costs in the site's, that exact day. */
const ratesOf = (snapshot: Snapshot, currency: string, from: number, to: number): Float64Array | null => {
  if (currency === snapshot.manifest.site.currency) return null
  const rates = new Float64Array(to - from + 1).fill(NaN)
  for (const rate of snapshot.manifest.rates) {
    const day = snapshot.day(rate.day)
    if (rate.currency === currency && day >= from && day <= to) rates[day - from] = 1 / Number(rate.rate)
  }
  return rates
}

const money = (amount: number, rates: Float64Array | null, day: number): number => {
  if (rates === null) return amount
  const rate = rates[day]!
  return Number.isNaN(rate) ? 0 : amount * rate
}

const hasRate = (rates: Float64Array | null, day: number): boolean => rates === null || !Number.isNaN(rates[day]!)

const add = (sums: Sums, row: Sums): void => { for (const name of ADDITIVE) sums[name] += row[name] }
const addResults = (sums: Sums, row: Sums): void => {
  for (const name of ADDITIVE) if (!TRAFFIC.includes(name)) sums[name] += row[name]
}
const unknownTraffic = (sums: Sums): Sums => {
  for (const name of TRAFFIC) sums[name] = NaN
  return sums
}

/** Spend is exact to a millionth; a total of it is rounded once, half up. */
const rounded = (sums: Sums): Sums => ({ ...sums, cost: halfUp(sums.cost), clicked_cost: halfUp(sums.clicked_cost) })
const halfUp = (amount: number): number => Math.floor(amount + 0.5 + 1e-7)
