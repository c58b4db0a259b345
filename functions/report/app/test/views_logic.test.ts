// Logic of the views on numbers that can be checked by hand; worked cases M1, M3, M4 and 1,800 − 1,100 = 700.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leakiest, stepsOf, weakest } from '../src/views/logic/funnel'
import { overOf } from '../src/views/logic/income'
import { delayOf, structureOf } from '../src/views/logic/influence'
import { adRows, columnsOf, returnOf } from '../src/views/logic/payback'
import { admissibleOf, linesOf, monthsOf, paceOf, planFor, rowOf } from '../src/views/logic/planning'
import type { PlaceRow } from '../src/views/logic/rows'
import { reasonsOf, rowsOf, totalOf } from '../src/views/logic/quality'
import { correlation, shift } from '../src/views/logic/ratios'
import { standings } from '../src/views/logic/standings'
import { found } from '../src/views/logic/terms'
import { noSums, valueOf, type Sums } from '../src/metrics'

const THRESHOLDS = { good: 0.5, normal: 0, minimum_sales: 10 }
const sums = (told: Partial<Sums>): Sums => ({ ...noSums(), ...told })

function near(one: number | null, other: number): void {
  assert.ok(one !== null && Math.abs(one - other) < 1e-9, `${one} and ${other}`)
}

test('nothing divided by nothing is empty, never 0 or infinity', () => {
  assert.deepEqual(overOf(noSums(), 110_000), { admissible: 110_000, actual: null, over: null, overAll: null })
  assert.deepEqual(returnOf(noSums(), noSums()), { romi: null, roi: null, marginRomi: null, romiChange: null })
  assert.deepEqual(columnsOf([], noSums(), noSums(), 'requests').map((column) => [column.price, column.priceChange, column.totalChange]), Array(3).fill([null, null, null]))
  assert.deepEqual([shift(0, 0, 1, 2), shift(5, 5, 5, 5)], [0, 0])
})

test('a sale at 1,800 where 1,100 is admissible is 700 over', () => {
  const over = overOf(sums({ cost: 9_000_000, sales: 50 }), 110_000)
  assert.deepEqual([over.actual, over.over, over.overAll], [180_000, 70_000, 3_500_000])
  assert.equal(overOf(sums({ cost: 9_000_000, sales: 50 }), null).over, null)
  assert.deepEqual(overOf(sums({ cost: 0, sales: 50 }), 110_000), { admissible: 110_000, actual: null, over: null, overAll: null })
})

test('M1, M3, M4: ROMI by sales and by margin, and Bitrix24\'s scale', () => {
  const of = (revenue: number): Sums => sums({ cost: 100, revenue, profit: revenue / 2 })
  near(returnOf(of(200), null).romi, 1)
  near(returnOf(of(244), null).romi, 1.44)
  near(returnOf(of(160), null).romi, 0.6)
  assert.deepEqual([200, 244, 160].map((revenue) => Math.round(100 * (valueOf('margin_romi', of(revenue)) as number))), [0, 22, -20])
  near(returnOf(sums({ cost: 50_000, revenue: 100_000 }), null).roi, 2)
  near(returnOf(sums({ cost: 1, revenue: 1 }), sums({ cost: 1, revenue: 2 })).romiChange, -1)
})

