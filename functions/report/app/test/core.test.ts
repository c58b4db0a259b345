// The app's core on numbers that can be checked by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cube } from '../src/cube'
import { Snapshot, type Manifest, type Places, type Requests } from '../src/data'
import { Choice, Finder, heaviest, whyOf } from '../src/deals'
import { csvOf, harmless, xlsxOf, type Sheet } from '../src/export'
import { Format } from '../src/format'
import { changeOf, divide, noSums, toneOf, valueOf, verdictOf, wilson, type Sums } from '../src/metrics'
import { nameOfPeriod, periodNamed } from '../src/periods'
import { rowsOf } from '../src/rows'
import { anchorIn, comparedWith, periodOutside, stateOf, startOf, wordsOf } from '../src/state'
import { columnOf } from '../src/static_csv'
import { Words } from '../src/words'
import { strFromU8, unzipSync } from 'fflate'

const VIEWS = ['summary', 'channels', 'deals']
const manifest = {
  version: 1, site: { site_id: 's', name: 'Shop', currency: 'RUB', time_zone: 'Europe/Moscow' }, language: 'ru', data_to: '',
  report: { from: '2026-10-01', to: '2026-10-31', kind: 'month' }, history: { from: '2026-09-01', to: '2026-10-31' },
  model: 'last', models: ['last', 'linear'], date_basis: 'request', date_bases: ['request', 'payment', 'touch'], months: ['2026-09', '2026-10'],
  thresholds: { good: 0.5, normal: 0, minimum_sales: 10 }, symbol: '₽', rates: [{ currency: 'USD', day: '2026-10-02', rate: 80 }],
  sections: VIEWS, plan: [], budget: null, names: {}, texts: { days: ['{count} день', '{count} дня', '{count} дней'], hello: 'Привет, {name}' },
  pages: [{ name: 'requests-2026-10-0', from: 30, to: 60, rows: 3 }], total_requests: 3, scope: '',
  files: { 'traffic-2026-10-a': 1, 'traffic-2026-10-ba': 1, 'results-last-request-2026-10': 1, 'requests-2026-10-0': 1 }
} as unknown as Manifest
// 0 root, 1 ads, 2 ads/yandex, 3 ads/yandex/brand, 4 no source, 5 ads/yandex/brand/a, 6 direct
const places = {
  parent: [-1, 0, 1, 2, 0, 3, 0], level: [0, 1, 2, 3, 1, 4, 1], id: ['', 'ads', 'ya/ndex', 'brand', 'no source', 'a', 'direct'],
  name: ['', 'Реклама', 'Яндекс', 'Бренд', 'Без источника', 'Объявление', 'Прямые'], colour: ['', '#f00', '', '', '', '', ''],
  is_ad: [null, true, true, true, null, true, false], kind: ['', '', '', '', 'no_source', '', 'direct']
} as unknown as Places
const dims = { pipeline: ['', 'Продажи'], manager: ['', 'Анна'], branch: ['', ''], product: ['', ''], contact: ['', 'Форма'] }
const requests = {
  id: ['r3', 'r2', 'r1'], day: [40, 35, 31], at: ['2026-10-11T10:00', '2026-10-06T10:00', '2026-10-02T10:00'], contact: ['', 'Форма', 'Форма'],
  dim: [0, 1, 1], counted: [1, 1, 1], qualified: [0, 1, 0], disqualified: [0, 0, 1], sales: [0, 1, 0], revenue: [0, 100_00, 0],
  profit: [null, 40_00, null], deals: [[], [{ id: 'amocrm:5', status: 'Оплачен' }], [{ id: 'amocrm:4', meaning: 'lost' }]], order: ['', 'K-1', ''],
  loss_reason: ['', '', 'Дорого'], loss_group: ['', '', ''], match: ['', '', ''], reason: ['not_passed', '', ''], communications: [null, 2, 1],
  receivable: [null, null, null], path_length: [0, 2, 1],
  source: [[], [[5, '2026-10-01T10:00', [0, 0.5], 1], [6, '2026-10-06T09:00', [1, 0.5], 2]], [[5, '2026-10-02T09:00', [1, 1], 1]]]
} as unknown as Requests
const FILES: { [name: string]: unknown } = {
  // day 31 = 2 October; spend in millionths
  'traffic-2026-10-a': { day: [31, 31], place: [5, 1], visits: [10, 0], clicks: [12, 0], impressions: [0, 0], cost: [2_000_004_000, 1_000_005_000] },
  'traffic-2026-10-ba': { day: [33], place: [6], visits: [4], clicks: [0], impressions: [0], cost: [0] },
  'results-last-request-2026-10': {
    day: [31, 35, 40], place: [5, 6, 4], dim: [1, 1, 0], requests: [1, 1, 1], qualified: [0, 1, 0], sales: [0, 1, 0], revenue: [0, 10_000, 0],
    profit: [null, 4_000, null], priced: [0, 1, 0], unpriced: [0, 0, 0]
  },
  'requests-2026-10-0': requests
}
const snapshot = (): Snapshot => new Snapshot(manifest, places, dims, async (name) => FILES[name])
const start = startOf(manifest, 'summary')
const sums = (told: Partial<Sums>): Sums => ({ ...noSums(), ...told })

