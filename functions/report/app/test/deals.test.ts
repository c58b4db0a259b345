// Behind every figure that opens them stand the requests that add up to it, and behind no other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cube } from '../src/cube'
import { Snapshot, type Basis, type Manifest, type Places } from '../src/data'
import { Choice, Finder, whyDropped } from '../src/deals'
import { canOpen, measureBehind, placeBehind } from '../src/links'
import { insideOf } from '../src/places'
import { cutOver, sumOf, type Part } from '../src/share'
import { startOf, type State } from '../src/state'
import type { Node } from '../src/tree'

// Its own rows may stand at any of them: ads tells a source or not, ads/ya a campaign, none, or one without a name.
const PATHS = [[], ['ads'], ['ads', 'ya'], ['ads', 'ya', 'brand'], ['ads', 'ya', ''], ['ads', 'ya', '', 'text'], ['no source'],
  ['no source', 'not_passed'], ['no source', 'not_determined'], ['direct'], ['vk'], ['vk', '(not set)'], ['vk', '(not set)', 'x'], ['ads', 'go']]
const TOUCHED = [1, 2, 3, 4, 5, 9, 10, 11, 12, 13]
const NONE: { [reason: string]: number } = { not_passed: 7, not_determined: 8 }
const places = {
  parent: PATHS.map((path) => path.length === 0 ? -1 : PATHS.findIndex((other) => String(other) === String(path.slice(0, -1)) && other.length === path.length - 1)),
  level: PATHS.map((path) => path.length), id: PATHS.map((path) => path.at(-1) ?? ''), name: PATHS.map((path) => path.at(-1) ?? ''), colour: PATHS.map(() => ''),
  is_ad: PATHS.map(() => null), kind: PATHS.map(([channel]) => channel === 'no source' ? 'no_source' : '')
} as unknown as Places
const MODELS = ['last', 'linear', 'odd']
const BASES: readonly Basis[] = ['request', 'payment', 'touch']
const DAYS = 61 // September and October 2026
const dims = { pipeline: ['', ''], manager: ['', 'Анна'], branch: ['', ''], product: ['', ''], contact: ['', ''] }
const iso = (day: number): string => new Date(Date.UTC(2026, 8, 1 + day)).toISOString().slice(0, 10)
const dice = (seed: number) => (most: number): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let told = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  told = (told + Math.imul(told ^ (told >>> 7), 61 | told)) ^ told
  return ((told ^ (told >>> 14)) >>> 0) % most
}

/** Kopecks by whole-number weights, exactly. */
const cut = (kopecks: number, weights: readonly number[]): number[] => {
  const all = weights.reduce((sum, one) => sum + one, 0)
  const size = Math.abs(kopecks)
  const parts = weights.map((one) => Math.floor(size * one / all))
  const left = size - parts.reduce((sum, one) => sum + one, 0)
  const turns = weights.map((one, at) => [(size * one) % all, at] as const).sort((a, b) => b[0] - a[0] || a[1] - b[1])
  turns.slice(0, left).forEach(([, at]) => { parts[at]! += 1 })
  return parts.map((one) => one * Math.sign(kopecks))
}

type Columns = { [name: string]: unknown[] }
const RESULTS = ['day', 'place', 'dim', 'requests', 'qualified', 'sales', 'repeat_sales', 'revenue', 'profit', 'priced', 'unpriced']

