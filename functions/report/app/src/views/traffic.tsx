// Influence of traffic on sales: who gives how much of each step, visits and sales day by day with their delay, conversion by channel.
import type { ComponentChild } from 'preact'
import { Lines } from '../chart'
import type { Slice } from '../cube'
import { useLoaded } from '../hooks'
import { addTo, divide, noSums, type Sums } from '../metrics'
import { dayAfter } from '../data'
import { Card, shown } from '../ui'
import type { View, ViewProps } from '../view'
import { STAGES, delayOf, meansOf, outliersOf, structureOf, type Part, type Stage } from './logic/influence'
import type { PlaceRow } from './logic/rows'
import { Page, PlaceTable, behind, dealsOf, metricColumn, rowsUnder, sayIn, totalOf } from './parts'

const MOST = 9
const DELAY_DAYS = 120

interface Channel { readonly place: number, readonly name: string, readonly colour: string, readonly now: Sums }

const show = (props: ViewProps): ComponentChild => {
  const { words, snapshot, state } = props
  const say = sayIn(words, 'traffic')
  const rows = rowsUnder(props, snapshot.placeAt(state.place) ?? 0)
  const total = totalOf(rows, words.say('views.total'))
  return (
    <Page props={props} view="traffic" lead>
      <Structure props={props} channels={grouped(rows, say('others'))} />
      <Daily props={props} />
      <Card title={say('table')} id="traffic-table">
        <PlaceTable props={props} name={say('table')} head={words.say('views.channel')} rows={rows} total={total} columns={[
          ...['visits', 'visit_to_request', 'requests', 'request_to_qualified', 'qualified', 'request_to_sale', 'sales', 'visit_to_sale', 'revenue']
            .map((key) => metricColumn<PlaceRow>(props, key, behind(key, '') === null ? null : dealsOf(props, key), { isChange: ['visits', 'requests', 'sales', 'revenue'].includes(key) })),
          { key: 'revenue_per_visit', label: say('revenue_per_visit'), kind: 'money', value: (row) => row.isNotSplit ? null : divide(row.sums.revenue, row.sums.visits) }
        ]} />
      </Card>
    </Page>
  )
}

/** The biggest by the sum of their shares stand alone, the rest together. */
const grouped = (rows: readonly PlaceRow[], others: string): Channel[] => {
  const all = rows.map((row): Channel => ({ place: row.place, name: row.name, colour: row.colour, now: row.sums }))
  if (all.length <= MOST) return all
  const parts = structureOf(all)
  const weight = (at: number): number => STAGES.reduce((sum, stage) => sum + (parts[stage][at]?.share ?? 0), 0)
  const kept = new Set(all.map((_, at) => at).sort((a, b) => weight(b) - weight(a)).slice(0, MOST - 1))
  const rest = all.filter((_, at) => !kept.has(at)).reduce((sums, one) => addTo(sums, one.now), noSums())
  return [...all.filter((_, at) => kept.has(at)), { place: -1, name: others, colour: '#9aa4b5', now: rest }]
}

const Structure = ({ props, channels }: { props: ViewProps, channels: readonly Channel[] }): ComponentChild => {
  const { words, format } = props
  const say = sayIn(words, 'traffic')
  const parts = structureOf(channels)
  const stages = STAGES.filter((stage) => parts[stage].some((part) => part.share > 0))
  if (stages.length === 0) return <Card><p class="state">{words.say('views.nothing')}</p></Card>
  const { strong, weak } = outliersOf(parts)
  const told = (all: readonly { readonly name: string, readonly visits: number, readonly sales: number }[]): ComponentChild =>
    <ul class="outlying">{all.map((one) => <li key={one.name}><bdi>{say('difference', { name: one.name, visits: format.share(one.visits), sales: format.share(one.sales) })}</bdi></li>)}</ul>
  return (
    <Card title={say('structure')} id="traffic-structure">
      <div class="structure">
        {stages.map((stage) => <Stack key={stage} props={props} stage={stage} parts={parts[stage]} />)}
        <ul class="legend">{channels.map((channel) => <li key={channel.place}><i style={{ background: channel.colour }} /><bdi>{channel.name}</bdi></li>)}</ul>
      </div>
      {(strong.length > 0 || weak.length > 0) && (
        <div class="outliers">
          {strong.length > 0 && <div><h3 class="good">{say('strong')}</h3>{told(strong)}</div>}
          {weak.length > 0 && <div><h3 class="bad">{say('weak')}</h3>{told(weak)}</div>}
        </div>
      )}
    </Card>
  )
}