test('payback has clicks where systems told them, else visits; bars go from dear to cheap and unpaid last', () => {
  const source = (place: number, now: Partial<Sums>) => ({ place, name: `s${place}`, colour: '', now: sums(now), before: null })
  const sources = [source(1, { cost: 100, clicks: 10, sales: 1 }), source(2, { cost: 300, clicks: 10, sales: 2 }), source(3, { clicks: 5 })]
  const total = sums({ cost: 400, clicked_cost: 400, clicks: 25, sales: 3, requests: 8 })
  const [actions, requests, sales] = columnsOf(sources, total, sums({ cost: 200, clicked_cost: 200, clicks: 20, requests: 0, sales: 4 }), 'requests')
  assert.deepEqual([actions?.count, actions?.price, actions?.priceChange, actions?.totalChange], ['clicks', 16, 0.6, 0.25])
  assert.deepEqual(actions?.bars.map((bar) => [bar.place, bar.price]), [[2, 30], [1, 10], [3, null]])
  assert.deepEqual([requests?.price, requests?.priceBefore, requests?.priceChange, requests?.totalChange], [50, null, null, null])
  near(sales?.price ?? null, 400 / 3)
  assert.equal(columnsOf([], sums({ visits: 3 }), null, 'qualified')[0]?.count, 'visits')
})

test('payback is of advertising alone: of other traffic its advertising part, of nothing no row', () => {
  const row = (place: number, told: Partial<Sums>, more: Partial<PlaceRow> = {}): PlaceRow =>
    ({ key: `${place}/`, place, level: 1, name: `p${place}`, colour: '', isNotSplit: false, isNoSource: false, sums: sums(told), before: null, children: [], ...more })
  const mixed = row(3, { cost: 70, visits: 9 }, { children: [row(4, { cost: 30, visits: 2 }, { before: sums({ cost: 5 }) }), row(5, { cost: 40, visits: 7 })] })
  const rows = adRows([row(1, { cost: 10 }), row(2, { cost: 20 }), mixed, row(6, { visits: 5 }, { isNoSource: true }), row(7, {})], [null, true, false, null, true, false, null, true])
  assert.deepEqual(rows.map((one) => [one.place, one.sums.cost, one.sums.visits, one.before?.cost]), [[1, 10, 0, undefined], [3, 30, 2, 5]])
  assert.deepEqual(rows[1]?.children.map((child) => child.place), [4])
})

test('the funnel compares clicks with the visits of advertising, and a step that fell by chance is not called weak', () => {
  const before = { impressions: 10_000, clicks: 500, visits: 2000, ad_visits: 450, requests: 200, on_visit: 180, qualified: 100, sales: 40 }
  const steps = stepsOf({ impressions: 10_000, clicks: 500, visits: 2100, ad_visits: 400, requests: 120, on_visit: 105, qualified: 60, sales: 23 }, before)
  assert.deepEqual(steps.map((step) => step.name), ['impressions', 'clicks', 'visits', 'requests', 'qualified', 'sales'])
  assert.deepEqual([steps[0]?.rate, steps[1]?.rate, steps[2]?.rate, steps[2]?.lost, steps[3]?.lost, steps[4]?.loss], [null, 0.05, 0.8, 100, 1995, 0.5])
  assert.equal(weakest(steps)?.name, 'requests')
  assert.equal(leakiest(steps)?.name, 'sales')
  assert.equal(weakest(stepsOf({ visits: 100, requests: 9, on_visit: 9 }, { visits: 100, requests: 10, on_visit: 10 })), null)
  assert.deepEqual(stepsOf({ impressions: 0, clicks: 0, visits: 0, requests: 2 }, null).map((step) => [step.name, step.rate, step.loss]), [['visits', null, null], ['requests', null, null]])
})

const november = (row: object) => planFor([{ month: '2026-11', ...row }], '2026-11-01', '2026-11-30', null)

test('the plan of a channel that nobody knows counts nowhere', () => {
  const rows = [{ month: '2026-11', channel: 'Google Ads', cost: 10 }, { month: '2026-11', channel: 'Gogle', cost: 99, is_unknown: true }]
  assert.equal(planFor(rows, '2026-11-01', '2026-11-30', null).get('cost')?.value, 1000)
})

