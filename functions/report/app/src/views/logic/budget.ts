// The calculator's question and answer: what the address holds → the split. Pure; money in whole units of the site's currency.
import { forBudget, forOrders, intervalOf, salesAt, type Curve, type Interval, type Split } from './allocation'

/** A channel's fit as figures.json has it (functions/report/marts/budget.py). */
export interface Fit {
  readonly channel: string
  readonly weeks: number
  readonly sales: number
  readonly is_fit: boolean
  readonly why: string
  readonly a: number | null
  readonly b: number | null
  readonly cov: readonly (readonly number[])[] | null
  readonly dispersion?: number | null
  readonly spend_now: number
  readonly sales_now: number
  readonly least_cost: number
  readonly most_cost: number
}

export interface Budget {
  readonly first_week?: string | null
  readonly last_week?: string | null
  readonly channels: readonly Fit[]
}

export type Goal = 'orders' | 'budget'
export interface Question {
  readonly goal: Goal
  readonly amount: number // orders or money of the whole term
  readonly weeks: number
  readonly curves: readonly Curve[]
  readonly misread: readonly string[] // what was written and is no number that could be meant: the usual one stands instead
}

export interface Answer {
  readonly split: Split
  readonly interval: Interval
  readonly reached: boolean // whether the goal is
  readonly exceeded: number // by how much fixed sums and lower bounds exceed the budget of the term
  readonly left: number // of the term's budget
}

const TIMES_SEEN = 2 // the usual upper bound: twice the largest weekly spend
export const MOST_WEEKS = 104

/** Fits that can be used: everything the search divides by or takes logarithms of is there. */
export function usable(budget: Budget): Fit[] {
  return budget.channels.filter((fit) => fit.is_fit && fit.a !== null && fit.b !== null && Number.isFinite(fit.a) && fit.b > 0 && fit.b <= 1 && fit.most_cost > 0)
}

/** `told`: the address's own words; a bound that is no number, or upside down, falls back to the usual one. */
export function questionOf(fits: readonly Fit[], told: { readonly [key: string]: string }): Question {
  const goal: Goal = told['goal'] === 'budget' ? 'budget' : 'orders'
  const weeks = Math.min(Math.max(Math.round(numberIn(told['weeks']) ?? 4), 1), MOST_WEEKS)
  const curves = fits.map((fit): Curve => {
    const low = numberIn(told[`least:${fit.channel}`]) ?? 0
    const high = Math.max(numberIn(told[`most:${fit.channel}`]) ?? TIMES_SEEN * fit.most_cost, low)
    const cov = fit.cov ?? [[0, 0], [0, 0]]
    return {
      name: fit.channel, a: fit.a as number, b: fit.b as number, low, high, fixed: numberIn(told[`fix:${fit.channel}`]), dispersion: Math.max(fit.dispersion ?? 1, 1),
      cov: [[cov[0]?.[0] ?? 0, cov[0]?.[1] ?? 0], [cov[1]?.[0] ?? 0, cov[1]?.[1] ?? 0]]
    }
  })
  const names = ['amount', 'weeks', ...fits.flatMap(({ channel }) => ['least', 'most', 'fix'].map((end) => `${end}:${channel}`))]
  const misread = [...new Set(names.map((name) => told[name] ?? '').filter((text) => text.trim() !== '' && numberIn(text) === null))]
  return { goal, weeks, curves, misread, amount: numberIn(told['amount']) ?? usualAmount(fits, goal, weeks) }
}

/** What goes on now: as many orders, or as much money. */
function usualAmount(fits: readonly Fit[], goal: Goal, weeks: number): number {
  const weekly = fits.reduce((all, fit) => all + (goal === 'orders' ? fit.sales_now : fit.spend_now), 0)
  return Math.round(weekly * weeks)
}

export function answerOf({ goal, amount, weeks, curves }: Question): Answer {
  const weekly = amount / weeks
  const split = goal === 'budget' ? forBudget(curves, weekly) : forOrders(curves, weekly)
  const exceeded = goal === 'budget' ? Math.max(split.total - weekly, 0) * weeks : 0
  return {
    split, interval: intervalOf(curves, split.costs, weeks), left: split.left * weeks, exceeded: exceeded > 0.005 ? exceeded : 0,
    reached: goal === 'budget' || split.orders >= weekly * (1 - 1e-6)
  }
}

/** Whether most of the orders hang on weekly spends that nobody has tried: under the least week's or over the most. */
export function isGuess(fits: readonly Fit[], { split }: Answer): boolean {
  const untried = fits.reduce((all, fit, at) => {
    const cost = split.costs[at] ?? 0
    return cost < fit.least_cost * 0.9999 || cost > fit.most_cost * 1.0001 ? all + (split.sales[at] ?? 0) : all
  }, 0)
  return untried > split.orders / 2
}

export interface Point {
  readonly cost: number
  readonly orders: number
  readonly low: number
  readonly high: number
}

/** Orders of the term by its budget, from a quarter to twice of the one in question. */
export function courseOf({ weeks, curves }: Question, weekly: number, points = 15): Point[] {
  if (!(weekly > 0)) return []
  return Array.from({ length: points }, (_, at) => {
    const split = forBudget(curves, weekly * (0.25 + (1.75 * at) / (points - 1)))
    const { low, high } = intervalOf(curves, split.costs, weeks)
    return { cost: split.total * weeks, orders: split.orders * weeks, low, high }
  })
}

/** What the fit expects at today's spend. */
export function expectedNow(fit: Fit, curve: Curve): number {
  return salesAt(curve, fit.spend_now)
}

function numberIn(text: string | undefined): number | null {
  const plain = (text ?? '').replace(/[\s\u00a0]/g, '').replace(',', '.')
  if (plain === '') return null
  const value = Number(plain)
  return Number.isFinite(value) && value >= 0 && value < 1e12 ? value : null
}
