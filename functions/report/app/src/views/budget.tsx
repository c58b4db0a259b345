// The budget calculator: so many orders, or so much money → how much in which channel, with what is not known said.
import type { ComponentChild } from 'preact'
import { Lines } from '../chart'
import { Format } from '../format'
import { Table, type Column } from '../table'
import { Card, Static } from '../ui'
import type { View, ViewProps } from '../view'
import { marginAt } from './logic/allocation'
import { MOST_WEEKS, answerOf, courseOf, isGuess, questionOf, usable, type Answer, type Budget, type Fit, type Question } from './logic/budget'
import { Pick, keep, sayIn } from './parts'
import style from './views.css'

const show = (given: ViewProps): ComponentChild => {
  const props = { ...given, format: Format.of(given.snapshot.manifest) } // fits are in the site's currency, whatever is chosen above
  const { words, snapshot, state } = props
  const say = sayIn(words, 'budget')
  const budget = snapshot.manifest.budget as Budget | null
  const fits = budget === null ? [] : usable(budget)
  return (
    <div class="view view-budget">
      <style>{style}</style>
      <p class="view-lead">{say('lead')}</p>
      {fits.length === 0 ? <Card><p class="state">{say('none')}</p></Card> : <Calculator props={props} budget={budget as Budget} fits={fits} question={questionOf(fits, state.more)} />}
      {budget !== null && <Unfit props={props} budget={budget} fits={fits} />}
      <Static view="budget" {...(fits.length === 0 ? {} : { head: say('of_report') })} />
    </div>
  )
}

const kopecks = (units: number): number => Math.round(units * 100)
const nameOf = ({ snapshot }: ViewProps, channel: string): string => {
  const place = (snapshot.children[0] ?? []).find((one) => snapshot.places.id[one] === channel)
  return place === undefined ? channel : snapshot.places.name[place] ?? channel
}

interface Given { readonly props: ViewProps, readonly fits: readonly Fit[], readonly question: Question }

const Calculator = ({ props, budget, fits, question }: Given & { budget: Budget }): ComponentChild => {
  const { words, format } = props
  const say = sayIn(words, 'budget')
  const answer = answerOf(question)
  const day = (iso: string | null | undefined): string => iso ? format.shortDay(iso) : '…'
  return (
    <>
      <Ask props={props} fits={fits} question={question} />
      <Said props={props} fits={fits} question={question} answer={answer} />
      <Result props={props} fits={fits} question={question} answer={answer} />
      <Curve props={props} fits={fits} question={question} answer={answer} />
      <p class="muted small">{say('how', { first: day(budget.first_week), last: day(budget.last_week) })}</p>
    </>
  )
}

const Ask = ({ props, fits, question }: Given): ComponentChild => {
  const { words, state, format } = props
  const say = sayIn(words, 'budget')
  const field = (key: string, what: string, usual: string, name = ''): ComponentChild => (
    <label class="choose" key={key}><span class={name === '' ? '' : 'on-phone'}>{what}</span>
      <input type="text" inputMode="decimal" autocomplete="off" value={state.more[key] ?? ''} placeholder={usual} {...(name === '' ? {} : { 'aria-label': say('field', { what, name }) })}
        onInput={(event) => keep(props, { [key]: event.currentTarget.value.slice(0, 20) })} /></label>
  )
  return (
    <Card>
      <div class="view-bar inside">
        <Pick label={say('goal')} value={question.goal} options={[['orders', say('by_orders')], ['budget', say('by_budget')]]} onPick={(goal) => keep(props, { goal, amount: '' })} />
        {field('amount', question.goal === 'orders' ? say('orders') : say('money', { symbol: format.symbol }), String(question.amount))}
        <label class="choose"><span>{say('weeks')}</span><input type="number" min={1} max={MOST_WEEKS} value={question.weeks}
          onInput={(event) => keep(props, { weeks: event.currentTarget.value })} /></label>
      </div>
      <details class="bounds"><summary>{say('bounds')}</summary>
        <p class="muted small">{say('bounds_note', { symbol: format.symbol })}</p>
        <div class="bounds-grid">
          {fits.map((fit, at) => {
            const name = nameOf(props, fit.channel)
            const curve = question.curves[at]!
            return (
              <div key={fit.channel} role="group" aria-label={name}>
                <strong><bdi>{name}</bdi></strong>
                {field(`least:${fit.channel}`, say('least'), '0', name)}
                {field(`most:${fit.channel}`, say('most'), String(Math.round(curve.high)), name)}
                {field(`fix:${fit.channel}`, say('fixed'), '—', name)}
              </div>
            )
          })}
        </div>
      </details>
    </Card>
  )
}

