// The one funnel of marketing and sales: steps with what is lost, the weak place in words, channels beside, site sections and landings.
import type { ComponentChild } from 'preact'
import type { Slice } from '../cube'
import type { LandingRows, Landings, SectionRows } from '../data'
import { useLoaded } from '../hooks'
import { divide, type Sums } from '../metrics'
import { Table, type Column } from '../table'
import { Card, Link, shown } from '../ui'
import type { View, ViewProps } from '../view'
import { leakiest, stepsOf, weakest, type Reached, type Step } from './logic/funnel'
import { channelOf } from './logic/chosen'
import { landingsOf, sectionsOf, type Visited } from './logic/pages'
import { shift } from './logic/ratios'
import type { PlaceRow } from './logic/rows'
import { Bar, Page, Pick, PlaceTable, behind, fineShare, dealsOf, metricColumn, rowsUnder, sayIn, totalOf } from './parts'

const show = (props: ViewProps): ComponentChild => {
  const { words, snapshot, state } = props
  const say = sayIn(words, 'funnel')
  const chosen = snapshot.placeAt(state.place) ?? 0
  const channels = snapshot.children[0] ?? []
  return (
    <Page props={props} view="funnel" lead>
      <div class="view-bar">
        <Pick label={say('of')} value={String(channelOf(snapshot, chosen))} onPick={(place) => props.go({ place: snapshot.pathTo(Number(place)) })}
          options={[['0', say('everything')], ...channels.map((place) => [String(place), snapshot.places.name[place] ?? ''] as const)]} />
      </div>
      {chosen === 0 || props.before !== null ? <Funnel props={props} beside={props.before} /> : <Beside props={props} />}
      <Channels props={props} chosen={chosen} />
      <Sections props={props} />
      <LandingPages props={props} />
    </Page>
  )
}

/** A channel without a period to compare with is held against all channels. */
const Beside = ({ props }: { props: ViewProps }): ComponentChild => {
  const { state, cube, words } = props
  const all = useLoaded(() => cube.slice({ ...state, place: '' }), [state.from, state.to, state.model, state.basis, state.filters, state.currency])
  return shown(words, all, (slice) => <Funnel props={props} beside={slice} isAll />)
}

const reachedOf = (slice: Slice): Reached => {
  const { places } = slice.snapshot
  const total = slice.total()
  const isAd = (place: number): boolean => places.is_ad[place] === true
  const visits = slice.tree().children.map((channel) => isAd(channel.place) ? channel.sums.clicked_visits
    : channel.children.filter((child) => isAd(child.place)).reduce((all, child) => all + child.sums.clicked_visits, 0))
  const traffic = slice.isPart ? {} : {
    impressions: total.impressions, clicks: total.clicks, visits: total.visits, ad_visits: visits.reduce((all, one) => all + one, 0),
    shown_clicks: total.shown_clicks, clicked_impressions: total.clicked_impressions
  }
  return { ...traffic, requests: total.requests, on_visit: total.on_visit, qualified: total.qualified, sales: total.sales, repeat_sales: total.repeat_sales }
}

const Funnel = ({ props, beside, isAll = false }: { props: ViewProps, beside: Slice | null, isAll?: boolean }): ComponentChild => {
  const { words, format } = props
  const say = sayIn(words, 'funnel')
  const now = reachedOf(props.now)
  const steps = stepsOf(now, beside === null ? null : reachedOf(beside))
  return (
    <Card>
      <Weak props={props} steps={steps} isBeside={steps.some((step) => step.rateBefore !== null)} isAll={isAll} />
      <ol class="funnel">{steps.map((step, at) => <Row key={step.name} props={props} step={step} isFirst={at === 0} />)}</ol>
      {now.clicks ? <p class="muted small inside">{say('ads_only', { visits: format.count(now.ad_visits ?? 0) })}</p> : null}
    </Card>
  )
}

const Row = ({ props, step, isFirst }: { props: ViewProps, step: Step, isFirst: boolean }): ComponentChild => {
  const { words, format } = props
  const say = sayIn(words, 'funnel')
  const deals = behind(step.name, props.state.place)
  const count = format.count(step.count)
  const tone = step.z < -1.645 ? 'bad' : step.z > 1.645 ? 'good' : ''
  return (
    <li>
      <span class="step">{words.say(`views.steps.${step.name}`)}</span>
      <strong class="count">{deals === null || !step.count ? count : <Link {...props} change={deals} class="figure">{count}</Link>}</strong>
      <Bar share={isFirst ? 1 : step.rate ?? 0} class={`big ${tone}`} />
      <span class="said">
        {step.rate !== null && <span class={tone}>{step.name === 'repeat_sales' ? say('repeat', { rate: format.share(step.rate) }) : say('passed', { rate: fineShare(format, step.rate) })}</span>}
        {step.rateBefore !== null && <span class="muted">{say('before', { rate: fineShare(format, step.rateBefore) })}</span>}
        {step.lost !== null && step.loss !== null && step.lost > 0 && <span class="muted">{say('lost', { count: format.count(step.lost), loss: format.share(step.loss) })}</span>}
      </span>
    </li>
  )
}

