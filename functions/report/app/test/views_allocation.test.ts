// The budget's search, on seeded random channels: within the budget, equal prices of the next order, monotone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forBudget, forOrders, intervalOf, marginAt, salesAt } from '../src/views/logic/allocation'
import type { Curve } from '../src/views/logic/allocation'
import { answerOf, isGuess, questionOf, type Fit } from '../src/views/logic/budget'

const ROUNDS = 300
const NONE = [[0, 0], [0, 0]] as const

/** Mulberry32: the same numbers for the same seed everywhere. */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

function curves(next: () => number): Curve[] {
  return Array.from({ length: 1 + Math.floor(next() * 6) }, (_, i) => {
    const low = next() < 0.5 ? 0 : next() * 5_000
    const b = next() < 0.15 ? 1 : 0.05 + next() * 0.94
    return {
      name: `channel ${i}`, a: Math.log(1 + next() * 30) - b * Math.log(20_000 + next() * 80_000), b, cov: NONE, dispersion: 1, low,
      high: low + next() * 200_000, fixed: next() < 0.15 ? next() * 20_000 : null
    }
  })
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

function near(one: number, other: number, message: string): void {
  assert.ok(Math.abs(one - other) <= 1e-6 * Math.max(1, Math.abs(one), Math.abs(other)), `${message}: ${one} and ${other}`)
}

test('the split keeps to the budget and to every bound', () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const next = random(seed)
    const all = curves(next)
    const least = sum(all.map((curve) => curve.fixed ?? curve.low))
    const most = sum(all.map((curve) => curve.fixed ?? curve.high))
    const budget = least + next() * 1.2 * (most - least)
    const split = forBudget(all, budget)
    assert.ok(split.total <= budget * (1 + 1e-9) + 1e-6, `seed ${seed}: ${split.total} of ${budget}`)
    near(split.total + split.left, budget, `seed ${seed}, all of the budget is told`)
    all.forEach((curve, i) => {
      const cost = split.costs[i] as number
      if (curve.fixed !== null) assert.equal(cost, curve.fixed)
      else assert.ok(cost >= curve.low - 1e-9 && cost <= curve.high + 1e-6, `seed ${seed}: ${cost} in ${curve.low}…${curve.high}`)
    })
  }
})

test('inside the bounds the next rouble brings the same everywhere, and nobody outside would bring more', () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const next = random(seed)
    const all = curves(next).map((curve) => ({ ...curve, fixed: null }))
    const least = sum(all.map((curve) => curve.low))
    const most = sum(all.map((curve) => curve.high))
    const split = forBudget(all, least + (0.05 + 0.9 * next()) * (most - least))
    const price = 1 / (split.next as number)
    all.forEach((curve, i) => {
      const cost = split.costs[i] as number
      const brings = marginAt(curve, cost)
      const slack = 1e-4 * price
      if (cost > curve.low * (1 + 1e-6) + 1e-6 && cost < curve.high * (1 - 1e-6)) near(brings / price, 1, `seed ${seed}, ${curve.name}`)
      else if (cost >= curve.high * (1 - 1e-6)) assert.ok(brings >= price - slack, `seed ${seed}: a full channel brings no less`)
      else assert.ok(brings <= price + slack, `seed ${seed}: a channel at its least brings no more`)
    })
  }
})

test('no moved rouble makes it better', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const next = random(seed)
    const all = curves(next).map((curve) => ({ ...curve, fixed: null }))
    const split = forBudget(all, sum(all.map((curve) => curve.low)) + 50_000 * next())
    for (let tries = 0; tries < 40; tries++) {
      const [from, to] = [Math.floor(next() * all.length), Math.floor(next() * all.length)]
      const [giver, taker] = [all[from] as Curve, all[to] as Curve]
      const [given, taken] = [split.costs[from] as number, split.costs[to] as number]
      const moved = Math.min(given - giver.low, taker.high - taken) * next()
      if (from === to || moved <= 0) continue
      const gain = salesAt(taker, taken + moved) - salesAt(taker, taken) - salesAt(giver, given) + salesAt(giver, given - moved)
      assert.ok(gain <= 1e-6 * Math.max(1, split.orders), `seed ${seed}: moving ${moved} gains ${gain}`)
    }
  }
})

