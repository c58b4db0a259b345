// Parts that several views share: columns of metrics over places, tables of them, pickers, notes.
import type { ComponentChild, ComponentChildren } from 'preact'
import type { Snapshot } from '../data'
import { measureBehind, placeBehind } from '../links'
import { addTo, metric, noSums, toneOf, valueOf, verdictOf, type Sums } from '../metrics'
import type { State } from '../state'
import { Table, type Column } from '../table'
import type { Node } from '../tree'
import { Change, Link, dealsBehind } from '../ui'
import type { ViewProps } from '../view'
import type { Words } from '../words'
import { placeRows, type PlaceRow } from './logic/rows'
import style from './views.css'

/** Texts of a view: `say('views.funnel')('title')`. */
export const sayIn = (words: Words, view: string) =>
  (key: string, places: { readonly [name: string]: string | number } = {}): string => words.say(`views.${view}.${key}`, places)

/** A view's frame: its lead, what it cannot tell under filters, its parts. */
export const Page = ({ props, view, lead, children }: { props: ViewProps, view: string, lead?: boolean, children: ComponentChildren }): ComponentChild => (
  <div class={`view view-${view}`}>
    <style>{style}</style>
    {lead && <p class="view-lead">{props.words.say(`views.${view}.lead`)}</p>}
    {props.now.isPart && <p class="view-note" role="note">{props.words.say('views.no_traffic')}</p>}
    {children}
  </div>
)

/** The deals behind a metric; null where there are none (spend, visits). */
export const behind = (key: string, path: string, other: Partial<State> = {}): Partial<State> | null => {
  const measure = measureBehind(key)
  return measure === null ? null : dealsBehind(measure, path, other)
}

/** A metric's figure, with its deals behind it. */
export const Figure = ({ props, metric: key, sums, path, other, children }: {
  props: ViewProps, metric: string, sums: Sums, path?: string, other?: Partial<State>, children?: ComponentChildren
}): ComponentChild => {
  const value = valueOf(key, sums)
  const text = props.format.figure(key, value, true)
  const deals = value === null ? null : behind(key, path ?? props.state.place, other)
  return <>{deals === null ? text : <Link {...props} change={deals} class="figure" aria-label={`${props.words.metric(key)}: ${text}`}>{text}</Link>}{children}</>
}

interface WithSums { readonly sums: Sums, readonly before: Sums | null, readonly isNotSplit?: boolean }

/** A table's column of a metric: its figure, its change below, its deals behind. */
export const metricColumn = <T extends WithSums>(
  props: ViewProps, key: string, deals: ((row: T) => Partial<State> | null) | null, options: Partial<Column<T>> & { readonly isChange?: boolean } = {}
): Column<T> => {
  const { isChange = false, ...rest } = options
  const valueIn = (row: T): number | null => valueOf(key, row.sums, row.isNotSplit === true)
  const signed = key === 'romi' || key === 'margin_romi' || key === 'profit_after_cost'
  return {
    key, label: props.words.metric(key), kind: metric(key).unit, value: valueIn,
    ...(deals === null ? {} : { deals: (row: T) => row.isNotSplit ? null : deals(row) }),
    ...(signed ? { tone: (row: T) => toneOf(key, valueIn(row)) } : {}),
    ...(isChange ? {
      note: (row: T) => row.before === null || row.isNotSplit ? null : <small><Change metric={key} now={valueIn(row)} before={valueOf(key, row.before)} props={props} /></small>
    } : {}),
    ...(metric(key).unit === 'share' && ['visit_to_request', 'visit_to_sale', 'ctr'].includes(key) ? { show: (row: T) => fineShare(props.format, valueIn(row)) } : {}),
    ...rest
  }
}

/** The column of Хорошо / Нормально / Плохо. */
export const verdictColumn = (props: ViewProps): Column<PlaceRow> => ({
  key: 'verdict', label: props.words.say('views.verdict'), kind: 'text',
  value: (row) => { const verdict = verdictFor(props, row); return verdict === '' ? '' : props.words.say(`views.verdicts.${verdict}`) },
  show: (row) => <Pill verdict={verdictFor(props, row)} words={props.words} />
})

const verdictFor = (props: ViewProps, row: PlaceRow): ReturnType<typeof verdictOf> => {
  const kind = props.snapshot.places.kind[row.place]
  return row.isNotSplit || row.level > 1 || kind === 'no_source' || kind === 'other' ? '' : verdictOf(row.sums, props.snapshot.manifest.thresholds)
}

export const Pill = ({ verdict, words }: { verdict: string, words: Words }): ComponentChild =>
  verdict === '' ? '' : <span class={`pill ${verdict}`}>{words.say(`views.verdicts.${verdict}`)}</span>