const Weak = ({ props, steps, isBeside, isAll }: { props: ViewProps, steps: readonly Step[], isBeside: boolean, isAll: boolean }): ComponentChild => {
  const { words, format } = props
  const say = sayIn(words, 'funnel')
  const weak = weakest(steps)
  const leak = leakiest(steps)
  const name = (step: Step): string => words.say(`views.steps.${step.name}`).toLocaleLowerCase(format.language)
  return (
    <div class="said-lines">
      {weak !== null ? <p class="verdict-line bad">{say(isAll ? 'weak_channel' : 'weak', { step: name(weak), rate: fineShare(format, weak.rate), before: fineShare(format, weak.rateBefore) })}</p>
        : <p class="verdict-line">{say(isBeside ? 'steady' : 'no_before')}</p>}
      {leak !== null && <p>{say('leak', { step: name(leak), loss: format.share(leak.loss), count: format.count(leak.lost) })}</p>}
    </div>
  )
}

const RATES: readonly (readonly [key: string, part: keyof Sums, whole: keyof Sums])[] = [
  ['visit_to_request', 'on_visit', 'visits'], ['request_to_qualified', 'qualified', 'requests'], ['qualified_to_sale', 'sales', 'qualified'], ['visit_to_sale', 'sales', 'visits']
]

const Channels = ({ props, chosen }: { props: ViewProps, chosen: number }): ComponentChild => {
  const { words } = props
  const say = sayIn(words, 'funnel')
  const rows = rowsUnder(props, chosen)
  const total = totalOf(rows, words.say('views.total'))
  const count = (key: string): Column<PlaceRow> => metricColumn(props, key, behind(key, '') === null ? null : dealsOf(props, key))
  const rate = ([key, part, whole]: (typeof RATES)[number]): Column<PlaceRow> => metricColumn(props, key, behind(key, '') === null ? null : dealsOf(props, key), {
    isChange: true,
    tone: (row) => {
      const z = row.place === 0 || row.isNotSplit ? 0 : shift(row.sums[part], row.sums[whole], total.sums[part], total.sums[whole])
      return z < -1.645 ? 'bad' : z > 1.645 ? 'good' : ''
    }
  })
  const isClicked = total.sums.clicks > 0
  return (
    <Card title={say('table')} id="funnel-table" note={say('table_note')}>
      <PlaceTable props={props} name={say('table')} head={words.say('views.channel')} rows={rows} total={total} columns={[
        ...(isClicked ? [count('impressions'), count('clicks')] : []), count('visits'), rate(RATES[0]!), count('requests'), rate(RATES[1]!), count('qualified'), rate(RATES[2]!), count('sales'), rate(RATES[3]!)
      ].map((column) => ['impressions', 'visit_to_sale'].includes(column.key) ? { ...column, isHidden: true } : column)} />
    </Card>
  )
}

const pageColumns = (props: ViewProps, isMoney: boolean): Column<Visited>[] => {
  const count = (key: 'visits' | 'requests' | 'sales'): Column<Visited> => ({ key, label: props.words.metric(key), kind: 'count', value: (row) => row[key] })
  return [
    count('visits'), count('requests'),
    { key: 'visit_to_request', label: props.words.metric('visit_to_request'), kind: 'share', value: (row) => divide(row.requests, row.visits), show: (row) => fineShare(props.format, divide(row.requests, row.visits)) },
    count('sales'),
    { key: 'request_to_sale', label: props.words.metric('request_to_sale'), kind: 'share', value: (row) => divide(row.sales, row.requests) },
    ...(isMoney ? [{ key: 'revenue', label: props.words.metric('revenue'), kind: 'money', value: (row: Visited) => row.revenue } as const] : [])
  ]
}

const Sections = ({ props }: { props: ViewProps }): ComponentChild => {
  const { snapshot, now, words } = props
  const say = sayIn(words, 'funnel')
  const loaded = useLoaded(async () => sectionsOf(await snapshot.file<Landings>('landings'), await snapshot.months<SectionRows>('sections', now.from, now.to), now.from, now.to), [now.from, now.to])
  return (
    <Card title={say('sections')} id="funnel-sections" note={say('sections_note')}>
      {shown(words, loaded, (rows) => (
        <Table<Visited> props={props} isLocal name={say('sections')} head={say('section')} rows={rows} keyOf={(row) => row.name} empty={say('no_sections')}
          nameOf={(row) => row.name === '…' ? say('rest') : row.name === '/' ? `/ · ${say('main_page')}` : row.name} columns={pageColumns(props, false)} />
      ))}
    </Card>
  )
}

const LandingPages = ({ props }: { props: ViewProps }): ComponentChild => {
  const { snapshot, now, words, state } = props
  const say = sayIn(words, 'funnel')
  const channel = channelOf(snapshot, snapshot.placeAt(state.place) ?? 0)
  const loaded = useLoaded(async () => landingsOf(await snapshot.file<Landings>('landings'), await snapshot.months<LandingRows>('landings', now.from, now.to), now.from, now.to, channel), [now.from, now.to, channel])
  return (
    <Card title={say('landings')} id="funnel-landings" note={say('landings_note')}>
      {shown(words, loaded, (rows) => (
        <Table<Visited> props={props} isLocal name={say('landings')} head={say('landing')} rows={rows} keyOf={(row) => row.name}
          nameOf={(row) => row.name === '' ? say('no_page') : row.name === '…' ? say('rest') : row.name} columns={pageColumns(props, true)} />
      ))}
    </Card>
  )
}

export const view: View = { name: 'funnel', title: (words) => words.say('views.funnel.title'), show, covers: true }