test('a month under way is carried to its end by its days; prices are not', () => {
  assert.deepEqual([paceOf('2026-11', '2026-11-10'), paceOf('2026-10', '2026-11-10'), paceOf('2026-12', '2026-11-10'), paceOf('2028-02', '2028-02-29')],
    [{ days: 30, passed: 10 }, { days: 31, passed: 31 }, { days: 31, passed: 0 }, { days: 29, passed: 29 }])
  const fact = sums({ cost: 1_800_000, requests: 30, qualified: 20, sales: 10, revenue: 5_000_000, profit: 2_500_000, priced: 10 })
  const lines = linesOf(november({ channel: null, sales: 40, cpo: '1100.00', cost: '54000', revenue: null }), fact, { days: 30, passed: 10 })
  assert.deepEqual(lines.map((line) => [line.measure, line.plan, line.fact, line.difference, line.forecast, line.isGood]),
    [['cost', 5_400_000, 1_800_000, -3_600_000, 5_400_000, true], ['sales', 40, 10, -30, 30, false], ['cpo', 110_000, 180_000, 70_000, 180_000, false]])
  assert.equal(linesOf(november({ sales: 5 }), fact, { days: 31, passed: 0 })[0]?.forecast, null)
})

test('a plan for a period is the months\' parts by days, and none where a month has none', () => {
  const plan = [{ month: '2026-10', sales: 31 }, { month: '2026-11', sales: 60, cost: 1 }, { month: '2026-11', channel: 'VK', sales: 9 }]
  assert.deepEqual(monthsOf('2025-12-30', '2026-01-02').map((part) => [part.month, part.from, part.to, part.days, part.of]),
    [['2025-12', '2025-12-30', '2025-12-31', 2, 31], ['2026-01', '2026-01-01', '2026-01-02', 2, 31]])
  const value = (from: string, to: string, measure: 'sales' | 'cost', names: string[] | null = null) => planFor(plan, from, to, names).get(measure)?.value
  assert.equal(value('2026-10-22', '2026-11-05', 'sales'), 20)
  assert.equal(value('2026-10-22', '2026-11-05', 'cost'), undefined)
  assert.equal(value('2026-11-01', '2026-11-10', 'sales', ['VK']), 3)
})

test('the site\'s plan is its own row, else the sum of its channels; ratios that nobody wrote come from the sums', () => {
  const plan = [{ month: '2026-11', channel: 'A', cost: '100.10', sales: 1 }, { month: '2026-11', channel: 'B', cost: 200, sales: 2, cpo: 90, qualified: 4 }]
  const site = planFor(plan, '2026-11-01', '2026-11-30', null)
  assert.deepEqual([...site], [['cost', { value: 30_010, isDerived: false }], ['sales', { value: 3, isDerived: false }], ['cpo', { value: 30_010 / 3, isDerived: true }]])
  assert.equal(admissibleOf(site), null)
  assert.equal(admissibleOf(planFor(plan, '2026-11-01', '2026-11-30', ['b'])), 9_000)
  const own = planFor([...plan, { month: '2026-11', sales: 7 }], '2026-11-01', '2026-11-30', null)
  assert.deepEqual([own.get('sales')?.value, own.get('cost')?.value], [7, 30_010])
  assert.equal(planFor([], '2026-11-01', '2026-11-30', null).size, 0)
})

test('an admissible price of two months is weighted by their days', () => {
  const plan = [{ month: '2026-10', cpo: 1000 }, { month: '2026-11', cpo: 2000 }]
  assert.equal(admissibleOf(planFor(plan, '2026-10-31', '2026-11-03', null)), 175_000)
})

test('the plan\'s row is found by either name of a channel', () => {
  const plan = [{ month: '2026-10', sales: 1 }, { month: '2026-10', channel: 'Яндекс Директ ', sales: 2 }]
  assert.equal(rowOf(plan, '2026-10', null)?.sales, 1)
  assert.equal(rowOf(plan, '2026-10', ['yandex_direct', 'яндекс директ'])?.sales, 2)
  assert.equal(rowOf(plan, '2026-10', ['VK']), null)
})