test('a static table is saved with numbers where a column has only such', () => {
  assert.deepEqual(columnOf(['1\u00a0234,5', '\u22123', '—'], 'ru'), [{ kind: 'count', value: 1234.5 }, { kind: 'count', value: -3 }, { kind: 'count', value: null }])
  assert.deepEqual(columnOf(['+21.5%', '—'], 'en'), [{ kind: 'share', value: 0.215 }, { kind: 'share', value: null }])
  assert.deepEqual(columnOf(['1,234', '12'], 'en').map((cell) => cell.value), [1234, 12])
  assert.deepEqual(columnOf(['5', '=A1', '—'], 'en'), [{ kind: 'text', value: '5' }, { kind: 'text', value: '=A1' }, { kind: 'text', value: null }])
  assert.deepEqual(columnOf(['5', '5%'], 'en').map((cell) => cell.kind), ['text', 'text'])
})

test('figures are written as the mail writes them', () => {
  const ru = new Format('ru', 'RUB')
  const en = new Format('en', 'USD')
  assert.equal(ru.money(123_456_78), '123\u00a0457\u00a0₽')
  assert.equal(ru.money(-99_950), '\u2212999,50\u00a0₽')
  assert.equal(en.money(-1_234_500), '\u2212$12,345')
  assert.equal(ru.amount(99_999), '999,99')
  assert.equal(ru.percent(0.285), '+28,5\u00a0%')
  assert.equal(ru.percent(-0.0001), '0\u00a0%')
  assert.equal(en.percent(12.5), '+1,250%')
  assert.equal(ru.count(1 / 3), '0,3')
  assert.equal(ru.count(2.9999999999), '3')
  assert.equal(ru.decimal(1.005, 2), '1,01')
  assert.equal(ru.count(null), '—')
  assert.equal(ru.amount(NaN), '—')
  assert.equal(ru.shortDay('2026-10-03'), '03.10.2026')
})

test('what is divided by nothing is empty, and so is what is not known', () => {
  assert.equal(divide(1, 0), null)
  assert.equal(valueOf('cpl', sums({ cost: 5 })), null)
  assert.equal(valueOf('romi', sums({ cost: NaN, revenue: 5 })), null)
  assert.equal(valueOf('cost', sums({ cost: NaN })), null)
  assert.equal(valueOf('gross_profit', sums({ unpriced: 1, profit: 0 })), null)
  assert.equal(valueOf('cpl', sums({ cost: 10, requests: 2 }), true), null, 'not split')
})

