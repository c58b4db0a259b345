// The one table of all views: sort, search, columns, a tree that opens, totals, long lists, keyboard, CSV and XLSX of what is seen.

import type { ComponentChild } from 'preact'
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { CSV, XLSX, csvOf, download, xlsxOf, type CellKind, type Sheet } from './export'
import { EMPTY } from './format'
import { usePrinting, useVirtual } from './hooks'
import { onKey, rove } from './keys'
import { rowsOf, type Choice, type Shown } from './rows'
import type { State } from './state'
import { Link } from './ui'
import type { ViewProps } from './view'

export interface Column<T> {
  readonly key: string
  readonly label: string
  readonly kind: CellKind
  /** What is sorted and exported: money in kopecks, shares as fractions, days as 2026-11-23. */
  readonly value: (row: T) => string | number | null
  /** What is shown; usually the value as its kind is written. */
  readonly show?: (row: T) => ComponentChild
  /** A small line under the figure. */
  readonly note?: (row: T) => ComponentChild
  /** Which deals are behind the figure; null: none. */
  readonly deals?: (row: T) => Partial<State> | null
  readonly tone?: (row: T) => string
  /** Shown only when the reader chooses it. */
  readonly isHidden?: boolean
  readonly help?: string
}

export interface TableProps<T extends object> {
  readonly props: Pick<ViewProps, 'snapshot' | 'state' | 'go' | 'address' | 'words' | 'format'>
  /** The file's name and the table's name for those who cannot see it. */
  readonly name: string
  /** Heading of the first column, which names the row. */
  readonly head: string
  readonly rows: readonly T[]
  readonly columns: readonly Column<T>[]
  readonly keyOf: (row: T) => string
  readonly nameOf: (row: T) => string
  /** The row's name as it is shown, if it is more than its text. */
  readonly showName?: (row: T) => ComponentChild
  readonly colourOf?: (row: T) => string
  readonly children?: (row: T) => readonly T[] | undefined
  /** Names from the outermost row to this one, for search and export. */
  readonly pathOf?: (row: T) => readonly string[]
  readonly isLast?: (row: T) => boolean
  /** Rows under all others, which no sort or search moves. */
  readonly totals?: readonly { readonly name: string, readonly row: T }[]
  /** A second table of a view keeps its choice to itself: the address has room for one. */
  readonly isLocal?: boolean
  readonly empty?: string
}

const VIRTUAL_FROM = 200
const MOST_PRINTED = 3000
type Kept = Pick<State, 'sort' | 'search' | 'open' | 'columns'>

