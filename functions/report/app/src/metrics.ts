// Every metric: what it is made of, which way is better. The one place where figures are divided.

/** Additive figures. Money in kopecks; counts are sums of weights. NaN: not known here (spend and visits of a manager's deals).
 * Cost files need not tell clicks and impressions: `clicked_…` are of channels that told clicks, `shown_clicks` of those that told
 * impressions (functions/report/marts/payback.py says the same). `unrated_…` are of days that have no rate of the chosen currency: money
 * of theirs is not told, so that nothing is divided by them. */
export interface Sums {
  cost: number
  visits: number
  clicks: number
  impressions: number
  requests: number
  qualified: number
  sales: number
  repeat_sales: number
  /** Requests made during a visit: what visits turn into. Calls and letters of others are requests, too. */
  on_visit: number
  revenue: number
  profit: number
  priced: number
  unpriced: number
  clicked_cost: number
  clicked_visits: number
  clicked_impressions: number
  shown_clicks: number
  unrated_visits: number
  unrated_clicks: number
  unrated_requests: number
  unrated_qualified: number
  unrated_sales: number
}
export type Additive = keyof Sums
export const ADDITIVE: readonly Additive[] = [
  'cost', 'visits', 'clicks', 'impressions', 'requests', 'qualified', 'sales', 'repeat_sales', 'on_visit', 'revenue', 'profit', 'priced', 'unpriced',
  'clicked_cost', 'clicked_visits', 'clicked_impressions', 'shown_clicks',
  'unrated_visits', 'unrated_clicks', 'unrated_requests', 'unrated_qualified', 'unrated_sales'
]
export const TRAFFIC: readonly Additive[] = [
  'cost', 'visits', 'clicks', 'impressions', 'clicked_cost', 'clicked_visits', 'clicked_impressions', 'shown_clicks',
  'unrated_visits', 'unrated_clicks'
]

/** money: kopecks; count; ratio: 2.0; percent: fraction with its sign; share: fraction without. */
export type Unit = 'money' | 'count' | 'ratio' | 'percent' | 'share'
export type Better = 'up' | 'down' | 'none'
export interface Metric {
  readonly key: string
  readonly unit: Unit
  readonly better: Better
  /** null where it cannot be told: a division by nothing, or figures that are not known. */
  readonly of: (sums: Sums) => number | null
  /** Whether it is a ratio: of a row that is not split it would say nothing true. */
  readonly isRatio: boolean
}

export const noSums = (): Sums => ({
  cost: 0, visits: 0, clicks: 0, impressions: 0, requests: 0, qualified: 0, sales: 0, repeat_sales: 0, on_visit: 0, revenue: 0, profit: 0,
  priced: 0, unpriced: 0, clicked_cost: 0, clicked_visits: 0, clicked_impressions: 0, shown_clicks: 0,
  unrated_visits: 0, unrated_clicks: 0, unrated_requests: 0, unrated_qualified: 0, unrated_sales: 0
})

export const addTo = (sums: Sums, other: Sums): Sums => {
  for (const name of ADDITIVE) sums[name] += other[name]
  return sums
}

export const isEmpty = (sums: Sums): boolean => ADDITIVE.every((name) => !sums[name])

/** A count without the noise of binary fractions. */
export const whole = (count: number): number => Math.round(count * 1e9) / 1e9

/** Unrounded fraction; null where one side is missing or the divisor is nothing. */
export const divide = (part: number | null, by: number | null): number | null =>
  part === null || by === null || !Number.isFinite(part) || !Number.isFinite(by) || by === 0 ? null : part / by

const told = (value: number): number | null => Number.isFinite(value) ? value : null
/** Gross profit is empty where nothing that brought money has one. */
const profitOf = (sums: Sums): number | null => sums.unpriced > 0 && sums.priced === 0 ? null : told(sums.profit)
const less = (value: number | null, cost: number): number | null => value === null ? null : value - cost

const count = (key: Additive, better: Better): Metric =>
  ({ key, unit: 'count', better, isRatio: false, of: (sums) => told(whole(sums[key])) })
const ratio = (key: string, unit: Unit, better: Better, part: (sums: Sums) => number | null, by: (sums: Sums) => number | null): Metric =>
  ({ key, unit, better, isRatio: true, of: (sums) => divide(part(sums), by(sums)) })

const cost = (s: Sums): number => s.cost
const revenue = (s: Sums): number => s.revenue
const number = (key: Additive) => (s: Sums): number => whole(s[key])
/** Of the days whose money is told. */
const rated = (key: 'visits' | 'clicks' | 'requests' | 'qualified' | 'sales') => (s: Sums): number => whole(s[key] - (s[`unrated_${key}`] || 0))

