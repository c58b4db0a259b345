// The snapshot: its files' shapes (made by functions/report/snapshot), days, and loading. Money is in kopecks, cost in micro-units.

export type Columns<T> = { readonly [K in keyof T]: readonly T[K][] }
export type Basis = 'request' | 'payment' | 'touch'
export type Named = { readonly [key: string]: string }
/** Texts as the catalogues have them: text, plural forms, lists, and trees of them. */
export type Texts = string | readonly Texts[] | { readonly [key: string]: Texts }

export interface Manifest {
  readonly version: number
  readonly site: { readonly site_id: string, readonly name: string, readonly currency: string, readonly time_zone: string }
  readonly language: string
  readonly data_to: string
  readonly report: { readonly from: string, readonly to: string, readonly kind: 'day' | 'week' | 'month' }
  readonly history: { readonly from: string, readonly to: string }
  readonly model: string
  readonly models: readonly string[]
  readonly date_basis: Basis
  readonly date_bases: readonly Basis[]
  readonly months: readonly string[]
  readonly thresholds: { readonly good: number | string, readonly normal: number | string, readonly minimum_sales: number }
  readonly symbol: string
  readonly rates: readonly { readonly currency: string, readonly day: string, readonly rate: number | string }[]
  readonly sections: readonly string[]
  readonly plan: readonly PlanRow[]
  readonly budget: unknown
  readonly names: { readonly [kind: string]: Texts }
  readonly texts: Texts
  readonly views?: Texts
  readonly metrics?: Texts
  readonly pages: readonly PageInfo[]
  readonly total_requests: number
  readonly scope: string
  readonly files: { readonly [name: string]: number }
  readonly crm?: { readonly [provider: string]: string }
  readonly folded?: number
}
export interface PageInfo { readonly name: string, readonly from: number | string, readonly to: number | string, readonly rows: number }
export interface PlanRow {
  readonly month: string, readonly channel?: string | null, readonly cost?: string | number | null, readonly requests?: number | null
  readonly qualified?: number | null, readonly sales?: number | null, readonly revenue?: string | number | null
  readonly gross_profit?: string | number | null, readonly cpl?: string | number | null, readonly cpo?: string | number | null
  readonly margin_romi?: string | number | null
  /** Nobody knows such a channel: its plan is named and counts nowhere. */
  readonly is_unknown?: boolean
}
export type Kind = '' | 'no_source' | 'other' | 'direct'
/** Row 0 is the root, parents precede children; levels: 1 channel, 2 source, 3 campaign, 4 ad, 5 keyword. */
export type Places = Columns<{
  parent: number, level: number, id: string, name: string, colour: string, is_ad: boolean | null, kind: Kind
}>
export const DIMENSIONS = ['pipeline', 'manager', 'branch', 'product', 'contact'] as const
export type Dimension = (typeof DIMENSIONS)[number]
export type Dims = { readonly [K in Dimension]: readonly string[] }
export type Traffic = Columns<{ day: number, place: number, visits: number, clicks: number, impressions: number, cost: number }>
export type Results = Columns<{
  day: number, place: number, dim: number, requests: number, qualified: number, sales: number, revenue: number
  profit: number | null, priced: number, unpriced: number
}> & { readonly repeat_sales?: readonly number[], readonly on_visit?: readonly number[] }
export type LandingRows = Columns<{
  day: number, channel: number, landing: number, visits: number, requests: number, sales: number, revenue: number
}>
export type SectionRows = Columns<{ day: number, section: number, visits: number, requests: number, sales: number }>
export interface Landings { readonly names: readonly string[], readonly sections?: readonly string[] }
export interface DealInfo {
  readonly id: string, readonly pipeline?: string, readonly stage?: string, readonly meaning?: string, readonly status?: string
  readonly amount?: number | null, readonly currency?: string, readonly sale_day?: number | null, readonly manager?: string
}
/** A touch of a path: place, site's local minute, weight under each of manifest.models, number in the whole path (from 1), marks: OWN_SOURCE, SIGNIFICANT. */
export type Step = readonly [place: number, at: string, weights: readonly number[], position: number, marks?: number]
/** The request names its source itself: a phone number, a letter, a field of the CRM. */
export const OWN_SOURCE = 1
/** May win in the model last_significant. */
export const SIGNIFICANT = 2
export type Requests = Columns<{
  id: string, day: number, at: string, contact: string, dim: number, counted: boolean | number, qualified: boolean | number
  disqualified: boolean | number, sales: number, revenue: number, profit: number | null, deals: readonly DealInfo[], order: string
  loss_reason: string, loss_group: string, match: string, reason: string, communications: number | null
  receivable: number | null, source: readonly Step[]
}> & { readonly path_length?: readonly number[], readonly left_out?: readonly string[] }

const DAY_MS = 86_400_000

/** Days from `from` to `day`, both as 2026-11-23. */
export const daysBetween = (from: string, day: string): number => Math.round((Date.parse(day) - Date.parse(from)) / DAY_MS)
/** The day `days` after `from`, as 2026-11-23. */
export const dayAfter = (from: string, days: number): string => new Date(Date.parse(from) + days * DAY_MS).toISOString().slice(0, 10)

/** A file that did not come: `name` of it, `status` of the answer (0: none came). */
export class Missing extends Error {
  constructor (readonly file: string, readonly status: number) {
    super(`${file}: ${status || 'no answer'}`)
    this.name = 'Missing'
  }
}

