// How much in which channel: weekly sales of a channel are exp(a + b ln cost), 0 < b ≤ 1, so every further rouble brings a little less.
// The best split of a sum is the one where the next rouble brings the same everywhere (water-filling). Pure; money in whole units.

/** A channel's fitted response; `low`, `high` bound what may be spent a week, `fixed` takes it out of the search. */
export interface Curve {
  name: string
  a: number
  b: number
  cov: readonly [readonly [number, number], readonly [number, number]]
  dispersion: number // variance of weekly sales ÷ their mean; 1 is chance alone (Poisson)
  low: number
  high: number
  fixed: number | null
}

export interface Split {
  costs: number[] // a week, in the order of the curves
  sales: number[]
  total: number
  orders: number
  left: number // of the budget, where every channel is at its upper bound; 0 where all is placed
  next: number | null // price of the next order: equal for all channels inside their bounds; null where nothing can grow
}

const STEPS = 200

export function salesAt(curve: Curve, cost: number): number {
  return cost > 0 ? Math.exp(curve.a + curve.b * Math.log(cost)) : 0
}

/** Orders that one more rouble brings at this spend. */
export function marginAt(curve: Curve, cost: number): number {
  if (cost <= 0) return curve.b < 1 ? Infinity : Math.exp(curve.a)
  return curve.b * Math.exp(curve.a + (curve.b - 1) * Math.log(cost))
}

/** The best split of a weekly budget. Never more than the budget, except that fixed sums and lower bounds are kept. */
export function forBudget(curves: readonly Curve[], budget: number): Split {
  return filled(curves, budget, total)
}

/** The cheapest weekly split that brings so many orders a week; all upper bounds where they do not bring them. */
export function forOrders(curves: readonly Curve[], orders: number): Split {
  return filled(curves, orders, (costs) => sum(costs.map((cost, i) => salesAt(curves[i] as Curve, cost))))
}

function total(costs: number[]): number {
  return sum(costs)
}

/** Bisection over the price of the next order; `measure` rises with it. What a jump leaves over (b = 1) is placed by a straight line. */
function filled(curves: readonly Curve[], goal: number, measure: (costs: number[]) => number): Split {
  let under = curves.map((curve) => curve.fixed ?? curve.low)
  let over = curves.map((curve) => curve.fixed ?? curve.high)
  if (measure(over) <= goal) return split(curves, over, measure === total ? goal : null)
  if (measure(under) >= goal) return split(curves, under, null)
  let cheap = -60 // logarithms of the price of the next order: from nothing to beyond every price
  let dear = 60
  for (let step = 0; step < STEPS; step++) {
    const middle = (cheap + dear) / 2
    const costs = curves.map((curve) => curve.fixed ?? spendAt(curve, middle))
    if (measure(costs) <= goal) [cheap, under] = [middle, costs]
    else [dear, over] = [middle, costs]
  }
  const reached = measure(under)
  const gap = measure(over) - reached
  const part = gap > 0 ? Math.min(Math.max((goal - reached) / gap, 0), 1) : 0
  return split(curves, under.map((cost, i) => cost + part * ((over[i] as number) - cost)), null)
}

/** Where a channel's next order costs exp(price). */
function spendAt(curve: Curve, price: number): number {
  const room = curve.a + Math.log(curve.b) + price
  if (curve.b >= 1) return room > 0 ? curve.high : curve.low
  return Math.min(Math.max(Math.exp(Math.min(room / (1 - curve.b), 700)), curve.low), curve.high)
}

function split(curves: readonly Curve[], costs: number[], budget: number | null): Split {
  const sales = costs.map((cost, i) => salesAt(curves[i] as Curve, cost))
  const free = curves.map((curve, i) => ({ curve, cost: costs[i] as number })).filter(({ curve, cost }) => curve.fixed === null && cost < curve.high)
  const best = Math.max(0, ...free.map(({ curve, cost }) => marginAt(curve, cost)))
  const spent = sum(costs)
  return {
    costs, sales, total: spent, orders: sum(sales),
    left: budget === null ? 0 : Math.max(budget - spent, 0),
    next: best > 0 && Number.isFinite(best) ? 1 / best : null
  }
}

export interface Interval {
  low: number
  high: number
}

/** 90 % interval of the orders of `weeks` weeks: what the fit does not know (delta method over the covariances, one logarithmic
 * scale) and what chance adds to counts (their dispersion). */
export function intervalOf(curves: readonly Curve[], costs: readonly number[], weeks: number): Interval {
  const Z = 1.6448536269514722
  const sales = costs.map((cost, i) => weeks * salesAt(curves[i] as Curve, cost))
  const expected = sum(sales)
  if (expected <= 0) return { low: 0, high: 0 }
  const variance = sum(sales.map((mean, i) => mean * mean * spread(curves[i] as Curve, costs[i] as number) + mean * (curves[i] as Curve).dispersion))
  const width = Z * Math.sqrt(Math.log1p(variance / (expected * expected)))
  return { low: expected * Math.exp(-width), high: expected * Math.exp(width) }
}

/** Variance of the logarithm of a channel's expected sales at this spend. */
function spread(curve: Curve, cost: number): number {
  if (cost <= 0) return 0
  const log = Math.log(cost)
  const [[aa, ab], [, bb]] = curve.cov
  return Math.max(aa + 2 * log * ab + log * log * bb, 0)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0)
}
