// Managers, branches, products, contact channels: what each makes of requests, communications per deal, receivables.
import type { ComponentChild } from 'preact'
import { useMemo } from 'preact/hooks'
import type { Dimension, Requests } from '../data'
import { addTo, noSums, valueOf, wilson, type Sums } from '../metrics'
import type { State } from '../state'
import { Table, type Column } from '../table'
import { Card, Static, Tabs } from '../ui'
import type { View, ViewProps } from '../view'
import { chosen } from './logic/chosen'
import { extrasOf, meanOf, type Extra, type Extras } from './logic/depth'
import { shift } from './logic/ratios'
import { behind, metricColumn, sayIn } from './parts'
import { WithRequests } from './requests'
import style from './views.css'

const NAMES: readonly Dimension[] = ['manager', 'branch', 'product', 'contact', 'pipeline']

interface Row { readonly value: string, readonly name: string, readonly sums: Sums, readonly before: Sums | null, readonly extra: Extra | undefined }

const show = (props: ViewProps): ComponentChild => {
  const { words, state, snapshot } = props
  const say = sayIn(words, 'team')
  const told = NAMES.filter((name) => new Set(snapshot.dims[name]).size > 1)
  const name = told.find((one) => one === state.tab) ?? told[0] ?? 'manager'
  return (
    <div class="view view-team">
      <style>{style}</style>
      <p class="view-lead">{say('lead')}</p>
      {told.length === 0 ? <Card><p class="state">{say('only')}</p></Card> : <>
        <Tabs tabs={told.map((one) => [one, say(one)] as const)} tab={name} label={say('by')} go={props.go} address={props.address} />
        <WithRequests key={name} props={props} show={(pages) => <Loaded props={props} name={name} pages={pages} />} />
        <Compared props={props} name={name} />
      </>}
      <Static view="team" head={say('deals')} />
    </div>
  )
}

const rowsFor = (props: ViewProps, name: Dimension, extras: Extras | null): { rows: Row[], total: Row } => {
  const say = sayIn(props.words, 'team')
  const before = new Map(props.before?.byDim(name).map((one) => [one.value, one.sums]))
  const rows = props.now.byDim(name).map(({ value, sums }): Row => ({
    value, sums, name: value === '' ? say('untold') : value, before: props.before === null ? null : before.get(value) ?? null, extra: extras?.by.get(value)
  }))
  const total = { value: '', name: props.words.say('views.total'), sums: rows.reduce((all, row) => addTo(all, row.sums), noSums()), before: null, extra: extras?.all }
  return { rows, total }
}

/** What the figures say of people: the one who surely turns more requests into sales than all together. */
const Compared = ({ props, name }: { props: ViewProps, name: Dimension }): ComponentChild => {
  const { words, format } = props
  const say = sayIn(words, 'team')
  const { rows, total } = rowsFor(props, name, null)
  const sure = rows.filter((row) => row.value !== '' && shift(row.sums.sales, row.sums.requests, total.sums.sales, total.sums.requests) > 1.645)
  const best = sure.sort((a, b) => (valueOf('request_to_sale', b.sums) ?? 0) - (valueOf('request_to_sale', a.sums) ?? 0))[0]
  return (
    <p class="said-lines small">{best !== undefined && <><bdi>{say('best', { name: best.name, rate: format.share(valueOf('request_to_sale', best.sums)), average: format.share(valueOf('request_to_sale', total.sums)) })}</bdi> </>}
      <span class="muted">{say('chance')}</span></p>
  )
}

const Loaded = ({ props, name, pages }: { props: ViewProps, name: Dimension, pages: readonly Requests[] }): ComponentChild => {
  const { snapshot, state, now, before, words, format } = props
  const say = sayIn(words, 'team')
  const extras = useMemo(() => extrasOf(chosen(snapshot, pages, state, now.from, now.to), snapshot.dims, name),
    [pages, name, state.model, state.filters, state.place, now.from, now.to])
  const { rows, total } = useMemo(() => rowsFor(props, name, extras), [now, before, name, extras])
  const average = meanOf(extras.all)
  return (
    <Card title={say(name)} id="team-table" note={`${average === null ? '' : `${say('average', { count: format.decimal(average, 1) })} `}${say('no_communications')}`}>
      <Table<Row> props={props} name={say(name)} head={words.say('views.name')} rows={rows} columns={columnsOf(props, name, average, rows)}
        keyOf={(row) => row.value} nameOf={(row) => row.name} isLast={(row) => row.value === ''} totals={[{ name: total.name, row: total }]} />
    </Card>
  )
}

const columnsOf = (props: ViewProps, name: Dimension, average: number | null, rows: readonly Row[]): Column<Row>[] => {
  const { format, state } = props
  const say = sayIn(props.words, 'team')
  const inTotal = (row: Row): boolean => !rows.includes(row)
  const filtered = (row: Row): Partial<State> => inTotal(row) ? {} : { filters: { ...state.filters, [name]: [row.value] } }
  const of = (key: string, isHidden = false): Column<Row> => metricColumn<Row>(props, key, (row) => behind(key, state.place, filtered(row)), { isHidden, isChange: ['requests', 'sales', 'revenue'].includes(key) })
  const difference = (row: Row): number | null => {
    const own = meanOf(row.extra)
    return own === null || average === null || inTotal(row) ? null : own - average
  }
  return [
    of('requests'), of('qualified'), of('request_to_qualified', true), of('sales'),
    {
      ...of('request_to_sale'),
      note: (row) => { const range = wilson(row.sums.sales, row.sums.requests); return range === null ? null : <small>{say('interval', { low: format.share(range[0]), high: format.share(range[1]) })}</small> }
    },
    of('revenue'), of('aov'), of('gross_profit'),
    {
      key: 'communications', label: say('communications'), kind: 'count', value: (row) => meanOf(row.extra),
      show: (row) => { const mean = meanOf(row.extra); return mean === null ? format.count(null) : format.decimal(mean, 1) },
      note: (row) => { const gap = difference(row); return gap === null || Math.abs(gap) < 0.05 ? null : <small class="muted">{gap > 0 ? '+' : ''}{format.decimal(gap, 1)}</small> }
    },
    { key: 'communications_difference', label: say('communications_difference'), kind: 'count', value: difference, isHidden: true },
    { key: 'receivable', label: say('receivable'), kind: 'money', value: (row) => row.extra === undefined ? null : row.extra.receivable || null }
  ]
}

export const view: View = { name: 'team', title: (words) => words.say('views.team.title'), show, covers: true }
