// «Доходы и расходы»: what was sold and spent, prices, the admissible price of a sale against the actual one, by channel and by month.
import type { ComponentChild } from 'preact'
import { useMemo } from 'preact/hooks'
import { addTo, noSums, valueOf, type Sums } from '../metrics'
import { Table, type Column } from '../table'
import { Card, Change } from '../ui'
import type { View, ViewProps } from '../view'
import { overOf, type Over } from './logic/income'
import { admissibleOf, planFor } from './logic/planning'
import type { PlaceRow } from './logic/rows'
import { Figure, Page, PlaceTable, behind, dealsOf, metricColumn, rowsUnder, sayIn, totalOf } from './parts'

const show = (props: ViewProps): ComponentChild => {
  const { words } = props
  const say = sayIn(words, 'income')
  const rows = rowsUnder(props)
  const total = totalOf(rows, words.say('views.total'))
  return (
    <Page props={props} view="income" lead>
      <Keys props={props} now={total.sums} before={total.before} />
      <Admissible props={props} sums={total.sums} />
      <Card title={say('table')} id="income-table">
        <PlaceTable props={props} name={say('table')} head={words.say('views.channel')} rows={rows} total={total} columns={columnsOf(props)} />
      </Card>
      <Months props={props} />
    </Page>
  )
}

const Keys = ({ props, now, before }: { props: ViewProps, now: Sums, before: Sums | null }): ComponentChild => (
  <dl class="card keys six">
    {(['revenue', 'cost', 'gross_profit', 'profit_after_cost', 'drr', 'roas', 'romi', 'margin_romi'] as const).map((key) => {
      const value = valueOf(key, now)
      return (
        <div key={key}>
          <dt>{key === 'revenue' ? props.words.say('views.income.sold') : key === 'cost' ? props.words.say('views.income.spent') : props.words.metric(key)}</dt>
          <dd class={`value${(key === 'profit_after_cost' || key === 'margin_romi') && value !== null && value < 0 ? ' bad' : ''}`}><Figure props={props} metric={key} sums={now} /></dd>
          {before === null && props.state.compare !== 'none' && <dd class="change">{props.words.say('views.no_earlier')}</dd>}
          {before !== null && <dd class="change"><Change metric={key} now={value} before={valueOf(key, before)} props={props} /> {props.words.say('views.was', { value: props.format.figure(key, valueOf(key, before), true) })}</dd>}
        </div>
      )
    })}
  </dl>
)

/** Plans are in the site's currency: shown in another one, they would be compared with something else. */
const admissibleIn = (props: ViewProps, from: string, to: string, channel: readonly string[] | null): number | null => {
  const { manifest } = props.snapshot
  return props.state.currency === manifest.site.currency ? admissibleOf(planFor(manifest.plan, from, to, channel)) : null
}

/** A place's names in plans; of everything null, but the channel's where a reader sees one channel alone. */
const namesFor = ({ snapshot: { places, children, manifest } }: ViewProps, told: number): string[] | null => {
  const [only = 0, ...others] = children[0] ?? []
  const place = told === 0 && manifest.scope !== '' && others.length === 0 ? only : told
  return place === 0 ? null : [places.id[place] ?? '', places.name[place] ?? '']
}

/** Why there is no admissible price: another currency, none for just this choice, or none at all. */
const noneKey = ({ snapshot: { manifest }, state }: ViewProps): string =>
  !manifest.plan.some((row) => row.cpo !== null && row.cpo !== undefined) ? 'no_plan' : state.currency !== manifest.site.currency ? 'other_currency' : 'no_plan_here'

const Admissible = ({ props, sums }: { props: ViewProps, sums: Sums }): ComponentChild => {
  const say = sayIn(props.words, 'income')
  const { format, state, snapshot } = props
  const place = snapshot.placeAt(state.place) ?? 0
  const { admissible, actual, over, overAll } = overOf(sums, (snapshot.places.level[place] ?? 0) > 1 ? null : admissibleIn(props, state.from, state.to, namesFor(props, place)))
  if (admissible === null) return <p class="view-note">{say(noneKey(props))}</p>
  const text = actual === null || over === null ? say('unsold_says', { admissible: format.money(admissible) })
    : Math.round(over) === 0 ? say('equal_says', { admissible: format.money(admissible) })
      : say(over > 0 ? 'over_says' : 'within_says', { admissible: format.money(admissible), actual: format.money(actual), over: format.money(Math.abs(over)), all: format.money(overAll) })
  return <p class={`verdict-line ${over !== null && Math.round(over) > 0 ? 'bad' : 'good'}`}>{text}</p>
}