test('M3 and M4: one name, one scale', () => {
  const m3 = sums({ cost: 50_000_00, revenue: 100_000_00 })
  assert.equal(valueOf('romi', m3), 1)
  assert.equal(valueOf('roas', m3), 2)
  assert.equal(valueOf('roi', m3), 2)
  assert.equal(new Format('ru', 'RUB').figure('roi', valueOf('roi', m3)), '200\u00a0%')
  assert.equal(valueOf('romi', sums({ cost: 1, revenue: 1 })), 0)
})

test('a change is in points for shares, and good or bad by what is better', () => {
  assert.equal(changeOf('romi', 0.5, 0.2)!.toFixed(3), '0.300')
  assert.equal(changeOf('cost', 150, 100), 0.5)
  assert.equal(changeOf('sales', 3, 0), null)
  assert.equal(toneOf('cpo', 0.1), 'bad')
  assert.equal(toneOf('sales', 0.1), 'good')
  assert.equal(toneOf('cost', 0.1), '')
})

test('verdicts are those of the report', () => {
  const told = (sales: number, profit: number, unpriced = 0): string => verdictOf(sums({ cost: 100, sales, profit, priced: 1, unpriced }), manifest.thresholds)
  assert.deepEqual([told(10, 150), told(10, 100), told(10, 99), told(9, 150), told(10, 150, 1)], ['good', 'normal', 'bad', 'few_data', ''])
  const [low, high] = wilson(1, 10)!
  assert.deepEqual([low.toFixed(4), high.toFixed(4)], ['0.0226', '0.3477'])
})

test('an address says the whole state and reads back the same', () => {
  const state = {
    ...start, view: 'deals', from: '2026-09-05', to: '2026-09-06', model: 'linear', filters: { ...start.filters, manager: ['', 'Анна & Ко'] },
    place: 'ads/ya%2Fndex/', sort: { key: 'cost', down: true }, open: ['ads/', 'ads/ya%2Fndex/'], columns: ['cost', 'cpl'], search: 'a=b#c', more: { measure: 'sales' }
  }
  assert.deepEqual(stateOf(new URLSearchParams(wordsOf(state, manifest, VIEWS).toString()), manifest, VIEWS), state)
  assert.equal(wordsOf(start, manifest, VIEWS).toString(), 'view=summary')
})

test('an impossible address falls back to the report', () => {
  const words = new URLSearchParams('view=x&from=2026-13-01&to=2026-10-05&model=x&basis=x&currency=x&compare=x')
  assert.deepEqual(stateOf(words, manifest, VIEWS), start)
  assert.equal(stateOf(new URLSearchParams('from=2026-10-09&to=2026-10-05'), manifest, VIEWS).from, '2026-10-01')
  assert.equal(stateOf(new URLSearchParams('from=2020-01-01&to=2026-10-05'), manifest, VIEWS).from, '2026-09-01', 'no further than the history')
  assert.equal(anchorIn('#drivers'), 'drivers')
  assert.equal(anchorIn('#view=deals'), '')
  assert.equal(anchorIn('#%E0%A4%A'), '', 'no page of ours wrote it')
})

test('a period of which the history has no day is told apart', () => {
  const outside = (words: string): unknown => periodOutside(new URLSearchParams(words), manifest)
  assert.deepEqual(outside('from=2020-01-01&to=2020-02-01'), { from: '2020-01-01', to: '2020-02-01' })
  assert.equal(outside('from=2020-01-01&to=2026-09-01'), null)
  assert.equal(outside('from=2020-13-01&to=2020-02-01'), null)
})

test('periods: by name, the one before, the year before', () => {
  assert.deepEqual(periodNamed('week', manifest), { from: '2026-10-25', to: '2026-10-31' })
  assert.deepEqual(periodNamed('last_month', manifest), { from: '2026-09-01', to: '2026-09-30' })
  assert.equal(nameOfPeriod({ from: '2026-10-01', to: '2026-10-31' }, manifest), 'report')
  assert.equal(nameOfPeriod({ from: '2026-10-02', to: '2026-10-31' }, manifest), 'month_days')
  assert.equal(nameOfPeriod({ from: '2026-10-03', to: '2026-10-31' }, manifest), '')
  assert.deepEqual(comparedWith({ from: '2026-10-01', to: '2026-10-10', compare: 'previous' }, manifest), { from: '2026-09-21', to: '2026-09-30' })
  assert.equal(comparedWith({ from: '2026-10-01', to: '2026-10-10', compare: 'year' }, manifest), null, 'before the history')
})