export function Table<T extends object> (given: TableProps<T>): ComponentChild {
  const { props, rows, columns, keyOf, children, isLast, name, words = props.words } = { ...given, words: given.props.words }
  const [own, setOwn] = useState<Kept>({ sort: null, search: '', open: [], columns: null })
  const kept: Kept = given.isLocal ? own : props.state
  const keep = (change: Partial<Kept>): void => given.isLocal ? setOwn((before) => ({ ...before, ...change })) : props.go(change)
  const pathOf = given.pathOf ?? ((row: T) => [given.nameOf(row)])

  const choose = useMemo(() => rowsOf<T>({
    rows, keyOf, children, isLast, searched: (row) => pathOf(row).join(' '),
    columns: [{ key: 'name', value: given.nameOf }, ...columns]
  }), [rows, columns])
  const seen = columns.filter((column) => kept.columns === null ? !column.isHidden : kept.columns.includes(column.key))
  const choice: Choice = kept
  const shown = useMemo(() => choose(choice), [choose, kept.sort, kept.search, kept.open])

  const scroller = useRef<HTMLDivElement>(null)
  const table = useRef<HTMLTableElement>(null)
  const isPrinting = usePrinting()
  const isLong = shown.length > VIRTUAL_FROM && !isPrinting
  const virtual = useVirtual(shown.length, 40, scroller, isLong, (at) => shown[at]?.key ?? at)
  const printed = isPrinting ? shown.slice(0, MOST_PRINTED) : shown
  const drawn = isLong ? virtual.items.map((item) => item.index) : printed.map((_, at) => at)
  useLayoutEffect(() => { if (table.current !== null) rove(table.current) })

  const isTree = children !== undefined
  const fold = (key: string): void => keep({ open: kept.open.includes(key) ? kept.open.filter((one) => one !== key) : [...kept.open, key] })
  const sortBy = (key: string, isText: boolean): void => {
    const { sort } = kept
    keep({ sort: sort?.key !== key ? { key, down: !isText } : sort.down !== isText ? { key, down: isText } : null })
  }
  const sheet = (): Sheet => sheetOf(given, seen, shown, pathOf)
  const file = `${name} ${props.state.from} ${props.state.to}`

  const heading = (key: string, label: string, isText: boolean, help?: string): ComponentChild => (
    <th key={key} role="columnheader" scope="col" class={key === 'name' ? 'name' : isText ? 'text' : ''}
      aria-sort={kept.sort?.key !== key ? 'none' : kept.sort.down ? 'descending' : 'ascending'}>
      <button type="button" class="sort" title={help} onClick={() => sortBy(key, isText)}>{label}</button>
    </th>
  )
  const row = (at: number): ComponentChild => {
    const one = shown[at]!
    return (
      <tr key={one.key} role="row" class={`level-${one.level}`} data-index={at} data-key={one.key} ref={isLong ? virtual.measure : null}
        {...(isTree ? { 'aria-level': one.level } : {})} {...(one.hasChildren ? { 'aria-expanded': one.isOpen } : {})}
        {...(isLong ? { 'aria-rowindex': at + 2 } : {})}>
        <th role="rowheader" scope="row" class="name">{nameCell(given, one, fold)}</th>
        {seen.map((column) => cell(props, column, one.row))}
      </tr>
    )
  }

  return (
    <div class="table">
      <div class="tools">
        <label class="search"><span class="unseen">{words.say('app.search')}</span>
          <input type="search" value={kept.search} placeholder={words.say('app.search')}
            onInput={(event) => keep({ search: event.currentTarget.value })} /></label>
        <Sorting words={words} kept={kept} keep={keep} options={[['name', given.head, true], ...seen.map((column) => [column.key, column.label, column.kind === 'text'] as const)]} />
        <details class="choice"><summary>{words.say('app.columns')}</summary>
          <fieldset><legend class="unseen">{words.say('app.columns')}</legend>
            {columns.map((column) => (
              <label key={column.key}><input type="checkbox" checked={seen.includes(column)} onChange={() => {
                const now = seen.map((one) => one.key)
                keep({ columns: now.includes(column.key) ? now.filter((key) => key !== column.key) : columns.map((one) => one.key).filter((key) => key === column.key || now.includes(key)) })
              }} />{column.label}</label>
            ))}
          </fieldset>
        </details>
        <button type="button" onClick={() => download(`${file}.csv`, CSV, csvOf(sheet(), props.format.language))}>CSV</button>
        <button type="button" onClick={() => download(`${file}.xlsx`, XLSX, xlsxOf(sheet()))}>Excel</button>
        <span class="muted" role="status">{kept.search === '' ? '' : words.say('app.found', { count: props.format.count(shown.length) })}</span>
      </div>
      <div class={isLong ? 'wide long' : 'wide'} ref={scroller}>
        <table ref={table} class="live" role={isTree ? 'treegrid' : 'grid'} aria-label={name} {...(isLong ? { 'aria-rowcount': shown.length + 1 } : {})}
          onKeyDown={(event) => onKey(event, fold, (at) => { if (at < 0 || at >= shown.length) return false; if (isLong) virtual.show(at); return isLong })}>
          <thead role="rowgroup"><tr role="row">
            {heading('name', given.head, true)}
            {seen.map((column) => heading(column.key, column.label, column.kind === 'text', column.help))}
          </tr></thead>
          <tbody role="rowgroup">
            {isLong && virtual.before > 0 && <tr class="gap" aria-hidden="true" style={{ height: `${virtual.before}px` }} />}
            {drawn.map(row)}
            {isLong && virtual.after > 0 && <tr class="gap" aria-hidden="true" style={{ height: `${virtual.after}px` }} />}
          </tbody>
          {given.totals && given.totals.length > 0 && (
            <tfoot role="rowgroup">{given.totals.map((total) => (
              <tr key={total.name} role="row" class="total">
                <th role="rowheader" scope="row" class="name"><span class="leaf">{total.name}</span></th>
                {seen.map((column) => cell(props, column, total.row))}
              </tr>
            ))}</tfoot>
          )}
        </table>
      </div>
      {shown.length === 0 && <p class="state">{kept.search === '' ? given.empty ?? words.say('app.nothing') : words.say('app.not_found')}</p>}
      {isPrinting && shown.length > MOST_PRINTED && <p class="state">{words.say('app.cut_print', { count: props.format.count(MOST_PRINTED), all: props.format.count(shown.length) })}</p>}
    </div>
  )
}

