// Requests and deals of the reader's choice, found page by page as they are looked at.

import { DIMENSIONS, OWN_SOURCE, SIGNIFICANT, type Requests, type Snapshot } from './data'
import { insideOf, noSourcePlaces } from './places'
import { partOf, type Part } from './share'
import type { State } from './state'

/** One request: a row of a page's columns. */
export interface Deal { readonly page: Requests, readonly at: number, readonly key: string }
export const DEAL_MEASURES = ['all', 'requests', 'qualified', 'disqualified', 'sales', 'revenue', 'lost'] as const
export type DealMeasure = (typeof DEAL_MEASURES)[number]

export const measureIn = (state: Pick<State, 'more'>): DealMeasure => {
  const told = state.more['measure'] as DealMeasure
  return DEAL_MEASURES.includes(told) ? told : 'all'
}

const asDay = (snapshot: Snapshot, day: number | string): number => typeof day === 'number' ? day : snapshot.day(day)
const folded = (text: string): string => text.toLocaleLowerCase()

/** Why requests were dropped, as `more` keeps it: a group and a reason, either may be empty. */
export const whyDropped = (group: string, reason: string): string => `${group}\n${reason}`

/** The heaviest touch under a model (of equal ones the earliest, as in sql/deal_paths.sql); -1 where there is none. */
export const heaviest = (page: Requests, at: number, model: number): number => {
  let found = -1
  page.source[at]!.forEach(([, , weights], step) => {
    if ((weights[model] ?? 0) > 0 && (found < 0 || (weights[model] ?? 0) > (page.source[at]![found]![2][model] ?? 0) + 1e-9)) found = step
  })
  return found
}

const ONE_TOUCH = ['first', 'last', 'last_non_direct', 'last_significant']

/** Code of the rule that chose the heaviest touch (texts app.why.*), as functions/report/marts/deals.py and delivery/scope.py tell it. */
export const whyOf = (snapshot: Snapshot, page: Requests, at: number, model: string): string => {
  const path = page.source[at]!
  const step = heaviest(page, at, snapshot.manifest.models.indexOf(model))
  if (step < 0) return page.left_out?.[at] ? 'visits_left_out' : 'no_touch'
  const isOnly = (page.path_length?.[at] ?? path.length) === 1
  const [place, , weights, , marks = 0] = path[step]!
  if (!isOnly && !ONE_TOUCH.includes(model)) return model
  if (marks & OWN_SOURCE) return 'own_source'
  if (isOnly) return snapshot.manifest.scope === '' ? 'only_touch' : (weights[snapshot.manifest.models.indexOf(model)] ?? 0) > 1 - 1e-6 ? 'only_seen' : 'part_seen'
  if (model === 'first' || model === 'last' || (model === 'last_significant' && marks & SIGNIFICANT)) return model
  return snapshot.places.kind[place] === 'direct' ? 'all_direct' : 'last_non_direct'
}

/** What decides whether a request is among those asked for, and which part of it. By the basis of the figures: the request's day, the
 * day of each touch, or the days of its sales (of anything else than sales the request's day, for money by day is not in the files). */
export class Choice {
  readonly model: number
  readonly measure: DealMeasure
  /** Whether a request may be here in part. */
  readonly isParted: boolean
  private readonly inside: Uint8Array | null
  private readonly from: number
  private readonly to: number
  private readonly days: readonly [first: string, last: string]
  private readonly by: 'request' | 'sale' | 'touch'
  private readonly own: number
  private readonly bare: ReadonlyMap<string, number>
  private readonly dims: Uint8Array | null
  private readonly wanted: string
  private readonly why: string

  constructor (private readonly snapshot: Snapshot, state: State) {
    const { manifest, dims } = snapshot
    this.from = snapshot.day(state.from)
    this.to = snapshot.day(state.to)
    this.days = [state.from, state.to]
    this.model = manifest.models.indexOf(state.model)
    this.own = manifest.scope === '' ? -1 : manifest.models.indexOf(manifest.model)
    this.measure = measureIn(state)
    this.by = state.basis === 'touch' ? 'touch' : state.basis === 'payment' && this.measure === 'sales' ? 'sale' : 'request'
    this.wanted = folded(state.search.trim())
    this.why = this.measure === 'disqualified' ? state.more['why'] ?? '' : ''
    this.inside = insideOf(snapshot, state.place)
    this.isParted = this.inside !== null || this.by === 'touch' || this.own >= 0
    this.bare = noSourcePlaces(snapshot)
    const isFiltered = DIMENSIONS.some((name) => state.filters[name].length > 0)
    this.dims = !isFiltered ? null
      : Uint8Array.from(dims.contact, (_, at) => DIMENSIONS.every((name) => state.filters[name].length === 0 || state.filters[name].includes(dims[name][at] ?? '')) ? 1 : 0)
  }

  /** Pages that may hold any of them, newest first: sales and touches have other days than their requests. */
  get pages (): string[] {
    return this.snapshot.manifest.pages.filter((page) => this.by === 'sale' ||
      (asDay(this.snapshot, page.to) >= this.from && (this.by === 'touch' || asDay(this.snapshot, page.from) <= this.to))).map((page) => page.name)
  }

