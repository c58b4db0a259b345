// Plan against fact: months, channels, pace, admissible price of a sale. Pure; money in kopecks.
import type { PlanRow } from '../../data'
import { divide, metric, valueOf, whole, type Sums } from '../../metrics'

export const MEASURES = ['cost', 'requests', 'qualified', 'sales', 'revenue', 'gross_profit', 'cpl', 'cpo', 'margin_romi'] as const
export type Measure = (typeof MEASURES)[number]

export interface Line {
  readonly measure: Measure
  readonly plan: number
  readonly isDerived: boolean
  readonly fact: number | null
  readonly share: number | null // fact ÷ plan; null for a margin ROMI, which has a zero of its own
  readonly difference: number | null // fact − plan
  readonly forecast: number | null // of the whole month at this pace; of a ratio the fact
  readonly isGood: boolean | null // by the forecast: spend and prices should stay under their plan, everything else reach it
}

export interface Pace {
  readonly days: number // of the month
  readonly passed: number // of them with data; all of them where the month is over
}

const LOWER_IS_BETTER: readonly Measure[] = ['cost', 'cpl', 'cpo']

/** What a row plans; money of the settings is in units, here in kopecks. Numbers may come as digits in text. */
export function planned(row: PlanRow, measure: Measure): number | null {
  const told = row[measure]
  if (told === null || told === undefined || told === '') return null
  return metric(measure).unit === 'money' ? Math.round(Number(told) * 100) : Number(told)
}

/** Days of a month that data covers, `to` (the last day with data) included. */
export function paceOf(month: string, to: string): Pace {
  const [year, number] = month.split('-').map(Number) as [number, number]
  const days = new Date(Date.UTC(year, number, 0)).getUTCDate()
  const last = to.slice(0, 7)
  return { days, passed: month < last ? days : month > last ? 0 : Math.min(Number(to.slice(8, 10)), days) }
}

/** What is planned, beside the fact and where it goes at the pace of its days. */
export function linesOf(plan: Plan, fact: Sums, pace: Pace): Line[] {
  return MEASURES.flatMap((measure) => {
    const told = plan.get(measure)
    if (told === undefined) return []
    const value = valueOf(measure, fact)
    const forecast = value === null || pace.passed === 0 ? null : metric(measure).isRatio ? value : (value / pace.passed) * pace.days
    return [{
      measure, plan: told.value, isDerived: told.isDerived, fact: value,
      share: measure === 'margin_romi' ? null : divide(value, told.value),
      difference: value === null ? null : value - told.value, forecast,
      isGood: forecast === null ? null : LOWER_IS_BETTER.includes(measure) ? forecast <= told.value : forecast >= told.value
    }]
  })
}

export interface Planned {
  readonly value: number
  readonly isDerived: boolean // from other planned figures: nobody wrote it
}
export type Plan = ReadonlyMap<Measure, Planned>

/** What a period should bring (functions/report/marts/plan.py says the same in Python): a figure is planned if every month of the period has
 * it; sums by shares of days, ratios by the months' days, else from the planned sums. `channels`: null the whole site, else the names of one. */
export function planFor(rows: readonly PlanRow[], from: string, to: string, channel: readonly string[] | null): Plan {
  const months = monthsOf(from, to)
  const told = months.map(({ month }) => valuesOf(rows, month, channel))
  const found = new Map<Measure, Planned>()
  for (const measure of MEASURES) {
    if (!told.every((values) => values.has(measure))) continue
    const { unit, isRatio } = metric(measure)
    const days = months.reduce((all, month) => all + month.days, 0)
    const exact = months.reduce((all, month, i) => all + ((told[i]?.get(measure) as number) * month.days) / (isRatio ? days : month.of), 0)
    found.set(measure, { value: unit === 'money' ? Math.floor(exact + 0.5 + 1e-9) : whole(exact), isDerived: false })
  }
  for (const [measure, value] of derived(found)) if (value !== null && !found.has(measure)) found.set(measure, { value, isDerived: true })
  return found
}

function derived(found: Plan): [Measure, number | null][] {
  const of = (measure: Measure): number | null => found.get(measure)?.value ?? null
  const [cost, profit] = [of('cost'), of('gross_profit')]
  return [
    ['cpl', divide(cost, of('requests'))], ['cpo', divide(cost, of('sales'))],
    ['margin_romi', cost === null || profit === null ? null : divide(profit - cost, cost)]
  ]
}

/** A month's figures of a channel; of the whole site, what its own row leaves open is the sum of the channels that all tell it. */
function valuesOf(rows: readonly PlanRow[], month: string, channel: readonly string[] | null): Map<Measure, number> {
  const row = rowOf(rows, month, channel)
  const found = new Map(MEASURES.flatMap((measure) => {
    const value = row && planned(row, measure)
    return value === null ? [] : [[measure, value] as const]
  }))
  if (channel !== null) return found
  const others = rows.filter((one) => one.month === month && one.channel && !one.is_unknown)
  for (const measure of MEASURES) {
    const values = others.map((one) => planned(one, measure))
    if (metric(measure).isRatio || found.has(measure) || values.length === 0 || values.includes(null)) continue
    found.set(measure, (values as number[]).reduce((all, one) => all + one, 0))
  }
  return found
}

export interface Part {
  readonly month: string
  readonly from: string
  readonly to: string
  readonly days: number // of the month that lie in the period
  readonly of: number // days of the month
}

/** The months that a period touches. */
export function monthsOf(from: string, to: string): Part[] {
  const parts: Part[] = []
  for (let month = from.slice(0, 7); month <= to.slice(0, 7); month = following(month)) {
    const { days: of } = paceOf(month, month)
    const first = month === from.slice(0, 7) ? Number(from.slice(8, 10)) : 1
    const last = month === to.slice(0, 7) ? Number(to.slice(8, 10)) : of
    parts.push({ month, from: dated(month, first), to: dated(month, last), days: last - first + 1, of })
  }
  return parts
}

function following(month: string): string {
  const [year, number] = month.split('-').map(Number) as [number, number]
  return number === 12 ? `${year + 1}-01` : `${year}-${String(number + 1).padStart(2, '0')}`
}

function dated(month: string, day: number): string {
  return `${month}-${String(day).padStart(2, '0')}`
}

/** Admissible price of a sale, where somebody wrote one. */
export function admissibleOf(plan: Plan): number | null {
  const told = plan.get('cpo')
  return told === undefined || told.isDerived ? null : told.value
}

/** The plan's row of a month for the whole site (`names` null), or for a channel named as reports show it or as rules call it. */
export function rowOf(plan: readonly PlanRow[], month: string, names: readonly string[] | null): PlanRow | null {
  const wanted = names?.map(fold)
  return plan.find((row) => row.month === month && (wanted === undefined ? !row.channel : !!row.channel && wanted.includes(fold(row.channel)))) ?? null
}

function fold(name: string): string {
  return name.trim().toLocaleLowerCase('ru')
}