test('words: places, forms of numbers, and a missing text that can be seen', () => {
  const words = new Words(manifest)
  assert.equal(words.say('app.hello', { name: 'А {x}' }), 'Привет, А {x}')
  assert.deepEqual([1, 3, 5, 21].map((count) => words.count('app.days', count)), ['1 день', '3 дня', '5 дней', '21 день'])
  assert.equal(words.say('app.none'), 'app.none')
})

test('the tree adds up; spend told coarser than its siblings stands in a row of its own, in whole kopecks', async () => {
  const slice = await new Cube(snapshot()).slice(start)
  const root = slice.tree()
  assert.deepEqual(root.children.map((node) => node.id), ['direct', 'ads', 'no source'])
  const ads = root.children[1]!
  assert.deepEqual(ads.children.map((node) => [node.id, node.isNotSplit]), [['ya/ndex', false], ['\0not split', true]])
  assert.equal(root.sums.cost, 300_001, '3000.009 is 3000.01')
  assert.deepEqual(ads.children.map((node) => node.sums.cost), [200_000, 100_001])
  assert.equal(ads.children[1]!.key, 'ads/!/')
  assert.equal(slice.total().cost, 300_001)
  assert.deepEqual([root.sums.requests, root.sums.revenue, root.sums.visits], [3, 10_000, 14])
})

test('halves of a file are one, days cut, weeks begin on Monday', async () => {
  const cube = new Cube(snapshot())
  const slice = await cube.slice(start)
  assert.deepEqual(slice.series('week').map(({ from, to }) => [slice.snapshot.iso(from), slice.snapshot.iso(to)])[1], ['2026-10-05', '2026-10-11'])
  assert.equal(slice.series('day').reduce((sum, { sums: day }) => sum + day.visits, 0), 14)
  assert.equal(slice.within(31, 31).total().visits, 10)
  assert.equal(slice.under(6).total().revenue, 10_000)
  assert.equal((await cube.slice({ ...start, place: 'ads/ya%2Fndex' })).total().requests, 1)
  assert.equal((await cube.slice({ ...start, place: 'gone/' })).total().requests, 0)
  assert.deepEqual((await cube.slice({ ...start, place: 'direct/' })).tree().children.map((node) => node.id), ['direct'], 'no empty row of no source')
})

test('filters by deals leave spend and visits untold', async () => {
  const slice = await new Cube(snapshot()).slice({ ...start, filters: { ...start.filters, manager: ['Анна'] } })
  assert.equal(slice.total().requests, 2)
  assert.equal(valueOf('cost', slice.total()), null)
  assert.equal(valueOf('cpl', slice.total()), null)
  assert.deepEqual(slice.byDim('manager').map(({ value, sums: told }) => [value, told.requests]), [['Анна', 2]])
})

test('another currency is that day\'s rate; days without one are told and left out', async () => {
  const slice = await new Cube(snapshot()).slice({ ...start, from: '2026-10-01', to: '2026-10-06', currency: 'USD' })
  assert.equal(Math.round(slice.total().cost), 3750)
  assert.equal(slice.total().revenue, 0)
  assert.equal(slice.daysWithoutRate, 5)
  assert.equal(slice.total().requests, 2)
  assert.equal(Math.round(valueOf('cpl', slice.total())!), 3750, 'the other request came on a day without a rate')
  assert.equal(Math.round(valueOf('cpv', slice.total())!), 375)
  assert.equal(valueOf('request_to_sale', slice.total()), 0.5)
})