  takes (page: Requests, at: number): boolean {
    if (!this.isMeasured(page, at)) return false
    if (this.dims !== null && this.dims[page.dim[at]!] === 0) return false
    if (this.why !== '' && this.why !== whyDropped(page.loss_group[at] ?? '', page.loss_reason[at] ?? '')) return false
    if (this.part(page, at).weight === 0) return false
    return this.wanted === '' || this.text(page, at).includes(this.wanted)
  }

  /** What the choice has of a request. */
  part (page: Requests, at: number): Part {
    const path = page.source[at]!
    const sales = this.by === 'sale' ? this.salesOf(page, at) : page.sales[at]!
    const whole = this.own < 0 ? 1 : path.reduce((sum, [, , weights]) => sum + (weights[this.own] ?? 0), 0) || 1
    return partOf(page, at, this.stepsOf(page, at), this.model, whole, sales)
  }

  /** Which touches of a request are in the places and days asked for. */
  private stepsOf (page: Requests, at: number): readonly boolean[] | true {
    const path = page.source[at]!
    const isDue = this.by === 'sale' ? this.salesOf(page, at) > 0 : page.day[at]! >= this.from && page.day[at]! <= this.to
    if (path.length === 0) return isDue && this.has(this.bare.get(page.reason[at]!) ?? this.bare.get('')) ? true : []
    if (this.by !== 'touch' && !isDue) return []
    if (!this.isParted) return true
    return path.map(([place, time]) => this.has(place) && (this.by !== 'touch' || this.isInDays(time.slice(0, 10))))
  }

  private has (place: number | undefined): boolean { return this.inside === null || (place !== undefined && this.inside[place] === 1) }
  private isInDays (day: string): boolean { return day >= this.days[0] && day <= this.days[1] }
  private salesOf (page: Requests, at: number): number {
    return page.deals[at]!.filter(({ sale_day: day }) => day !== null && day !== undefined && day >= this.from && day <= this.to).length
  }

  private isMeasured (page: Requests, at: number): boolean {
    switch (this.measure) {
      case 'requests': return Boolean(page.counted[at])
      case 'qualified': return Boolean(page.qualified[at])
      case 'disqualified': return Boolean(page.disqualified[at])
      case 'sales': return this.by === 'sale' || page.sales[at]! > 0
      case 'revenue': return page.revenue[at] !== 0 || Boolean(page.profit[at])
      case 'lost': return Boolean(page.disqualified[at]) || page.deals[at]!.some((deal) => deal.meaning === 'lost')
      default: return true
    }
  }

  private text (page: Requests, at: number): string {
    const { snapshot } = this
    const dim = page.dim[at]!
    return folded([
      page.id[at], page.order[at], page.loss_reason[at], page.contact[at], ...DIMENSIONS.map((name) => snapshot.dims[name][dim] ?? ''),
      ...page.deals[at]!.flatMap((deal) => [deal.id, deal.stage ?? '', deal.status ?? '']),
      ...page.source[at]!.flatMap(([place]) => snapshot.namesOf(place))
    ].join(' '))
  }
}

export interface Found { readonly deals: readonly Deal[], readonly looked: number, readonly isAll: boolean }

/** Finds deals of a choice, newest first, no further than asked for. */
export class Finder {
  private readonly deals: Deal[] = []
  private readonly names: readonly string[]
  private next = 0
  private looked = 0
  private isStopped = false
  private running: Promise<void> | undefined
  private wanted = 0

  constructor (private readonly snapshot: Snapshot, readonly choice: Choice, private readonly tell: (found: Found) => void) {
    this.names = choice.pages
  }

  get found (): Found { return { deals: this.deals, looked: this.looked, isAll: this.next >= this.names.length } }
  stop (): void { this.isStopped = true }

  /** At least `count` of them, if there are so many. Rejects with `Missing`; what was found stays. */
  async reach (count: number): Promise<void> {
    this.wanted = Math.max(this.wanted, count)
    this.running ??= this.run().finally(() => { this.running = undefined })
    return this.running
  }

  private async run (): Promise<void> {
    let drawn = performance.now()
    while (!this.isStopped && this.deals.length < this.wanted && this.next < this.names.length) {
      const name = this.names[this.next]!
      const page = await this.snapshot.file<Requests>(name)
      if (this.isStopped) return
      this.next++
      if (page !== undefined) {
        for (let at = 0; at < page.id.length; at++) {
          if (this.choice.takes(page, at)) this.deals.push({ page, at, key: page.id[at]! })
        }
        this.looked += page.id.length
      }
      if (performance.now() - drawn > 80) { // the page must stay smooth while a year is looked through
        this.tell(this.found)
        await new Promise((go) => setTimeout(go))
        drawn = performance.now()
      }
    }
    if (!this.isStopped) this.tell(this.found)
  }
}

export const SORTS = ['newest', 'revenue', 'profit', 'oldest'] as const

/** Deals in another order than they came in; the newest stay first among equals. */
export const sorted = (deals: readonly Deal[], order: string): readonly Deal[] => {
  if (order === 'oldest') return [...deals].reverse()
  if (order === 'revenue') return [...deals].sort((a, b) => b.page.revenue[b.at]! - a.page.revenue[a.at]!)
  if (order === 'profit') return [...deals].sort((a, b) => (b.page.profit[b.at] ?? -Infinity) - (a.page.profit[a.at] ?? -Infinity) || 0)
  return deals
}
