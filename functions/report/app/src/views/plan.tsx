// Plan and fact of a month: the site, its channels, where the month ends at this pace, the admissible price of a sale.
import type { ComponentChild } from 'preact'
import type { Slice } from '../cube'
import { dayAfter } from '../data'
import { useLoaded } from '../hooks'
import { METRICS, noSums, type Sums } from '../metrics'
import { Format } from '../format'
import { monthsTold } from '../reported'
import { NO_FILTERS, type State } from '../state'
import { Table, type Column } from '../table'
import { Card, Fail, Static, shown } from '../ui'
import type { View, ViewProps } from '../view'
import { overOf } from './logic/income'
import { MEASURES, admissibleOf, linesOf, paceOf, planFor, type Line, type Measure, type Pace } from './logic/planning'
import { Bar, Pick, behind, keep, sayIn } from './parts'
import style from './views.css'

const show = (props: ViewProps): ComponentChild => {
  const { words, snapshot, state, format } = props
  const say = sayIn(words, 'plan')
  const { plan, history } = snapshot.manifest
  const months = [...new Set(plan.map((row) => row.month))].sort().reverse()
  const usual = months.find((month) => month <= state.to.slice(0, 7)) ?? months[months.length - 1]
  const month = months.find((one) => one === state.more['month']) ?? usual
  return (
    <div class="view view-plan">
      <style>{style}</style>
      <p class="view-lead">{say('lead')}</p>
      {month === undefined ? <Card><p class="state">{say('none')}</p></Card> : <>
        <div class="view-bar">
          <Pick label={say('month')} value={month} options={months.map((one) => [one, format.month(`${one}-01`)])} onPick={(to) => keep(props, { month: to })} />
        </div>
        <p class="muted small">{paceText(props, paceOf(month, history.to))}{state.currency === snapshot.manifest.site.currency ? '' : ` ${say('currency')}`} {say('unfiltered')}
          {month < (monthsTold(snapshot)[0] ?? '') ? ` ${say('untold')}` : `${month}-01` < history.from ? ` ${say('partial', { day: format.day(history.from) })}` : ''}</p>
        <Month props={props} month={month} />
      </>}
      {isWholeMonth(snapshot.manifest.report) && month !== undefined ? null : <Static view="plan" {...(month === undefined ? {} : { head: say('of_report', { period: format.days(snapshot.manifest.report.from, snapshot.manifest.report.to) }) })} />}
    </div>
  )
}

/** Then the report's own table says no more than the month's: both would be the same, or disagree by what was chosen above. */
const isWholeMonth = ({ from, to }: { readonly from: string, readonly to: string }): boolean =>
  from.endsWith('-01') && to.slice(0, 7) === from.slice(0, 7) && dayAfter(to, 1).endsWith('-01')

const paceText = ({ words }: ViewProps, pace: Pace): string => {
  const say = sayIn(words, 'plan')
  return pace.passed === 0 ? say('future') : pace.passed === pace.days ? say('over') : say('pace', { passed: pace.passed, days: pace.days })
}

const Month = ({ props, month }: { props: ViewProps, month: string }): ComponentChild => {
  const { snapshot, state, cube, words } = props
  const { manifest } = snapshot
  const pace = paceOf(month, manifest.history.to)
  const days = { from: `${month}-01`, to: `${month}-${String(pace.days).padStart(2, '0')}` }
  const isKnown = pace.passed > 0 && days.to >= manifest.history.from
  const loaded = useLoaded(() => isKnown ? cube.slice({ ...state, ...days, filters: NO_FILTERS, place: '', currency: manifest.site.currency }) : Promise.resolve(null), [month, state.model, state.basis])
  if (loaded.error !== undefined) return <><Fail words={words} error={loaded.error} />{isWholeMonth(manifest.report) && <Static view="plan" />}</>
  return <>{shown(words, loaded, (slice) => <Compared props={props} month={month} days={days} slice={slice} pace={pace} />)}</>
}

interface Row extends Line { readonly key: string, readonly name: string, readonly deals: Partial<State> | null }
interface Given { readonly props: ViewProps, readonly days: { from: string, to: string }, readonly slice: Slice | null, readonly pace: Pace }