test('deals: by measure, place, description, words; why; only as far as asked', async () => {
  const found = async (change: object): Promise<string[]> => {
    const one = snapshot()
    const finder = new Finder(one, new Choice(one, { ...start, ...change }), () => undefined)
    await finder.reach(100)
    return finder.found.deals.map((deal) => deal.key)
  }
  assert.deepEqual(await found({}), ['r3', 'r2', 'r1'])
  assert.deepEqual(await found({ more: { measure: 'sales' } }), ['r2'])
  assert.deepEqual(await found({ more: { measure: 'lost' } }), ['r1'])
  assert.deepEqual(await found({ place: 'no%20source/' }), ['r3'])
  assert.deepEqual(await found({ place: 'ads/' }), ['r1'], 'under last, r2 is direct')
  assert.deepEqual(await found({ place: 'ads/', model: 'linear' }), ['r2', 'r1'])
  assert.deepEqual(await found({ filters: { ...start.filters, contact: [''] } }), ['r3'])
  assert.deepEqual(await found({ search: 'k-1' }), ['r2'])
  assert.deepEqual(await found({ search: 'объявление' }), ['r2', 'r1'])
  assert.deepEqual(await found({ from: '2026-10-03', to: '2026-10-07' }), ['r2'])
  assert.deepEqual(await found({ place: 'gone/' }), [])
  assert.equal(heaviest(requests, 1, 1), 0) // of equals the earliest
  assert.deepEqual([0, 1, 2].map((at) => whyOf(snapshot(), requests, at, 'last')), ['no_touch', 'last', 'only_touch'])
  const marked = (marks: number, more: object = {}): Requests => ({ ...requests, source: [[], [[5, '2026-10-01T10:00', [1, 1], 1, marks], [6, '2026-10-06T09:00', [0, 0], 2, 0]], [[5, '2026-10-02T09:00', [1, 0.5], 1, 0]]], ...more }) as unknown as Requests
  const why = (page: Requests, at: number, model: string, scope = ''): string => whyOf(new Snapshot({ ...manifest, models: [model], scope } as Manifest, places, dims, async () => ({})), page, at, model)
  assert.deepEqual([0, 1, 2].map((marks) => why(marked(marks), 1, 'last_significant')), ['last_non_direct', 'own_source', 'last_significant'])
  assert.deepEqual([why(marked(1), 1, 'linear'), why(marked(0), 1, 'last_non_direct')], ['linear', 'last_non_direct'])
  assert.equal(why(marked(0, { left_out: ['робот', '', ''] }), 0, 'last'), 'visits_left_out')
  assert.deepEqual([why(marked(0), 2, 'last', 'Партнёр'), why({ ...marked(0), source: [[], [], [[5, '2026-10-02T09:00', [0.5], 1, 0]]] } as unknown as Requests, 2, 'last', 'Партнёр')], ['only_seen', 'part_seen'])
})

test('rows: sorted within their parents, what is last stays last, a search keeps the way to what it finds', () => {
  interface Row { name: string, cost: number | null, last?: boolean, children?: Row[] }
  const rows: Row[] = [
    { name: 'b', cost: 1, children: [{ name: 'b2', cost: 5 }, { name: 'b1', cost: 7 }] }, { name: 'a', cost: 3 }, { name: 'c', cost: null }, { name: 'z', cost: 9, last: true }
  ]
  const choose = rowsOf<Row>({
    rows, keyOf: (row) => row.name, children: (row) => row.children, searched: (row) => row.name, isLast: (row) => row.last === true,
    columns: [{ key: 'cost', value: (row) => row.cost }]
  })
  const names = (sort: { key: string, down: boolean } | null, search = '', open: string[] = []): string =>
    choose({ sort, search, open }).map((shown) => shown.row.name).join(' ')
  assert.equal(names(null), 'b a c z')
  assert.equal(names({ key: 'cost', down: true }, '', ['b']), 'a b b1 b2 c z')
  assert.equal(names({ key: 'cost', down: false }), 'b a c z')
  assert.equal(names(null, 'B1'), 'b b1')
  assert.equal(names(null, ''), 'b a c z')
})