const Said = ({ props, fits, question, answer }: Given & { answer: Answer }): ComponentChild => {
  const { words, format } = props
  const say = sayIn(words, 'budget')
  const { split, interval } = answer
  const { weeks } = question
  const orders = (count: number, key = 'orders'): string => { // a fraction takes the word as one of them has it: 8,5 заказа
    const told = count < 10 ? Math.round(count * 10) / 10 : Math.round(count)
    return words.count(`views.${key}`, Number.isInteger(told) ? told : format.language !== 'ru' ? 1.5 : key === 'orders' ? 2 : 1, format.count(told))
  }
  const some = (count: number): string => orders(count, 'of_orders')
  const money = format.money(kopecks(Math.round(split.total * weeks)))
  const term = words.count('views.in_weeks', weeks, format.count(weeks))
  const now = fits.reduce((all, fit) => ({ cost: all.cost + fit.spend_now * weeks, sales: all.sales + fit.sales_now * weeks }), { cost: 0, sales: 0 })
  return (
    <div class="budget-says" role="status">
      <p class="big">{say(question.goal === 'orders' ? 'says_orders' : 'says_budget', { orders: question.goal === 'orders' ? orders(split.orders * weeks) : some(split.orders * weeks), weeks: term, money })}</p>
      {isGuess(fits, answer) && <p class="stale">{say('guess')}</p>}
      {question.misread.map((told) => <p key={told} class="stale" role="alert">{say('misread', { told })}</p>)}
      <p>{say('interval', { low: format.count(Math.round(interval.low)), high: some(Math.round(interval.high)) })} {split.next !== null && say('next', { price: format.money(kopecks(Math.round(split.next))) })}</p>
      <p class="muted">{say('same', { money: format.money(kopecks(Math.round(now.cost))), orders: some(now.sales) })}</p>
      {!answer.reached && <p class="stale">{say('short', { orders: some(split.orders * weeks) })}</p>}
      {answer.left > 0.5 && <p class="stale">{say('left', { money: format.money(kopecks(Math.round(answer.left))) })}</p>}
      {answer.exceeded > 0 && <p class="stale">{say('exceeded', { money: format.money(kopecks(Math.round(answer.exceeded))) })}</p>}
    </div>
  )
}

interface Row { readonly name: string, readonly now: number, readonly cost: number, readonly all: number, readonly orders: number, readonly price: number | null, readonly next: number | null, readonly warning: string }

const Result = ({ props, fits, question, answer }: Given & { answer: Answer }): ComponentChild => {
  const { words, format } = props
  const say = sayIn(words, 'budget')
  const rows = fits.map((fit, at): Row => {
    const cost = answer.split.costs[at] ?? 0
    const orders = (answer.split.sales[at] ?? 0) * question.weeks
    const margin = cost > 0 ? marginAt(question.curves[at]!, cost) : 0
    return {
      name: nameOf(props, fit.channel), now: fit.spend_now, cost, all: cost * question.weeks, orders, price: orders > 0 ? (cost * question.weeks) / orders : null, next: margin > 0 ? 1 / margin : null,
      warning: cost > fit.most_cost * 1.0001 ? say('beyond', { most: format.money(kopecks(Math.round(fit.most_cost))) })
        : cost > 0 && cost < fit.least_cost * 0.9999 ? say('below', { least: format.money(kopecks(Math.round(fit.least_cost))) }) : ''
    }
  })
  const sum = (key: 'now' | 'cost' | 'all' | 'orders'): number => rows.reduce((all, row) => all + row[key], 0)
  const total: Row = { name: words.say('views.total'), now: sum('now'), cost: sum('cost'), all: sum('all'), orders: sum('orders'), price: sum('orders') > 0 ? sum('all') / sum('orders') : null, next: answer.split.next, warning: '' }
  const money = (key: 'now' | 'cost' | 'all' | 'price' | 'next', label: string): Column<Row> => ({ key, label: say(label), kind: 'money', value: (row) => { const value = row[key]; return value === null ? null : kopecks(Math.round(value)) } })
  return (
    <Card title={say('table')} id="budget-table">
      <Table<Row> props={props} name={say('table')} head={words.say('views.channel')} rows={rows} keyOf={(row) => row.name} nameOf={(row) => row.name} totals={[{ name: total.name, row: total }]}
        showName={(row) => <span><bdi>{row.name}</bdi>{row.warning !== '' && <small class="warning">{row.warning}</small>}</span>} columns={[
          money('now', 'now'), money('cost', 'cost'),
          { key: 'change', label: say('change'), kind: 'percent', value: (row) => row.now > 0 ? row.cost / row.now - 1 : null },
          money('all', 'all'),
          { key: 'orders', label: say('expected'), kind: 'count', value: (row) => Math.round(row.orders * 10) / 10 },
          money('price', 'price'), money('next', 'next_price')
        ]} />
    </Card>
  )
}

const Curve = ({ props, question, answer }: Given & { answer: Answer }): ComponentChild => {
  const { words, format } = props
  const say = sayIn(words, 'budget')
  const points = courseOf(question, answer.split.total)
  if (points.length === 0) return null
  return (
    <Card title={say('curve')} id="budget-curve">
      <Lines label={say('curve')} figures={words.say('app.figures')} format={(value) => format.count(Math.round(value))} names={points.map((point) => format.money(kopecks(Math.round(point.cost))))} series={[
        { name: say('curve_orders'), values: points.map((point) => point.orders) },
        { name: say('curve_low'), values: points.map((point) => point.low), isBefore: true },
        { name: say('curve_high'), values: points.map((point) => point.high), isBefore: true }
      ]} />
    </Card>
  )
}

const WHY = ['few_weeks', 'few_sales', 'no_variation', 'no_growth', 'uncertain', 'not_converged']

const Unfit = ({ props, budget, fits }: { props: ViewProps, budget: Budget, fits: readonly Fit[] }): ComponentChild => {
  const { words, format } = props
  const say = sayIn(words, 'budget')
  const left = budget.channels.filter((fit) => !fits.includes(fit))
  if (left.length === 0) return null
  return (
    <Card title={say('unfit')} id="budget-unfit">
      <ul class="standing">{left.map((fit) => (
        <li key={fit.channel}><strong><bdi>{nameOf(props, fit.channel)}</bdi></strong>: {say(`why.${WHY.includes(fit.why) ? fit.why : 'other'}`, { weeks: format.count(fit.weeks), sales: format.count(fit.sales) })}</li>
      ))}</ul>
    </Card>
  )
}

export const view: View = { name: 'budget', title: (words) => words.say('views.budget.title'), show, covers: true }