const ALL: readonly Metric[] = [
  { key: 'cost', unit: 'money', better: 'none', isRatio: false, of: (s) => told(s.cost) },
  count('impressions', 'none'),
  count('clicks', 'up'),
  count('visits', 'up'),
  count('requests', 'up'),
  count('qualified', 'up'),
  count('sales', 'up'),
  count('repeat_sales', 'up'),
  { key: 'revenue', unit: 'money', better: 'up', isRatio: false, of: (s) => told(s.revenue) },
  { key: 'gross_profit', unit: 'money', better: 'up', isRatio: false, of: profitOf },
  { key: 'profit_after_cost', unit: 'money', better: 'up', isRatio: false, of: (s) => { const left = less(profitOf(s), s.cost); return left === null ? null : told(left) } },
  ratio('cpc', 'money', 'down', (s) => s.clicked_cost, rated('clicks')),
  ratio('cpv', 'money', 'down', cost, rated('visits')),
  ratio('cpl', 'money', 'down', cost, rated('requests')),
  ratio('cpql', 'money', 'down', cost, rated('qualified')),
  ratio('cpo', 'money', 'down', cost, rated('sales')),
  ratio('ctr', 'share', 'up', number('shown_clicks'), number('clicked_impressions')),
  ratio('click_to_visit', 'share', 'up', number('clicked_visits'), number('clicks')),
  ratio('visit_to_request', 'share', 'up', number('on_visit'), number('visits')),
  ratio('request_to_qualified', 'share', 'up', number('qualified'), number('requests')),
  ratio('request_to_sale', 'share', 'up', number('sales'), number('requests')),
  ratio('qualified_to_sale', 'share', 'up', number('sales'), number('qualified')),
  ratio('visit_to_sale', 'share', 'up', number('sales'), number('visits')),
  ratio('aov', 'money', 'up', revenue, rated('sales')),
  ratio('roas', 'ratio', 'up', revenue, cost),
  ratio('romi', 'percent', 'up', (s) => s.revenue - s.cost, cost),
  ratio('margin_romi', 'percent', 'up', (s) => less(profitOf(s), s.cost), cost),
  ratio('roi', 'share', 'up', revenue, cost),
  ratio('drr', 'share', 'down', cost, revenue)
]

/** Which deals stand behind a metric: of a ratio those that it is made of. Spend, visits and repeat sales have none. */
export const BEHIND: { readonly [metric: string]: string } = {
  requests: 'requests', cpl: 'requests', visit_to_request: 'requests', qualified: 'qualified', cpql: 'qualified', request_to_qualified: 'qualified',
  sales: 'sales', cpo: 'sales', aov: 'sales', request_to_sale: 'sales', qualified_to_sale: 'sales', visit_to_sale: 'sales',
  revenue: 'revenue', roas: 'revenue', romi: 'revenue', roi: 'revenue', drr: 'revenue', gross_profit: 'revenue', margin_romi: 'revenue',
  profit_after_cost: 'revenue'
}

export const METRICS: ReadonlyMap<string, Metric> = new Map(ALL.map((one) => [one.key, one]))

export const metric = (key: string): Metric => {
  const found = METRICS.get(key)
  if (found === undefined) throw new Error(`no metric is called ${key}`)
  return found
}

/** A metric's value of sums; of what is not split, ratios are empty. */
export const valueOf = (key: string, sums: Sums, isNotSplit = false): number | null => {
  const one = metric(key)
  return isNotSplit && one.isRatio ? null : one.of(sums)
}

/** What a metric's change is told in: shares change by points, all else by a share of what it was. */
export const inPoints = (key: string): boolean => { const { unit } = metric(key); return unit === 'percent' || unit === 'share' }

/** Change from `before` to `now`: points as a fraction, else a share of the size before; null where it cannot be told. */
export const changeOf = (key: string, now: number | null, before: number | null): number | null => {
  if (now === null || before === null) return null
  return inPoints(key) ? now - before : divide(now - before, Math.abs(before))
}

/** How a change is to be taken. */
export const toneOf = (key: string, change: number | null): '' | 'good' | 'bad' => {
  const { better } = metric(key)
  if (change === null || better === 'none' || Math.round(change * 1000) === 0) return ''
  return (change > 0) === (better === 'up') ? 'good' : 'bad'
}

export type Verdict = '' | 'good' | 'normal' | 'bad' | 'few_data'
export interface Thresholds { readonly good: number | string, readonly normal: number | string, readonly minimum_sales: number }

/** By margin ROMI; few_data under the least number of sales; '' where nothing can be judged (figures.py, _verdict). */
export const verdictOf = (sums: Sums, thresholds: Thresholds): Verdict => {
  const romi = valueOf('margin_romi', sums)
  if (romi === null || sums.unpriced > 0) return ''
  if (sums.sales < thresholds.minimum_sales) return 'few_data'
  if (romi >= Number(thresholds.good)) return 'good'
  return romi >= Number(thresholds.normal) ? 'normal' : 'bad'
}

const WILSON_Z = 1.6448536269514722

/** 90 % interval of a rate (Wilson); null without trials. */
export const wilson = (successes: number, trials: number): readonly [number, number] | null => {
  if (!(trials > 0)) return null
  const rate = Math.min(Math.max(successes / trials, 0), 1)
  const square = WILSON_Z ** 2
  const centre = (rate + square / (2 * trials)) / (1 + square / trials)
  const half = WILSON_Z / (1 + square / trials) * Math.sqrt(rate * (1 - rate) / trials + square / (4 * trials ** 2))
  return [Math.max(centre - half, 0), Math.min(centre + half, 1)]
}