const sheet: Sheet = {
  name: 'Каналы [1]', head: ['Имя', 'Расход', 'ROMI'],
  rows: [
    [{ kind: 'text', value: '=1+1' }, { kind: 'money', value: 1234.5 }, { kind: 'percent', value: 0.285 }],
    [{ kind: 'text', value: 'a;"b"\n' }, { kind: 'money', value: -3 }, { kind: 'percent', value: null }]
  ]
}

test('CSV: no formula, decimal commas and semicolons in Russian, a byte order mark', () => {
  assert.equal(csvOf(sheet, 'ru'), '\ufeffИмя;Расход;"ROMI, %"\r\n\'=1+1;1234,5;28,5\r\n"a;""b""\n";-3;\r\n')
  assert.equal(csvOf(sheet, 'en').split('\r\n')[1], "'=1+1,1234.5,28.5")
  assert.deepEqual(['=', '+', '-', '@', '\t'].map((begin) => harmless(`${begin}x`)[0]), ["'", "'", "'", "'", "'"])
})

test('counts are written without the noise of binary fractions', () => {
  const noisy: Sheet = { ...sheet, head: ['n'], rows: [[{ kind: 'count', value: 0.1 + 0.2 - 1e-9 }], [{ kind: 'count', value: 76.09999999 }]] }
  assert.deepEqual(csvOf(noisy, 'en').split('\r\n').slice(1, 3), ['0.3', '76.1'])
  const xml = strFromU8(unzipSync(xlsxOf(noisy))['xl/worksheets/sheet1.xml']!)
  assert.ok(xml.includes('<v>0.3</v>') && xml.includes('<v>76.1</v>'))
})

test('XLSX: texts are texts, figures are numbers', () => {
  const files = unzipSync(xlsxOf(sheet))
  const xml = strFromU8(files['xl/worksheets/sheet1.xml']!)
  assert.ok(xml.includes('<c r="A2" t="inlineStr"><is><t xml:space="preserve">=1+1</t></is></c><c r="B2" s="2"><v>1234.5</v></c><c r="C2" s="4"><v>0.285</v></c>'))
  assert.ok(!xml.includes('<f>'))
})

test('clicks are divided only by what the channels that told them cost and brought', async () => {
  const places: Places = {
    parent: [-1, 0, 1, 0], level: [0, 1, 2, 1], id: ['', 'A', 'a', 'B'], name: ['', 'A', 'a', 'B'], colour: ['', '', '', ''], is_ad: [null, true, true, true], kind: ['', '', '', '']
  }
  const files: Record<string, unknown> = {
    'traffic-2026-10': { day: [0, 1, 0], place: [2, 1, 3], visits: [900, 0, 5000], clicks: [1000, 0, 0], impressions: [0, 0, 7000], cost: [10e9, 2e9, 90e9] },
    'results-last-request-2026-10': { day: [], place: [], dim: [], requests: [], qualified: [], sales: [], revenue: [], profit: [], priced: [], unpriced: [] }
  }
  const manifest = {
    history: { from: '2026-10-01', to: '2026-10-31' }, months: ['2026-10'], pages: [], rates: [], site: { currency: 'RUB' },
    files: { 'traffic-2026-10': 1, 'results-last-request-2026-10': 1 }
  } as unknown as Manifest
  const snapshot = new Snapshot(manifest, places, { pipeline: [], manager: [], branch: [], product: [], contact: [] }, async (name) => files[name])
  const slice = await new Cube(snapshot).slice({ from: '2026-10-01', to: '2026-10-31', model: 'last', basis: 'request', currency: 'RUB', filters: { pipeline: [], manager: [], branch: [], product: [], contact: [] }, place: '' })
  for (const total of [slice.total(), slice.tree().sums]) {
    assert.equal(total.cost, 10_200_000)
    assert.deepEqual(['cpc', 'click_to_visit', 'ctr'].map((key) => valueOf(key, total)), [1200, 0.9, null])
  }
  const [b, a] = slice.tree().children
  assert.deepEqual([valueOf('cpc', b!.sums), valueOf('cpc', a!.sums)], [null, 1200])
})
