// Quality of requests by channel: counted, qualified, disqualified, still open; and the reasons why they were dropped.
import type { ComponentChild } from 'preact'
import { useMemo } from 'preact/hooks'
import type { Requests, Snapshot } from '../data'
import { divide, whole } from '../metrics'
import { whyDropped } from '../deals'
import { placeBehind } from '../links'
import { Table, type Column } from '../table'
import { Card, dealsBehind, Link } from '../ui'
import type { State } from '../state'
import type { View, ViewProps } from '../view'
import { channelOf, chosen } from './logic/chosen'
import { reasonsOf, rowsOf, totalOf, type Judged, type Reason, type Row } from './logic/quality'
import { colourOf } from './logic/rows'
import { Bar, Page, Pick, keep, sayIn } from './parts'
import { WithRequests } from './requests'

const show = (props: ViewProps): ComponentChild => (
  <Page props={props} view="qualification" lead>
    <p class="muted small">{props.words.say('views.qualification.basis')}</p>
    <WithRequests props={props} instead="qualification" show={(pages) => <Quality props={props} pages={pages} />} />
  </Page>
)

function* judged (snapshot: Snapshot, props: ViewProps, pages: readonly Requests[]): Generator<Judged> {
  for (const { page, at, shares } of chosen(snapshot, pages, props.state, props.now.from, props.now.to)) {
    yield {
      counted: !!page.counted[at], qualified: !!page.qualified[at], disqualified: !!page.disqualified[at],
      reason: page.loss_reason[at] ?? '', group: page.loss_group[at] ?? '', shares: shares.map(([place, weight]) => [channelOf(snapshot, place), weight] as const)
    }
  }
}

const Quality = ({ props, pages }: { props: ViewProps, pages: readonly Requests[] }): ComponentChild => {
  const { snapshot, state, words, format, now } = props
  const say = sayIn(words, 'qualification')
  const rows = useMemo(() => [...rowsOf(judged(snapshot, props, pages)).values()].sort((a, b) => b.counted - a.counted || a.channel - b.channel),
    [pages, state.model, state.filters, state.place, now.from, now.to])
  const total = totalOf(rows)
  if (rows.length === 0) return <Card><p class="state">{words.say('views.nothing')}</p></Card>
  const shares: readonly (readonly [key: 'qualified' | 'disqualified' | 'open', tone: string])[] = [['qualified', 'good'], ['disqualified', 'bad'], ['open', '']]
  return (
    <>
      <dl class="card keys four">
        <div><dt>{say('counted')}</dt><dd class="value"><Link {...props} class="figure" change={behindOf(state.place, 'requests')}>{format.count(whole(total.counted))}</Link></dd></div>
        {shares.map(([key, tone]) => (
          <div key={key}><dt>{say(key)}</dt>
            <dd class={`value ${tone}`}>{key === 'open' ? format.count(whole(total[key]))
              : <Link {...props} class="figure" change={behindOf(state.place, key)}>{format.count(whole(total[key]))}</Link>}</dd>
            <dd class="change">{format.share(divide(total[key], total.counted))}</dd></div>
        ))}
      </dl>
      <Card title={say('table')} id="qualification-table">
        <Table<Row> props={props} name={say('table')} head={words.say('views.channel')} rows={rows} columns={columnsOf(props)} keyOf={(row) => String(row.channel)}
          nameOf={(row) => snapshot.places.name[row.channel] ?? ''} colourOf={(row) => colourOf(snapshot, row.channel)}
          isLast={(row) => snapshot.places.kind[row.channel] === 'no_source'} totals={[{ name: words.say('views.total'), row: total }]} />
      </Card>
      <Reasons props={props} rows={rows} total={total} />
    </>
  )
}

/** Requests behind a figure of this view, which counts by their day whatever the others do; `why`: dropped for one reason alone. */
const behindOf = (place: string, measure: string, why?: string): Partial<State> =>
  dealsBehind(measure, place, { basis: 'request', more: why === undefined ? {} : { why } })

const columnsOf = (props: ViewProps): Column<Row>[] => {
  const say = sayIn(props.words, 'qualification')
  const path = (row: Row): string => placeBehind(props.state, row.channel < 0 ? '' : props.snapshot.pathTo(row.channel))
  const count = (key: 'listed' | 'counted' | 'qualified' | 'disqualified' | 'open', measure?: string, isHidden = false): Column<Row> => ({
    key, label: say(key), kind: 'count', value: (row) => whole(row[key]), isHidden, ...(measure === undefined ? {} : { deals: (row) => behindOf(path(row), measure) })
  })
  const share = (key: string, part: (row: Row) => number): Column<Row> => ({
    key, label: say(key), kind: 'share', value: (row) => divide(part(row), row.counted),
    note: (row) => <Bar share={divide(part(row), row.counted) ?? 0} class={key === 'qualified_share' ? 'good' : 'bad'} />
  })
  return [
    { ...count('listed', undefined, true), help: say('listed_help') }, count('counted', 'requests'), count('qualified', 'qualified'), share('qualified_share', (row) => row.qualified),
    count('disqualified', 'disqualified'), share('disqualified_share', (row) => row.disqualified), count('open')
  ]
}

const Reasons = ({ props, rows, total }: { props: ViewProps, rows: readonly Row[], total: Row }): ComponentChild => {
  const { words, snapshot, state } = props
  const say = sayIn(words, 'qualification')
  const row = rows.find((one) => String(one.channel) === state.more['channel']) ?? total
  const reasons = reasonsOf(row).map((one) => ({ ...one, count: whole(one.count) }))
  return (
    <Card title={say('reasons')} id="qualification-reasons">
      <div class="view-bar inside">
        <Pick label={say('of')} value={String(row.channel)} onPick={(channel) => keep(props, { channel: channel === '-1' ? '' : channel })}
          options={[['-1', words.say('views.all')], ...rows.filter((one) => one.disqualified > 0).map((one) => [String(one.channel), snapshot.places.name[one.channel] ?? ''] as const)]} />
      </div>
      {reasons.length === 0 ? <p class="state">{say('no_reasons')}</p> : (
        <Table<Reason> props={props} isLocal name={say('reasons')} head={say('reason')} rows={reasons} keyOf={(one) => `${one.group}\u0000${one.reason}`}
          nameOf={(one) => one.reason || say('no_reason')} columns={[
            { key: 'group', label: say('group'), kind: 'text', value: (one) => one.group || say('no_group') },
            { key: 'count', label: say('count'), kind: 'count', value: (one) => one.count, deals: (one) => behindOf(placeBehind(state, row.channel < 0 ? '' : snapshot.pathTo(row.channel)), 'disqualified', whyDropped(one.group, one.reason)) },
            { key: 'share', label: say('share'), kind: 'share', value: (one) => one.share, note: (one) => <Bar share={one.share} class="bad" /> }
          ]} />
      )}
    </Card>
  )
}

export const view: View = { name: 'qualification', title: (words) => words.say('views.qualification.title'), show, covers: true }
