// Requests and deals of the reader's choice, found page by page as they are looked at.

import { DIMENSIONS, type Requests, type Snapshot } from './data'
import { inPlace } from './cube'
import type { State } from './state'

/** One request: a row of a page's columns. */
export interface Deal { readonly page: Requests, readonly at: number, readonly key: string }
export const DEAL_MEASURES = ['all', 'requests', 'qualified', 'sales', 'revenue', 'lost'] as const
export type DealMeasure = (typeof DEAL_MEASURES)[number]

export const measureIn = (state: Pick<State, 'more'>): DealMeasure => {
  const told = state.more['measure'] as DealMeasure
  return DEAL_MEASURES.includes(told) ? told : 'all'
}

const asDay = (snapshot: Snapshot, day: number | string): number => typeof day === 'number' ? day : snapshot.day(day)
const folded = (text: string): string => text.toLocaleLowerCase()

/** The weight of a request in a place under a model: 1 for everything, less where other places have a part. */
export const weightIn = (page: Requests, at: number, inside: Uint8Array | null, model: number): number =>
  inside === null ? 1 : page.source[at]!.reduce((sum, [place, , weights]) => sum + (inside[place] === 1 ? weights[model] ?? 0 : 0), 0)

/** The heaviest touch under a model (of equal ones the latest); -1 where there is none. */
export const heaviest = (page: Requests, at: number, model: number): number => {
  let found = -1
  page.source[at]!.forEach(([, , weights], step) => {
    if ((weights[model] ?? 0) > 0 && (found < 0 || (weights[model] ?? 0) >= (page.source[at]![found]![2][model] ?? 0) - 1e-9)) found = step
  })
  return found
}

/** Code of the rule that chose the heaviest touch (texts app.why.*). */
export const whyOf = (snapshot: Snapshot, page: Requests, at: number, model: string): string => {
  const path = page.source[at]!
  const step = heaviest(page, at, snapshot.manifest.models.indexOf(model))
  if (step < 0) return 'no_touch'
  if ((page.path_length?.[at] ?? path.length) === 1) return 'only_touch'
  const isDirect = snapshot.places.kind[path[step]![0]] === 'direct'
  return isDirect && (model === 'last_non_direct' || model === 'last_significant') ? 'all_direct' : model
}

/** What decides whether a request is among those asked for. */
export class Choice {
  readonly inside: Uint8Array | null
  readonly model: number
  readonly measure: DealMeasure
  private readonly from: number
  private readonly to: number
  private readonly dims: Uint8Array | null
  private readonly reason: string | null
  private readonly wanted: string

  constructor (private readonly snapshot: Snapshot, state: State) {
    this.from = snapshot.day(state.from)
    this.to = snapshot.day(state.to)
    this.model = snapshot.manifest.models.indexOf(state.model)
    this.measure = measureIn(state)
    this.wanted = folded(state.search.trim())
    const place = snapshot.placeAt(state.place)
    const { places, dims } = snapshot
    const isNoSource = place !== undefined && place > 0 && places.kind[place] === 'no_source'
    this.reason = isNoSource ? (places.level[place] === 1 ? '' : places.id[place]!) : null
    this.inside = place === 0 || isNoSource ? null : inPlace(snapshot, place)
    const isFiltered = DIMENSIONS.some((name) => state.filters[name].length > 0)
    this.dims = !isFiltered ? null
      : Uint8Array.from(dims.contact, (_, at) => DIMENSIONS.every((name) => state.filters[name].length === 0 || state.filters[name].includes(dims[name][at] ?? '')) ? 1 : 0)
  }

  /** Pages that may hold any of them, newest first. */
  get pages (): string[] {
    return this.snapshot.manifest.pages
      .filter((page) => asDay(this.snapshot, page.to) >= this.from && asDay(this.snapshot, page.from) <= this.to).map((page) => page.name)
  }

  takes (page: Requests, at: number): boolean {
    const day = page.day[at]!
    if (day < this.from || day > this.to || !this.isMeasured(page, at)) return false
    if (this.dims !== null && this.dims[page.dim[at]!] === 0) return false
    if (this.reason !== null && (page.source[at]!.length > 0 || (this.reason !== '' && page.reason[at] !== this.reason))) return false
    if (this.inside !== null && weightIn(page, at, this.inside, this.model) === 0) return false
    return this.wanted === '' || this.text(page, at).includes(this.wanted)
  }

  private isMeasured (page: Requests, at: number): boolean {
    switch (this.measure) {
      case 'requests': return Boolean(page.counted[at])
      case 'qualified': return Boolean(page.qualified[at])
      case 'sales': return page.sales[at]! > 0
      case 'revenue': return page.revenue[at] !== 0
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