/** Sorting where there is no head to press: rows are cards on a phone. */
const Sorting = ({ words, kept: { sort }, keep, options }: {
  words: ViewProps['words'], kept: Kept, keep: (change: Partial<Kept>) => void, options: readonly (readonly [key: string, label: string, isText: boolean])[]
}): ComponentChild => (
  <span class="sorting">
    <label class="choose"><span>{words.say('views.sort.by')}</span>
      <select value={sort?.key ?? ''} onChange={({ currentTarget: { value } }) => {
        const found = options.find(([key]) => key === value)
        keep({ sort: found === undefined ? null : { key: value, down: !found[2] } })
      }}>
        <option value="">{words.say('views.sort.usual')}</option>
        {options.map(([key, label]) => <option key={key} value={key}>{label}</option>)}
      </select></label>
    {sort !== null && <button type="button" aria-label={words.say(sort.down ? 'views.sort.down' : 'views.sort.up')} onClick={() => keep({ sort: { ...sort, down: !sort.down } })}>{sort.down ? '↓' : '↑'}</button>}
  </span>
)

function nameCell<T extends object> (given: TableProps<T>, one: Shown<T>, fold: (key: string) => void): ComponentChild {
  const colour = given.colourOf?.(one.row)
  const mark = colour ? <i class="mark" style={{ borderColor: colour }} /> : null
  const name = given.showName?.(one.row) ?? <bdi>{given.nameOf(one.row)}</bdi>
  const indent = { paddingLeft: `calc(var(--indent) * ${one.level - 1})` }
  if (!one.hasChildren) return <span class="leaf" style={indent}>{mark}{name}</span>
  return (
    <span style={indent}>
      <button type="button" class={one.isOpen ? 'fold open' : 'fold'} aria-expanded={one.isOpen} onClick={() => fold(one.key)}>{mark}{name}</button>
    </span>
  )
}

function cell<T extends object> (props: TableProps<T>['props'], column: Column<T>, row: T): ComponentChild {
  const text = column.show?.(row) ?? textOf(props, column, row)
  const deals = text === EMPTY ? null : column.deals?.(row) ?? null
  const tone = text === EMPTY ? 'none' : column.tone?.(row) ?? ''
  return (
    <td key={column.key} role="gridcell" data-name={column.label} class={`${column.kind === 'text' ? 'text ' : ''}${tone}`}>
      {deals === null ? text : <Link {...props} change={deals} class="figure">{text}</Link>}
      {column.note?.(row)}
    </td>
  )
}

function textOf<T> ({ format }: Pick<ViewProps, 'format'>, { kind, value }: Column<T>, row: T): string {
  const told = value(row)
  if (told === null || told === '') return EMPTY
  if (typeof told === 'string') return kind === 'day' ? format.shortDay(told) : told
  if (kind === 'money') return format.amount(told)
  if (kind === 'percent') return format.percent(told)
  if (kind === 'share') return format.share(told)
  return kind === 'ratio' ? format.decimal(told, 2) : format.count(told)
}

function sheetOf<T extends object> (given: TableProps<T>, seen: readonly Column<T>[], shown: readonly Shown<T>[], pathOf: (row: T) => readonly string[]): Sheet {
  const cells = (name: string, row: T): Sheet['rows'][number] => [
    { kind: 'text', value: name },
    ...seen.map(({ kind, value }) => {
      const told = value(row)
      return { kind, value: kind === 'money' && typeof told === 'number' ? told / 100 : told }
    })
  ]
  return {
    name: given.name,
    head: [given.head, ...seen.map((column) => column.label)],
    rows: [
      ...shown.map((one) => cells(pathOf(one.row).join(' › '), one.row)),
      ...(given.totals ?? []).map((total) => cells(total.name, total.row))
    ]
  }
}