const Stack = ({ props, stage, parts }: { props: ViewProps, stage: Stage, parts: readonly Part[] }): ComponentChild => {
  const { words, format } = props
  const name = words.say(`views.steps.${stage}`)
  const shares = parts.filter((part) => part.share > 0)
  return (
    <div class="stack" role="img" aria-label={words.say('views.traffic.structure_alt', { stage: name, parts: shares.map((part) => `${part.name} ${format.share(part.share)}`).join(', ') })}>
      <span class="step">{name}</span>
      <span class="whole">{shares.map((part) => (
        <i key={part.place} style={{ flexGrow: part.share, background: part.colour }} title={`${part.name}: ${format.figure(stage, part.value, true)} (${format.share(part.share)})`}>
          {part.share >= 0.09 && <b>{format.share(Math.round(part.share * 100) / 100)}</b>}
        </i>
      ))}</span>
    </div>
  )
}

/** Visits and sales by the day of payment, where the snapshot has it; the delay is sought in at least the last four months. */
const Daily = ({ props }: { props: ViewProps }): ComponentChild => {
  const { state, cube, words, snapshot } = props
  const { manifest } = snapshot
  const say = sayIn(words, 'traffic')
  const query = { ...state, basis: manifest.date_bases.includes('payment') ? 'payment' as const : state.basis }
  const long = dayAfter(state.to, -DELAY_DAYS + 1)
  const from = long < state.from ? (long < manifest.history.from ? manifest.history.from : long) : state.from
  const loaded = useLoaded(async () => ({ shown: await cube.slice(query), long: await cube.slice({ ...query, from }) }),
    [state.from, state.to, state.model, state.basis, state.filters, state.currency, state.place])
  return (
    <Card title={say('daily')} id="traffic-daily" note={say('daily_note')}>
      {shown(words, loaded, (slices) => <Courses props={props} {...slices} />)}
    </Card>
  )
}

const Courses = ({ props, shown: slice, long }: { props: ViewProps, shown: Slice, long: Slice }): ComponentChild => {
  const { words, format, snapshot } = props
  const say = sayIn(words, 'traffic')
  const days = slice.series('day')
  const names = days.map((day) => format.dayMonth(snapshot.iso(day.from)))
  const all = long.series('day')
  const delay = slice.isPart ? null : delayOf(all.map((day) => day.sums.visits), all.map((day) => day.sums.sales))
  const period = format.days(snapshot.iso(long.from), snapshot.iso(long.to))
  const course = (key: 'visits' | 'sales', colour: string): ComponentChild => {
    const values = days.map((day) => Number.isNaN(day.sums[key]) ? null : day.sums[key])
    return (
      <div class="course"><h3>{words.metric(key)}</h3>
        <Lines label={words.say('views.summary.by_day', { name: words.metric(key) })} names={names} height={150} format={(value) => format.count(value)} figures={words.say('app.figures')}
          series={[{ name: words.metric(key), values, isBefore: true }, ...(values.length >= 7 ? [{ name: say('smooth'), values: meansOf(values, 7), colour }] : [])]} />
      </div>
    )
  }
  return (
    <>
      {slice.isPart ? null : course('visits', 'var(--accent)')}
      {course('sales', 'var(--good)')}
      <p class="inside">{delay === null ? say('no_delay', { period }) : say('delay', { days: words.count('views.days', delay.days), strength: format.decimal(delay.strength, 2), period })}</p>
    </>
  )
}

export const view: View = { name: 'traffic', title: (words) => words.say('views.traffic.title'), show, covers: true }