const columnsOf = (props: ViewProps): Column<PlaceRow>[] => {
  const column = (key: string, isHidden = false): Column<PlaceRow> =>
    metricColumn(props, key, behind(key, '') === null ? null : dealsOf(props, key), { isHidden, isChange: ['cost', 'revenue', 'cpo'].includes(key) })
  const overFor = (row: PlaceRow) => row.level > 1 || row.isNotSplit ? null
    : overOf(row.sums, admissibleIn(props, props.state.from, props.state.to, row.place === 0 ? namesFor(props, props.snapshot.placeAt(props.state.place) ?? 0) : namesFor(props, row.place)))
  return [
    column('revenue'), column('cost'), column('cpv'), column('cpl'), column('cpql', true), column('cpo'),
    ...overColumns(props, overFor),
    column('drr'), column('roas', true), column('romi'), column('margin_romi'), column('gross_profit', true), column('profit_after_cost')
  ]
}

/** Planned price of a sale and what is over it; none where no plan has one. */
const overColumns = <T,>(props: ViewProps, overFor: (row: T) => Over | null): Column<T>[] => {
  const say = sayIn(props.words, 'income')
  if (!props.snapshot.manifest.plan.some((row) => row.cpo !== null && row.cpo !== undefined)) return []
  const difference = (key: 'over' | 'overAll', label: string, isHidden: boolean): Column<T> => ({
    key, label: say(label), kind: 'money', isHidden, value: (row) => overFor(row)?.[key] ?? null,
    show: (row) => signed(props, overFor(row)?.[key] ?? null), tone: (row) => toneFor(overFor(row)?.over ?? null)
  })
  return [
    { key: 'admissible', label: say('admissible_short'), help: say('admissible'), kind: 'money', value: (row) => overFor(row)?.admissible ?? null },
    difference('over', 'over', false), difference('overAll', 'over_all', true)
  ]
}

const signed = ({ format }: ViewProps, kopecks: number | null): string =>
  kopecks === null ? format.amount(null) : kopecks > 0 ? `+${format.amount(kopecks)}` : format.amount(kopecks)
const toneFor = (over: number | null): string => over === null || Math.round(over) === 0 ? '' : over > 0 ? 'bad' : 'good'

interface Month { readonly key: string, readonly name: string, readonly from: string, readonly to: string, readonly sums: Sums, readonly before: null }

const Months = ({ props }: { props: ViewProps }): ComponentChild => {
  const say = sayIn(props.words, 'income')
  const { snapshot, format, now } = props
  const rows = useMemo(() => now.series('month').map((stretch): Month => {
    const [from, to] = [snapshot.iso(stretch.from), snapshot.iso(stretch.to)]
    return { key: from, name: format.month(from), from, to, sums: stretch.sums, before: null }
  }), [now, format])
  const days = (row: Month) => ({ from: row.from, to: row.to })
  const column = (key: string): Column<Month> => metricColumn<Month>(props, key, behind(key, '') === null ? null : (row) => behind(key, props.state.place, days(row)))
  const place = snapshot.placeAt(props.state.place) ?? 0
  const overFor = (row: Month) => (snapshot.places.level[place] ?? 0) > 1 ? null : overOf(row.sums, admissibleIn(props, row.from, row.to, namesFor(props, place)))
  const total: Month = { key: ' ', name: '', from: props.state.from, to: props.state.to, before: null, sums: rows.reduce((all, row) => addTo(all, row.sums), noSums()) }
  return (
    <Card title={say('months')} id="income-months">
      <Table<Month> props={props} isLocal name={say('months')} head={say('month')} rows={rows} keyOf={(row) => row.key} nameOf={(row) => row.name}
        totals={[{ name: props.words.say('views.total'), row: total }]}
        columns={[
          column('revenue'), column('cost'), column('cpv'), column('cpl'), column('cpo'),
          ...overColumns(props, overFor),
          column('drr'), column('romi'), column('margin_romi'), column('profit_after_cost')
        ]} />
    </Card>
  )
}

export const view: View = { name: 'income', title: (words) => words.say('views.income.title'), show, covers: true }
