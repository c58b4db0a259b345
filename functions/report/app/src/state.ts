// What the reader has chosen ↔ the page's address. Unknown or impossible words fall back to the report's own.

import { DIMENSIONS, dayAfter, daysBetween, type Basis, type Dimension, type Manifest } from './data'

export type Compare = 'previous' | 'year' | 'none'
export type Filters = { readonly [K in Dimension]: readonly string[] }
export interface Sort { readonly key: string, readonly down: boolean }
export interface State {
  readonly view: string
  /** The view's part (a tab), '' its first. */
  readonly tab: string
  /** Days as 2026-11-23, both included. */
  readonly from: string
  readonly to: string
  readonly compare: Compare
  readonly model: string
  readonly basis: Basis
  /** ISO code; the site's own unless chosen. */
  readonly currency: string
  readonly filters: Filters
  /** Path of a place (Snapshot.pathTo), '' everything. */
  readonly place: string
  readonly search: string
  readonly sort: Sort | null
  /** Paths or keys of rows that are open. */
  readonly open: readonly string[]
  /** Columns that are shown; null: the view's own choice. */
  readonly columns: readonly string[] | null
  /** What a view keeps besides, such as the deals' measure or the budget's number of sales. */
  readonly more: { readonly [key: string]: string }
}

export const NO_FILTERS: Filters = { pipeline: [], manager: [], branch: [], product: [], contact: [] }
const DAY = /^\d{4}-\d\d-\d\d$/
const OWN = 'x_' // before what views keep

export const startOf = (manifest: Manifest, view: string): State => ({
  view, tab: '', from: manifest.report.from, to: manifest.report.to, compare: 'previous', model: manifest.model,
  basis: manifest.date_basis, currency: manifest.site.currency, filters: NO_FILTERS, place: '', search: '', sort: null, open: [],
  columns: null, more: {}
})

export const currencies = (manifest: Manifest): string[] =>
  [...new Set([manifest.site.currency, ...manifest.rates.map((rate) => rate.currency)])]

const isDay = (text: string | null): text is string => text !== null && DAY.test(text) && !Number.isNaN(Date.parse(text))
const among = <T extends string>(text: string | null, all: readonly T[], else_: T): T => all.includes(text as T) ? text as T : else_

/** An address's words → state. `views`: the names there are; the first one is where readers begin. */
export const stateOf = (words: URLSearchParams, manifest: Manifest, views: readonly string[]): State => {
  const start = startOf(manifest, views[0] ?? 'summary')
  const { from, to } = periodOf(words, manifest)
  const sort = words.get('sort')
  const columns = words.get('columns')
  const filters = Object.fromEntries(DIMENSIONS.map((name) => [name, words.getAll(name)])) as unknown as Filters
  const more = Object.fromEntries([...words].filter(([name]) => name.startsWith(OWN)).map(([name, value]) => [name.slice(OWN.length), value]))
  return {
    view: among(words.get('view'), views, start.view),
    tab: words.get('tab') ?? '',
    from,
    to,
    compare: among(words.get('compare'), ['previous', 'year', 'none'] as const, start.compare),
    model: among(words.get('model'), manifest.models, start.model),
    basis: among(words.get('basis'), manifest.date_bases, start.basis),
    currency: among(words.get('currency'), currencies(manifest), start.currency),
    filters,
    place: words.get('place') ?? '',
    search: words.get('search') ?? '',
    sort: sort ? { key: sort.replace(/^-/, ''), down: sort.startsWith('-') } : null,
    open: words.getAll('open'),
    columns: columns === null ? null : columns.split(',').filter(Boolean),
    more
  }
}

const periodOf = (words: URLSearchParams, manifest: Manifest): { from: string, to: string } => {
  const { report, history } = manifest
  const from = words.get('from')
  const to = words.get('to')
  if (!isDay(from) || !isDay(to) || from > to || to < history.from || from > history.to) return { from: report.from, to: report.to }
  return { from: from < history.from ? history.from : from, to: to > history.to ? history.to : to }
}

/** The period that an address asks for although the history has no day of it; null where that is not so. */
export const periodOutside = (words: URLSearchParams, { history }: Pick<Manifest, 'history'>): { from: string, to: string } | null => {
  const from = words.get('from')
  const to = words.get('to')
  return isDay(from) && isDay(to) && from <= to && (to < history.from || from > history.to) ? { from, to } : null
}

/** State → an address's words; what is as the report has it is left out. */
export const wordsOf = (state: State, manifest: Manifest, views: readonly string[]): URLSearchParams => {
  const start = startOf(manifest, views[0] ?? 'summary')
  const words = new URLSearchParams()
  const put = (name: string, value: string, usual: string): void => { if (value !== usual) words.set(name, value) }
  put('view', state.view, '')
  put('tab', state.tab, '')
  if (state.from !== start.from || state.to !== start.to) { words.set('from', state.from); words.set('to', state.to) }
  put('compare', state.compare, start.compare)
  put('model', state.model, start.model)
  put('basis', state.basis, start.basis)
  put('currency', state.currency, start.currency)
  for (const name of DIMENSIONS) for (const value of state.filters[name]) words.append(name, value)
  put('place', state.place, '')
  put('search', state.search, '')
  if (state.sort !== null) words.set('sort', (state.sort.down ? '-' : '') + state.sort.key)
  for (const row of state.open) words.append('open', row)
  if (state.columns !== null) words.set('columns', state.columns.join(','))
  for (const [name, value] of Object.entries(state.more)) if (value !== '') words.set(OWN + name, value)
  return words
}

/** The words of an address: of its query (hosted) and its hash (a file has no other place). */
export const readAddress = (): URLSearchParams => {
  const words = new URLSearchParams(location.search)
  for (const [name, value] of new URLSearchParams(location.hash.replace(/^#/, ''))) words.append(name, value)
  return words
}

/** The part of the page that an address of a mail points at (#drivers), '' where it points at none. */
export const anchorIn = (hash: string): string => {
  if (hash.length < 2 || hash.includes('=')) return ''
  try {
    return decodeURIComponent(hash.slice(1))
  } catch { // not what any page of ours wrote
    return ''
  }
}

/** The address for words: a query where there is a server, else the hash. */
export const addressOf = (words: URLSearchParams): string =>
  location.protocol.startsWith('http') ? `${location.pathname}?${words}` : `#${words}`

/** Whether what is shown is the mailed period, as the static sections tell it. */
export const isReportPeriod = (state: State, manifest: Manifest): boolean =>
  state.from === manifest.report.from && state.to === manifest.report.to

export const isFiltered = (state: State): boolean => DIMENSIONS.some((name) => state.filters[name].length > 0)

/** The days that a period is compared with; null for none, or where the history does not reach. */
export const comparedWith = (state: Pick<State, 'from' | 'to' | 'compare'>, manifest: Manifest): { from: string, to: string } | null => {
  if (state.compare === 'none') return null
  const length = daysBetween(state.from, state.to) + 1
  const found = state.compare === 'previous'
    ? { from: dayAfter(state.from, -length), to: dayAfter(state.from, -1) }
    : { from: aYearBefore(state.from), to: aYearBefore(state.to) }
  return found.from < manifest.history.from ? null : found
}

const aYearBefore = (day: string): string => {
  const before = `${Number(day.slice(0, 4)) - 1}${day.slice(4)}`
  return before.endsWith('02-29') ? before.replace(/29$/, '28') : before
}
