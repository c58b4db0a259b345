// Influence of traffic on sales: who holds which share of each step, and how many days after visits sales move. Pure.
import { divide, type Sums } from '../../metrics'
import { correlation } from './ratios'

export const STAGES = ['visits', 'requests', 'qualified', 'sales', 'revenue'] as const
export type Stage = (typeof STAGES)[number]

export interface Part {
  place: number
  name: string
  colour: string
  value: number
  share: number // of the stage; parts of a stage make 1
}

/** Stages with their parts, in one order of channels, so that colours stand at the same place. Refunds that outweigh sales take no room. */
export function structureOf(channels: readonly { place: number; name: string; colour: string; now: Sums }[]): Record<Stage, Part[]> {
  const made = {} as Record<Stage, Part[]>
  for (const stage of STAGES) {
    const whole = channels.reduce((all, channel) => all + Math.max(channel.now[stage], 0), 0)
    made[stage] = channels.map(({ place, name, colour, now }) => ({
      place, name, colour, value: now[stage], share: divide(Math.max(now[stage], 0), whole) ?? 0
    }))
  }
  return made
}

export const MOST_DELAY = 45
const WEEK = 7
const LEAST_DAYS = 42

export interface Delay {
  days: number
  strength: number // correlation of weekly sums at that delay
}

/** Days after which sales follow visits most closely: sums of seven days, so that weekends do not decide. Null under six weeks of
 * data, without any change, or where even the best likeness is under 0.3. The series must begin on the same day. */
export function delayOf(visits: readonly number[], sales: readonly number[]): Delay | null {
  const n = Math.min(visits.length, sales.length)
  if (n < LEAST_DAYS) return null
  const seen = weekly(visits.slice(0, n))
  const sold = weekly(sales.slice(0, n))
  let best: Delay | null = null
  for (let days = 0; days <= Math.min(MOST_DELAY, Math.floor(n / 3)); days++) {
    const strength = correlation(seen.slice(0, seen.length - days), sold.slice(days))
    if (strength !== null && (best === null || strength > best.strength + 1e-9)) best = { days, strength }
  }
  return best !== null && best.strength >= 0.3 ? best : null
}

function weekly(series: readonly number[]): number[] {
  const sums: number[] = []
  let running = 0
  series.forEach((value, day) => {
    running += value - (series[day - WEEK] ?? 0)
    if (day >= WEEK - 1) sums.push(running)
  })
  return sums
}

/** Means of the last `days` values; null until there are that many, or where one is not known. */
export function meansOf(values: readonly (number | null)[], days: number): (number | null)[] {
  return values.map((_, at) => {
    const window = at < days - 1 ? [] : values.slice(at - days + 1, at + 1)
    return window.length === 0 || window.includes(null) ? null : (window as number[]).reduce((all, one) => all + one, 0) / days
  })
}

export interface Outlier {
  readonly name: string
  readonly visits: number
  readonly sales: number
}

const LEAST_SHARE = 0.05
const TIMES = 1.5

/** Channels whose share of sales is far from their share of visits: at least a twentieth of one of them, and half as much again. */
export function outliersOf(parts: Record<Stage, readonly Part[]>): { strong: Outlier[]; weak: Outlier[] } {
  if (parts.visits.every((part) => part.share === 0) || parts.sales.every((part) => part.share === 0)) return { strong: [], weak: [] }
  const all = parts.visits.filter((part) => part.place >= 0).map((part): Outlier => ({
    name: part.name, visits: part.share, sales: parts.sales.find((other) => other.place === part.place)?.share ?? 0
  }))
  const strong = all.filter((one) => one.visits > 0 && one.sales >= LEAST_SHARE && one.sales >= TIMES * one.visits)
  const weak = all.filter((one) => one.visits >= LEAST_SHARE && one.visits >= TIMES * one.sales)
  return { strong: strong.sort((a, b) => b.sales - b.visits - a.sales + a.visits).slice(0, 3), weak: weak.sort((a, b) => a.sales - a.visits - b.sales + b.visits).slice(0, 3) }
}