const Compared = ({ props, month, days, slice, pace }: Given & { month: string }): ComponentChild => {
  const { words, state, snapshot } = props
  const say = sayIn(words, 'plan')
  const { plan } = snapshot.manifest
  const own: ViewProps = { ...props, format: Format.of(snapshot.manifest) }
  const site = linesOf(planFor(plan, days.from, days.to, null), slice?.total() ?? noSums(), pace)
  const channels = [...new Set(plan.flatMap((row) => row.month === month && row.channel && !row.is_unknown ? [row.channel] : []))].map((channel) => channelFor(props, slice, channel))
  const planned = channels.map((channel) => ({ ...channel, plan: planFor(plan, days.from, days.to, channel.names) }))
  const measures = MEASURES.filter((measure) => planned.some((channel) => channel.plan.has(measure)))
  const measure = measures.find((one) => one === state.more['measure']) ?? (measures.includes('revenue') ? 'revenue' : measures[0])
  const row = (line: Line, key: string, name: string, path: string | null): Row => ({ ...line, key, name, deals: path === null ? null : behind(line.measure, path, { ...days, filters: NO_FILTERS }) })
  const whole = snapshot.manifest.scope || say('site')
  const unknown = plan.flatMap((row) => row.month === month && row.channel && row.is_unknown ? [row.channel] : [])
  return (
    <>
      <Card title={<bdi>{whole}</bdi>} id="plan-site">
        {site.length === 0 ? <p class="state">{say('none_month')}</p>
          : <Lines props={own} name={whole} head={say('measure')} rows={site.map((line) => row(line, line.measure, words.metric(line.measure), ''))} isLocal />}
      </Card>
      {unknown.length > 0 && <p class="view-note" role="note">{say('unknown', { channels: unknown.join(', ') })}</p>}
      {measure !== undefined && (
        <Card title={say('channels')} id="plan-channels">
          <div class="view-bar inside"><Pick label={say('by')} value={measure} options={measures.map((one) => [one, words.metric(one)])} onPick={(to) => keep(props, { measure: to })} /></div>
          <Lines props={own} name={say('channels')} head={words.say('views.channel')}
            rows={planned.flatMap((channel) => linesOf(channel.plan, channel.sums, pace).filter((line) => line.measure === measure).map((line) => row(line, channel.name, channel.name, channel.path)))} />
        </Card>
      )}
      <Prices props={own} all={[{ name: whole, sums: slice?.total() ?? noSums(), admissible: admissibleOf(planFor(plan, days.from, days.to, null)) },
        ...planned.map((channel) => ({ name: channel.name, sums: channel.sums, admissible: admissibleOf(channel.plan) }))]} />
    </>
  )
}

/** A planned channel among the places, by either of its names; one that brought and cost nothing, or is written otherwise, has no place. */
const channelFor = ({ snapshot }: ViewProps, slice: Slice | null, told: string): { name: string, names: string[], path: string | null, sums: Sums } => {
  const fold = (text: string): string => text.trim().toLocaleLowerCase('ru')
  const { id, name } = snapshot.places
  const place = (snapshot.children[0] ?? []).find((one) => fold(id[one] ?? '') === fold(told) || fold(name[one] ?? '') === fold(told))
  const sums = slice?.tree().children.find((child) => child.place === place)?.sums ?? noSums()
  return place === undefined ? { name: told, names: [told], path: null, sums } : { name: name[place] ?? told, names: [id[place] ?? '', name[place] ?? '', told], path: snapshot.pathTo(place), sums }
}

const Lines = ({ props, name, head, rows, isLocal }: { props: ViewProps, name: string, head: string, rows: readonly Row[], isLocal?: boolean }): ComponentChild => {
  const { format } = props
  const say = sayIn(props.words, 'plan')
  const figure = (key: 'plan' | 'fact' | 'forecast', label: string): Column<Row> => ({
    key, label, kind: 'count', value: (row) => inUnits(row.measure, row[key]), show: (row) => format.figure(row.measure, key === 'forecast' && row.forecast !== null && METRICS.get(row.measure)?.unit === 'count' ? Math.round(row.forecast) : row[key], true),
    ...(key === 'fact' ? { deals: (row: Row) => row.fact === null ? null : row.deals } : {}),
    ...(key === 'plan' ? { note: (row: Row) => row.isDerived ? <small class="muted">{say('derived')}</small> : null } : {}),
    ...(key === 'forecast' ? { tone: (row: Row) => row.isGood === null ? '' : row.isGood ? 'good' : 'bad' } : {})
  })
  return (
    <Table<Row> props={props} name={name} head={head} rows={rows} keyOf={(row) => row.key} nameOf={(row) => row.name} {...(isLocal ? { isLocal } : {})} columns={[
      figure('plan', say('planned')), figure('fact', say('fact')),
      { key: 'share', label: say('share'), kind: 'share', value: (row) => row.share, note: (row) => row.share === null ? null : <Bar share={row.share} /> },
      { key: 'difference', label: say('difference'), kind: 'count', value: (row) => inUnits(row.measure, row.difference), show: (row) => signed(props, row) },
      figure('forecast', say('forecast'))
    ]} />
  )
}

const inUnits = (measure: Measure, value: number | null): number | null => value !== null && METRICS.get(measure)?.unit === 'money' ? value / 100 : value

const signed = ({ format, words }: ViewProps, { measure, difference }: Line): string => {
  if (measure === 'margin_romi') return difference === null ? format.count(null) : `${format.points(difference)} ${words.say('views.points')}`
  const text = format.figure(measure, difference, true)
  return difference !== null && difference > 0 ? `+${text}` : text
}

const Prices = ({ props, all }: { props: ViewProps, all: readonly { name: string, sums: Sums, admissible: number | null }[] }): ComponentChild => {
  const { words, format } = props
  const told = all.filter((one) => one.admissible !== null)
  if (told.length === 0) return null
  return (
    <Card title={words.say('views.plan.prices')} id="plan-prices">
      <ul class="standing">{told.map(({ name, sums, admissible }) => {
        const { actual, over, overAll } = overOf(sums, admissible)
        const places = { admissible: format.money(admissible), actual: format.money(actual), over: format.money(over === null ? null : Math.abs(over)), all: format.money(overAll) }
        const key = over === null ? 'unsold_says' : Math.round(over) === 0 ? 'equal_says' : over > 0 ? 'over_says' : 'within_says'
        return <li key={name}><strong><bdi>{name}</bdi></strong><p class={over === null ? 'muted' : over > 0 ? 'bad' : 'good'}>{words.say(`views.income.${key}`, places)}</p></li>
      })}</ul>
    </Card>
  )
}

export const view: View = { name: 'plan', title: (words) => words.say('views.plan.title'), show, covers: true }