/** A shop's requests, and what the marts sum of them. `seen`: channels of a reader's own. */
const made = (seed: number, scope: readonly string[] | null = null): Snapshot => {
  const any = dice(seed)
  const isSeen = (place: number): boolean => scope === null || scope.includes(PATHS[place]![0]!)
  const files: { [name: string]: Columns } = {}
  const put = (model: string, basis: string, day: number, row: unknown[]): void => {
    if (day < 0 || day >= DAYS) return
    const file = files[`results-${model}-${basis}-${iso(day).slice(0, 7)}`] ??= Object.fromEntries(RESULTS.map((name) => [name, []]))
    ;[day, ...row].forEach((value, at) => file[RESULTS[at]!]!.push(value))
  }
  const page: Columns = {}
  for (let number = 0; number < 50; number++) {
    const day = any(DAYS)
    const path = any(6) === 0 ? [] : Array.from({ length: 1 + any(4) }, () => ({ place: TOUCHED[any(TOUCHED.length)]!, day: day - any(25) })).sort((a, b) => a.day - b.day)
    const reason = path.length > 0 ? '' : any(2) === 0 ? 'not_passed' : 'not_determined'
    const sold = Array.from({ length: any(3) }, () => Math.min(day + any(30), DAYS - 1))
    const revenue = sold.length === 0 ? 0 : any(9) === 0 ? -1 - any(5000) : 1 + any(10_000_000)
    const profit = revenue === 0 || any(4) === 0 ? null : Math.floor(revenue * 0.4)
    const [counted, qualified, dim] = [any(8) === 0 ? 0 : 1, any(2), any(2)]
    const parts = path.length === 0 ? [{ place: NONE[reason]!, day }] : path
    const weighed = new Map(MODELS.map((model) => [model, parts.map((_, at) => model === 'last' ? Number(at === parts.length - 1) : model === 'linear' ? 1 : 1 + any(97))]))
    const share = (model: string, at: number): number => weighed.get(model)![at]! / weighed.get(model)!.reduce((sum, one) => sum + one, 0)
    const own = scope === null ? 1 : parts.reduce((sum, { place }, at) => sum + (isSeen(place) ? share('last', at) : 0), 0)
    for (const model of MODELS) {
      const [money, gained] = [cut(revenue, weighed.get(model)!), cut(profit ?? 0, weighed.get(model)!)]
      parts.forEach(({ place, day: touched }, at) => {
        const weight = share(model, at)
        if (weight === 0 || !isSeen(place) || (scope !== null && path.length === 0)) return
        const told = [profit === null ? null : gained[at]!, Number(money[at] !== 0 && profit !== null), Number(money[at] !== 0 && profit === null)]
        const all = [place, dim, weight * counted, weight * qualified, weight * sold.length, 0, money[at]!, ...told]
        put(model, 'request', day, all)
        put(model, 'touch', touched, all)
        put(model, 'payment', day, [place, dim, weight * counted, weight * qualified, 0, 0, 0, null, 0, 0])
        for (const sale of sold) put(model, 'payment', sale, [place, dim, 0, 0, weight, 0, 0, null, 0, 0])
        if (revenue) put(model, 'payment', any(DAYS), [place, dim, 0, 0, 0, 0, money[at]!, ...told])
      })
    }
    if (own === 0 || (scope !== null && path.length === 0)) continue
    const mine = (kopecks: number): number => scope === null ? kopecks : cut(kopecks, weighed.get('last')!).reduce((sum, one, at) => sum + (isSeen(parts[at]!.place) ? one : 0), 0)
    const shown = path.map((touch, at) => ({ ...touch, at })).filter(({ place }) => isSeen(place))
    const row: { [name: string]: unknown } = {
      id: `r${number}`, day, at: `${iso(day)}T10:00`, contact: '', dim, counted, qualified, disqualified: 1 - qualified, sales: sold.length * own, revenue: mine(revenue),
      profit: profit === null ? null : mine(profit), deals: sold.map((sale_day, at) => ({ id: `x:${number}${at}`, sale_day })), order: '', loss_reason: qualified ? '' : ['Дорого', ''][any(2)],
      loss_group: '', match: '', reason, communications: null, receivable: null, path_length: shown.length,
      source: shown.map(({ place, day: touched, at }) => [place, `${iso(touched)}T09:00`, MODELS.map((model) => Math.round(share(model, at) * 1e9) / 1e9), at + 1])
    }
    for (const [name, value] of Object.entries(row)) (page[name] ??= []).push(value)
  }
  files['requests-2026-09-0'] = page
  const manifest = {
    site: { currency: 'RUB' }, report: { from: iso(0), to: iso(DAYS - 1), kind: 'month' }, history: { from: iso(0), to: iso(DAYS - 1) }, model: 'last', models: MODELS,
    date_basis: 'request', date_bases: BASES, months: ['2026-09', '2026-10'], rates: [{ currency: 'USD', day: iso(1), rate: 80 }], scope: scope === null ? '' : 'own',
    pages: [{ name: 'requests-2026-09-0', from: 0, to: DAYS - 1, rows: 50 }], files: Object.fromEntries(Object.keys(files).map((name) => [name, 1]))
  } as unknown as Manifest
  return new Snapshot(manifest, places, dims, async (name) => files[name])
}

const listed = async (snapshot: Snapshot, state: State): Promise<Part> => {
  const finder = new Finder(snapshot, new Choice(snapshot, state), () => undefined)
  await finder.reach(Infinity)
  return sumOf(finder.found.deals.map(({ page, at }) => finder.choice.part(page, at)))
}
const nodesOf = (node: Node): Node[] => [node, ...node.children.flatMap(nodesOf)]
const MEASURES = ['requests', 'qualified', 'sales', 'revenue'] as const