test('shares of a stage make one, and a channel with more refunds than sales takes no room', () => {
  const parts = structureOf([{ place: 1, name: 'a', colour: '', now: sums({ visits: 1, revenue: 300 }) }, { place: 2, name: 'b', colour: '', now: sums({ visits: 3, revenue: -100 }) }])
  assert.deepEqual(parts.visits.map((part) => part.share), [0.25, 0.75])
  assert.deepEqual(parts.revenue.map((part) => [part.value, part.share]), [[300, 1], [-100, 0]])
  assert.deepEqual(parts.sales.map((part) => part.share), [0, 0])
})

test('the delay between visits and sales is found, and not invented', () => {
  const visits = Array.from({ length: 120 }, (_, day) => 100 + 40 * Math.sin(day / 9) + 25 * Math.cos(day / 4))
  const sales = visits.map((_, day) => (visits[day - 12] ?? 100) / 10)
  assert.equal(delayOf(visits, sales)?.days, 12)
  assert.equal(delayOf(visits, visits.map(() => 3)), null)
  assert.equal(delayOf(visits.slice(0, 30), sales.slice(0, 30)), null)
  assert.equal(correlation([1, 2, 3, 4], [2, 4, 6, 8]), 1)
})

test('requests are counted by their weights, and reasons add up to the disqualified ones', () => {
  const request = (told: object) => ({ counted: true, qualified: false, disqualified: false, reason: '', group: '', shares: [[1, 1]] as const, ...told })
  const rows = rowsOf([
    request({ qualified: true }), request({}), request({ counted: false }),
    request({ disqualified: true, reason: 'Дорого', group: 'Цена', shares: [[1, 0.25], [2, 0.75]] }),
    request({ disqualified: true, reason: 'Спам', group: 'Не клиент' }), request({ disqualified: true, reason: '<b>x</b>', group: 'Цена', shares: [[2, 1]] })
  ])
  const total = totalOf(rows.values())
  assert.deepEqual([total.listed, total.counted, total.qualified, total.disqualified, total.open], [6, 5, 1, 3, 1])
  assert.deepEqual([rows.get(1)?.disqualified, rows.get(2)?.disqualified], [1.25, 1.75])
  assert.deepEqual(reasonsOf(total).map((one) => [one.group, one.reason, one.count]), [['Цена', '<b>x</b>', 1], ['Цена', 'Дорого', 1], ['Не клиент', 'Спам', 1]])
  assert.equal(Math.round(1e9 * reasonsOf(total).reduce((all, one) => all + one.share, 0)), 1e9)
})

test('channels stand in the order of what they left; few data and money without a cost price judge nobody', () => {
  const channel = (place: number, told: Partial<Sums>) => ({ place, name: `c${place}`, now: sums({ cost: 100, sales: 20, priced: 1, ...told }) })
  const all = [channel(1, { profit: 50 }), channel(2, { profit: 400 }), channel(3, { profit: 900, sales: 2 }), channel(4, { profit: 900, unpriced: 1 }), channel(5, { cost: 0, profit: 5 })]
  assert.deepEqual(standings(all, THRESHOLDS).map((one) => [one.place, one.earned, one.verdict]), [[2, 300, 'good'], [1, -50, 'bad']])
})

test('terms are found by beginnings of words in any order, names first', () => {
  const terms = [{ name: 'Заявка', formula: '', text: 'Отчёт считает её' }, { name: 'CPL', formula: 'расходы ÷ заявки', text: 'Цена' }, { name: 'Визит', formula: '', text: '' }]
  assert.deepEqual(found(terms, 'ЗАЯВК').map((term) => term.name), ['Заявка', 'CPL'])
  assert.deepEqual(found(terms, 'отчет счит').map((term) => term.name), ['Заявка'])
  assert.equal(found(terms, ' ').length, 3)
  assert.equal(found(terms, '<script>').length, 0)
})