/** Rows of places under the chosen one, with the words for what has no name. */
export const rowsUnder = (props: ViewProps, place = 0): PlaceRow[] =>
  placeRows(props.now, props.before, place, { notSplit: nameOr(props.words, 'not_split', '…'), unset: nameOr(props.words, 'unset', '—') })

const nameOr = (words: Words, key: string, other: string): string => words.has(`app.${key}`) ? words.say(`app.${key}`) : other

export const totalOf = (rows: readonly PlaceRow[], name: string): PlaceRow => ({
  key: ' total', place: 0, level: 0, name, colour: '', isNotSplit: false, isNoSource: false, children: [],
  sums: rows.reduce((all, row) => addTo(all, row.sums), noSums()),
  before: rows.some((row) => row.before !== null) ? rows.reduce((all, row) => row.before === null ? all : addTo(all, row.before), noSums()) : null
})

/** A table of places down to the last one, with its total. */
export const PlaceTable = ({ props, name, head, rows, columns, total, isLocal, depth = 9 }: {
  props: ViewProps, name: string, head: string, rows: readonly PlaceRow[], columns: readonly Column<PlaceRow>[], total: PlaceRow | null, isLocal?: boolean, depth?: number
}): ComponentChild => (
  <Table<PlaceRow>
    props={props} name={name} head={head} rows={rows} columns={columns}
    keyOf={(row) => row.key} nameOf={(row) => row.name} colourOf={(row) => row.level === 1 ? row.colour : ''}
    children={(row) => row.level < depth && row.children.length > 0 ? row.children : undefined}
    pathOf={(row) => pathNames(props.snapshot, row)} isLast={(row) => row.isNoSource || row.isNotSplit}
    totals={total === null ? [] : [{ name: total.name, row: total }]} {...(isLocal ? { isLocal } : {})}
  />
)

const pathNames = (snapshot: Snapshot, row: PlaceRow): string[] => {
  const names = snapshot.namesOf(row.place)
  return row.level > names.length || row.isNotSplit ? [...names, row.name] : names
}

/** Deals of a row of places, under the period in force; of a total or a row that leaves out some of its place's figures none. */
export const dealsOf = (props: ViewProps, key: string) => (row: PlaceRow): Partial<State> | null => {
  const node = row.place === 0 ? null : nodesOf(props.now.tree()).get(row.key)
  const all = node === null ? props.now.total() : node?.sums
  if (row.isNotSplit || all === undefined || COUNTED.some((name) => Math.abs(all[name] - row.sums[name]) > 1e-6)) return null
  return behind(key, placeBehind(props.state, node === null ? '' : row.key))
}
const COUNTED = ['requests', 'qualified', 'sales', 'revenue'] as const

const known = new WeakMap<Node, ReadonlyMap<string, Node>>()
/** Nodes of a tree by their keys. */
const nodesOf = (root: Node): ReadonlyMap<string, Node> => {
  const found = known.get(root) ?? new Map(nodesUnder(root))
  known.set(root, found)
  return found
}
function* nodesUnder (node: Node): Generator<[string, Node]> {
  yield [node.key, node]
  for (const child of node.children) yield* nodesUnder(child)
}

/** A labelled choice of one of few words. */
export const Pick = ({ label, value, options, onPick }: {
  label: string, value: string, options: readonly (readonly [value: string, name: string])[], onPick: (value: string) => void
}): ComponentChild => (
  <label class="choose"><span>{label}</span>
    <select value={value} onChange={(event) => onPick(event.currentTarget.value)}>
      {options.map(([key, name]) => <option key={key} value={key} selected={key === value}>{name}</option>)}
    </select>
  </label>
)

/** A share of few, which one digit after the point would make nothing of: 0.0432 % instead of 0 %. */
export const fineShare = (format: ViewProps['format'], share: number | null): string => {
  if (share === null || share <= 0 || share >= 0.01) return format.share(share)
  const digits = Math.min(Math.max(1 - Math.floor(Math.log10(share * 100)), 2), 6)
  return format.decimal(share * 100, digits, false) + format.share(0).slice(1)
}

/** A horizontal bar: a share of the whole width, by 0 to 1. Its meaning stands in the text beside it. */
export const Bar = ({ share, colour, class: name }: { share: number, colour?: string, class?: string }): ComponentChild => (
  <span class={`bar${name ? ` ${name}` : ''}`} aria-hidden="true">
    <i style={{ width: `${Math.min(Math.max(share, 0), 1) * 100}%`, ...(colour ? { background: colour } : {}) }} />
  </span>
)

/** Another word among those that a view keeps for itself. */
export const keep = (props: ViewProps, change: { readonly [key: string]: string }): void => props.go({ more: { ...props.state.more, ...change } })