/** Every figure of the tree against its list; how many there were. */
const compared = async (snapshot: Snapshot, state: State): Promise<number> => {
  const slice = await new Cube(snapshot).slice(state)
  let count = 0
  for (const node of nodesOf(slice.tree())) {
    for (const measure of MEASURES) {
      const behind: State = { ...state, view: 'deals', place: placeBehind(state, node.key), more: { measure } }
      if (node.isNotSplit || !canOpen(snapshot, behind)) continue
      const sum = (await listed(snapshot, behind))[measure]
      const what = JSON.stringify([state.model, state.basis, state.place, node.key, measure, state.from, state.to])
      if (measure === 'revenue' && snapshot.manifest.scope === '') assert.equal(Math.round(sum * 1e3) / 1e3, node.sums.revenue, what)
      else assert.ok(Math.abs(sum - node.sums[measure]) <= (measure === 'revenue' ? 50 : 1e-6), `${what}: ${sum} is not ${node.sums[measure]}`)
      count++
    }
  }
  return count
}

test('the requests behind a figure add up to it: every model, date basis, place, filter and measure that opens them', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const snapshot = made(seed)
    const any = dice(seed)
    const start = startOf(snapshot.manifest, 'channels')
    for (const model of MODELS) {
      for (const basis of BASES) {
        const from = any(40)
        const state: State = {
          ...start, model, basis, from: iso(from), to: iso(from + any(DAYS - from)), place: ['', 'ads/', 'ads/ya//', 'no%20source/', 'vk/'][any(5)]!,
          filters: { ...start.filters, manager: any(2) === 0 ? [] : ['Анна'] }
        }
        assert.ok(await compared(snapshot, state) >= 3)
        assert.ok(await compared(snapshot, { ...start, model, basis }) > 30)
      }
    }
  }
})

test('a reader of some channels has the same under the report\'s model, and no list under another', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const snapshot = made(seed, ['ads', 'direct'])
    for (const basis of BASES) {
      assert.ok(await compared(snapshot, { ...startOf(snapshot.manifest, 'channels'), basis }) > 10)
      assert.equal(await compared(snapshot, { ...startOf(snapshot.manifest, 'channels'), basis, model: 'linear' }), 0)
    }
  }
})

test('money by the day it came, money in another currency, spend and repeat sales open nothing', () => {
  const snapshot = made(1)
  const state = (change: Partial<State>, measure: string): State => ({ ...startOf(snapshot.manifest, 'deals'), ...change, more: { measure } })
  assert.equal(canOpen(snapshot, state({ basis: 'payment' }, 'revenue')), false)
  assert.equal(canOpen(snapshot, state({ basis: 'payment' }, 'sales')), true)
  assert.equal(canOpen(snapshot, state({ currency: 'USD' }, 'revenue')), false)
  assert.equal(canOpen(snapshot, state({ currency: 'USD' }, 'requests')), true)
  assert.deepEqual(['cost', 'visits', 'clicks', 'ctr', 'cpv', 'repeat_sales', 'cpl', 'aov'].map(measureBehind), [null, null, null, null, null, null, 'requests', 'sales'])
})

test('what has no name of its own is its own rows and those of the place above that tell no more', () => {
  const inside = (path: string): number[] => [...insideOf(made(1), path)!].flatMap((is, place) => is === 1 ? [place] : [])
  assert.deepEqual(inside('ads//'), [1])
  assert.deepEqual(inside('ads/ya//'), [2, 4, 5])
  assert.deepEqual(inside('ads/ya///'), [2, 4])
  assert.deepEqual(inside('ads/ya'), [2, 3, 4, 5])
  assert.deepEqual(inside('gone//'), [])
  assert.equal(insideOf(made(1), ''), null)
  assert.deepEqual(made(1).namesAt('ads//'), ['ads', ''])
  assert.equal(made(1).namesAt('gone//'), undefined)
})

test('disqualified requests, of all reasons or of one', async () => {
  const snapshot = made(3)
  const state = { ...startOf(snapshot.manifest, 'deals'), more: { measure: 'disqualified' } }
  const all = (await listed(snapshot, state)).weight
  const one = (await listed(snapshot, { ...state, more: { ...state.more, why: whyDropped('', 'Дорого') } })).weight
  const none = (await listed(snapshot, { ...state, more: { ...state.more, why: whyDropped('', '') } })).weight
  assert.ok(one > 0 && none > 0)
  assert.equal(one + none, all)
})

test('kopecks are cut so that parts add up: ties to the earlier touch, a refund as a payment, a path told in part as it is', () => {
  assert.deepEqual(cutOver(100, [1 / 3, 1 / 3, 1 / 3], true), [34, 33, 33])
  assert.deepEqual(cutOver(-101, [0.5, 0.5], true), [-51, -50])
  assert.deepEqual(cutOver(1000, [0.333333333, 0.333333333, 0.333333333], true), [334, 333, 333])
  assert.deepEqual(cutOver(100, [0.25, 0.5], false), [25, 50])
})