export type Ask = (name: string) => Promise<unknown>

const inlined = (name: string): unknown => {
  const found = [...document.querySelectorAll<HTMLScriptElement>('script[type="application/json"][data-name]')]
    .find((one) => one.dataset['name'] === name)
  return found === undefined ? undefined : JSON.parse(found.textContent ?? '')
}

/** A file of the page: what is in the document, else by the page's own address. Rejects with `Missing`. */
export const ask: Ask = async (name) => {
  const here = inlined(name)
  if (here !== undefined) return here
  if (!location.protocol.startsWith('http')) throw new Missing(name, 0)
  const answer = await fetch(`?data=${encodeURIComponent(name)}`).catch(() => undefined)
  if (!answer?.ok) throw new Missing(name, answer?.status ?? 0)
  return answer.json()
}

/** Whether the page carries or can ask for a snapshot at all. */
export const hasSnapshot = (): boolean =>
  document.querySelector('script[type="application/json"][data-name="manifest"]') !== null || location.protocol.startsWith('http')

/** What is known at once, and files by name, each asked for once (again after a failure). */
export class Snapshot {
  readonly days: number
  readonly children: readonly (readonly number[])[]
  private readonly known = new Map<string, Promise<unknown>>()
  private readonly pathOf = new Map<string, number>()
  /** What was too big for one file came in halves: `traffic-2026-10-a`, `-b`, `-ba` … */
  private readonly parts = new Map<string, string[]>()

  constructor (readonly manifest: Manifest, readonly places: Places, readonly dims: Dims, private readonly asking: Ask) {
    this.days = daysBetween(manifest.history.from, manifest.history.to) + 1
    const children: number[][] = places.parent.map(() => [])
    for (let place = 1; place < places.parent.length; place++) children[places.parent[place]!]!.push(place)
    this.children = children
    for (const name of Object.keys(manifest.files)) {
      const whole = name.replace(/-[ab]+$/, '')
      this.parts.set(whole, [...this.parts.get(whole) ?? [], name])
    }
  }

  static async load (asking: Ask = ask): Promise<Snapshot> {
    const [manifest, places, dims] = await Promise.all(['manifest', 'places', 'dims'].map(asking)) as [Manifest, Places, Dims]
    return new Snapshot(manifest, places, dims, asking)
  }

  /** 2026-11-23 → integer since the history's first day. */
  day (iso: string): number { return daysBetween(this.manifest.history.from, iso) }
  iso (day: number): string { return dayAfter(this.manifest.history.from, day) }
  has (name: string): boolean { return name in this.manifest.files }

  /** A file, or undefined where the manifest lists none of that name. */
  async file<T> (name: string): Promise<T | undefined> {
    if (!this.has(name)) return undefined
    let found = this.known.get(name)
    if (found === undefined) {
      found = this.asking(name)
      found.catch(() => this.known.delete(name))
      this.known.set(name, found)
    }
    return await found as T
  }

  /** Files `{stem}-{month}` of the months that have days between two days (both included), in order. */
  async months<T> (stem: string, from: number, to: number): Promise<T[]> {
    const first = this.iso(from).slice(0, 7)
    const last = this.iso(to).slice(0, 7)
    const names = this.manifest.months.filter((month) => month >= first && month <= last)
      .flatMap((month) => this.parts.get(`${stem}-${month}`) ?? [])
    const files = await Promise.all(names.map((name) => this.file<T>(name)))
    return files.filter((file): file is Awaited<T> & {} => file !== undefined)
  }

  /** Whether there are figures of a model by a date basis: a page without a server carries no more than it can. */
  hasModel (model: string, basis: Basis): boolean {
    const begins = `results-${model}-${basis}-`
    return model === this.manifest.model || Object.keys(this.manifest.files).some((name) => name.startsWith(begins))
  }

  /** Ids from the channel down to a place: the place's name in addresses, which outlives the snapshot. */
  idsOf (place: number): string[] {
    const ids: string[] = []
    for (let at = place; at > 0; at = this.places.parent[at]!) ids.unshift(this.places.id[at]!)
    return ids
  }

  /** Names from the channel down to a place, as readers see them. */
  namesOf (place: number): string[] {
    const names: string[] = []
    for (let at = place; at > 0; at = this.places.parent[at]!) names.unshift(this.places.name[at]!)
    return names
  }

  /** Names of such a path as `placeAt` takes; a last part that no place stands for (what has no name of its own) is ''. */
  namesAt (path: string): string[] | undefined {
    const place = this.placeAt(path)
    if (place !== undefined) return this.namesOf(place)
    const above = path.endsWith('//') ? this.namesAt(path.slice(0, -1)) : undefined
    return above && [...above, '']
  }

  /** `yandex/cpc/brand`: ids from the channel down, escaped; "" is everything. */
  pathTo (place: number): string { return this.idsOf(place).map(encodeURIComponent).join('/') + (place > 0 ? '/' : '') }

  /** The place of such a path; 0 where it names everything, undefined where there is none. */
  placeAt (path: string): number | undefined {
    if (path === '') return 0
    if (this.pathOf.size === 0) {
      for (let place = 1; place < this.places.parent.length; place++) this.pathOf.set(this.pathTo(place), place)
    }
    return this.pathOf.get(path.endsWith('/') ? path : `${path}/`)
  }
}
