// The first screen: verdict and drivers of the mailed period (under any other choice below what is chosen), five figures, their
// course, channels that stand out.
import type { ComponentChild } from 'preact'
import { useMemo } from 'preact/hooks'
import { Lines } from '../chart'
import type { Slice, Step } from '../cube'
import { METRICS, changeOf, toneOf, valueOf } from '../metrics'
import { isAsReported } from '../reported'
import { Card, Link, Static } from '../ui'
import type { View, ViewProps } from '../view'
import { planFor, type Measure } from './logic/planning'
import { standings, type Standing } from './logic/standings'
import { Figure, Page, Pick, Pill, keep, rowsUnder, sayIn } from './parts'
import { Spark } from './spark'

const TILES = ['cost', 'qualified', 'sales', 'revenue', 'margin_romi'] as const
const MOST = 3

const show = (props: ViewProps): ComponentChild => (
  <Page props={props} view="summary">
    {isAsReported(props.state, props.snapshot.manifest) ? <>
      <Static view="summary" part="summary" />
      <Tiles props={props} />
      <Static view="summary" part="drivers" />
      <Dynamics props={props} />
      <Standings props={props} />
    </> : <>
      <Tiles props={props} />
      <Dynamics props={props} />
      <Standings props={props} />
      <Static view="summary" part={['summary', 'drivers']} head={props.words.say('views.summary.of_report')} />
    </>}
  </Page>
)

const Tiles = ({ props }: { props: ViewProps }): ComponentChild => {
  const { now, before, words, format, state, snapshot } = props
  const say = sayIn(words, 'summary')
  const total = now.total()
  const was = before?.total() ?? null
  const days = useMemo(() => now.series('day'), [now])
  const isWhole = state.place === '' && !now.isPart && state.currency === snapshot.manifest.site.currency
  const plan = isWhole ? planFor(snapshot.manifest.plan, state.from, state.to, null) : new Map()
  return (
    <section aria-label={say('tiles')}>
      <ul class="tiles">
        {TILES.map((key) => {
          const value = valueOf(key, total)
          const then = was && valueOf(key, was)
          const change = changeOf(key, value, then)
          const planned = plan.get(key as Measure)?.value ?? null
          return (
            <li key={key} class="card">
              <p class="label">{words.metric(key)}</p>
              <p class={`value${key === 'margin_romi' && value !== null && value < 0 ? ' bad' : ''}`}><Figure props={props} metric={key} sums={total} /></p>
              <p class="muted small">
                {change !== null && <span class={toneOf(key, change)}>{format.change(key, change, words.say('views.points'))}</span>}
                {then !== null && <> {words.say('views.was', { value: format.figure(key, then, true) })}</>}
                {was === null && state.compare !== 'none' && words.say('views.no_earlier')}
              </p>
              {planned !== null && <p class="muted small">{words.say('views.plan_is', { value: format.figure(key, planned, true) })}
                {key !== 'margin_romi' && value !== null && planned !== 0 && <>, {words.say('views.plan_share', { share: format.share(value / planned) })}</>}</p>}
              <Spark values={days.map((day) => valueOf(key, day.sums))} />
            </li>
          )
        })}
      </ul>
    </section>
  )
}

const Dynamics = ({ props }: { props: ViewProps }): ComponentChild => {
  const { words, state } = props
  const say = sayIn(words, 'summary')
  const names = [...METRICS.keys()]
  const first = names.includes(state.more['left'] ?? '') ? state.more['left'] as string : 'revenue'
  const second = state.more['right'] === '-' ? '' : names.includes(state.more['right'] ?? '') ? state.more['right'] as string : 'cost'
  const step: Step = state.more['step'] === 'week' || state.more['step'] === 'month' ? state.more['step'] : state.more['step'] === 'day' || props.now.to - props.now.from < 100 ? 'day' : 'week'
  const options = names.map((key) => [key, words.metric(key)] as const)
  return (
    <Card title={say('dynamics')} id="summary-dynamics">
      <div class="view-bar inside">
        <Pick label={say('left')} value={first} options={options} onPick={(left) => keep(props, { left })} />
        <Pick label={say('right')} value={second || '-'} options={[['-', say('none')], ...options]} onPick={(right) => keep(props, { right })} />
        <Pick label={say('step')} value={step} options={(['day', 'week', 'month'] as const).map((key) => [key, say(`by.${key}`)])} onPick={(to) => keep(props, { step: to })} />
      </div>
      <Course props={props} metric={first} step={step} />
      {second !== '' && second !== first && <Course props={props} metric={second} step={step} />}
    </Card>
  )
}

/** One metric with the compared period below it, point by point. Each metric has a scale of its own, so each has a chart of its own. */
const Course = ({ props, metric, step }: { props: ViewProps, metric: string, step: Step }): ComponentChild => {
  const { now, before, words, format, snapshot } = props
  const told = useMemo(() => courseOf(now, metric, step), [now, metric, step])
  const was = useMemo(() => before === null ? null : courseOf(before, metric, step), [before, metric, step])
  const name = words.metric(metric)
  const days = (from: number): string => step === 'month' ? format.month(snapshot.iso(from)) : format.dayMonth(snapshot.iso(from))
  return (
    <div class="course">
      <h3>{name}</h3>
      <Lines label={words.say('views.summary.by_day', { name })} height={170} figures={words.say('app.figures')} format={(value) => format.figure(metric, value)}
        names={told.map((point) => days(point.from))}
        series={[{ name, values: told.map((point) => point.value) }, ...(was === null ? [] : [{ name: words.say(`app.compare.${props.state.compare}`), isBefore: true, values: told.map((_, at) => was[at]?.value ?? null) }])]} />
    </div>
  )
}

const courseOf = (slice: Slice, metric: string, step: Step): { from: number, value: number | null }[] =>
  slice.series(step).map(({ from, sums }) => ({ from, value: valueOf(metric, sums) }))

const Standings = ({ props }: { props: ViewProps }): ComponentChild => {
  const say = sayIn(props.words, 'summary')
  const { places, manifest } = props.snapshot
  const all = standings(rowsUnder(props).filter((row) => places.kind[row.place] === '').map((row) => ({ place: row.place, name: row.name, now: row.sums })), manifest.thresholds)
  const best = all.filter((one) => one.earned > 0).slice(0, MOST)
  const worst = all.filter((one) => one.earned < 0).slice(-MOST).reverse()
  return (
    <div class="two-cards">
      <Card title={say('best')} id="summary-best"><List props={props} all={best} text="standing" none={say('no_best')} /></Card>
      <Card title={say('worst')} id="summary-worst"><List props={props} all={worst} text="lost" none={say('no_worst')} /></Card>
      <p class="muted small full">{say('judged', { count: manifest.thresholds.minimum_sales })}</p>
    </div>
  )
}

const List = ({ props, all, text, none }: { props: ViewProps, all: readonly Standing[], text: string, none: string }): ComponentChild => {
  const { format, words, snapshot } = props
  if (all.length === 0) return <p class="state">{none}</p>
  return (
    <ul class="standing">{all.map((one) => (
      <li key={one.place}>
        <Link {...props} change={{ view: 'channels', place: snapshot.pathTo(one.place) }}><bdi>{one.name}</bdi></Link> <Pill verdict={one.verdict} words={words} />
        <p class="muted">{words.say(`views.summary.${text}`, { earned: format.money(Math.abs(one.earned)), romi: format.percent(one.romi) })}</p>
      </li>
    ))}</ul>
  )
}

export const view: View = { name: 'summary', title: (words) => words.say('views.summary.title'), show, covers: true }