test('more orders never cost less, and the cheapest sum for N orders brings N orders', () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const next = random(seed)
    const all = curves(next)
    const most = sum(all.map((curve) => salesAt(curve, curve.fixed ?? curve.high)))
    const least = sum(all.map((curve) => salesAt(curve, curve.fixed ?? curve.low)))
    let before = 0
    for (const part of [0.1, 0.3, 0.5, 0.8, 0.99]) {
      const wanted = least + part * (most - least)
      const split = forOrders(all, wanted)
      near(split.orders, wanted, `seed ${seed}, orders`)
      assert.ok(split.total >= before - 1e-6, `seed ${seed}: ${split.total} after ${before}`)
      before = split.total
      near(forBudget(all, split.total).orders, wanted, `seed ${seed}, the same sum the other way`)
    }
  }
})

test('what cannot be reached is said: the rest of the budget, or fewer orders', () => {
  const curve: Curve = { name: 'one', a: Math.log(10) - 0.5 * Math.log(10_000), b: 0.5, cov: NONE, dispersion: 1, low: 0, high: 40_000, fixed: null }
  assert.equal(forBudget([curve], 50_000).left, 10_000)
  assert.equal(forBudget([curve], 50_000).next, null)
  near(forOrders([curve], 100).orders, 20, 'the most that the bound allows')
  near(forBudget([curve], 10_000).orders, 10, 'at the fitted point')
  near(forBudget([curve], 10_000).next as number, 2_000, 'the next order costs twice the mean at b = 1/2')
  assert.deepEqual(forBudget([], 100).costs, [])
  assert.equal(forBudget([curve], 0).orders, 0)
})

test('a certain fit leaves chance alone, an uncertain one widens the interval', () => {
  const curve: Curve = { name: 'one', a: Math.log(25), b: 0.000001, cov: NONE, dispersion: 1, low: 0, high: 1e9, fixed: null }
  const sure = intervalOf([curve], [1_000], 4)
  assert.ok(Math.abs(Math.sqrt(sure.low * sure.high) - 100) < 0.01, 'the middle')
  assert.ok(sure.low > 83 && sure.low < 86 && sure.high > 117 && sure.high < 120, JSON.stringify(sure))
  const unsure = intervalOf([{ ...curve, cov: [[0.09, 0], [0, 0]] }], [1_000], 4)
  assert.ok(unsure.low < sure.low && unsure.high > sure.high)
  assert.deepEqual(intervalOf([curve], [0], 4), { low: 0, high: 0 })
})

test('what is no number is named and the usual one stands; what nobody tried is a guess', () => {
  const fit: Fit = {
    channel: 'one', weeks: 40, sales: 400, is_fit: true, why: '', a: Math.log(10) - 0.5 * Math.log(10_000), b: 0.5, cov: null,
    spend_now: 10_000, sales_now: 10, least_cost: 5_000, most_cost: 20_000
  }
  const asked = (told: { [key: string]: string }) => questionOf([fit], told)
  for (const text of ['abc', '-5', '1e15']) {
    assert.deepEqual([asked({ amount: text }).misread, asked({ amount: text }).amount], [[text], 40])
  }
  assert.deepEqual(asked({ amount: ' 1 000,5 ', 'fix:one': '', 'most:one': 'x', 'most:other': 'y' }).misread, ['x'])
  const guesses = (amount: string): boolean => isGuess([fit], answerOf(asked({ amount })))
  assert.deepEqual(['1', '20', '40', '56', '60'].map(guesses), [true, true, false, false, true])
})
