// Site sections and landing pages of a period. Pure; money in kopecks.
import type { LandingRows, Landings, SectionRows } from '../../data'
import { whole } from '../../metrics'

export interface Visited {
  readonly name: string
  visits: number
  requests: number
  sales: number
  revenue: number
}

export function sectionsOf(names: Landings | undefined, files: readonly SectionRows[], from: number, to: number): Visited[] {
  return gathered(files.flatMap((file) => file.day.map((day, at) => ({
    day, name: names?.sections?.[file.section[at] as number] ?? '…', visits: file.visits[at] as number, requests: file.requests[at] as number, sales: file.sales[at] as number, revenue: 0
  }))).filter(({ day }) => day >= from && day <= to))
}

/** `channel`: 0 for all, else the place of one. */
export function landingsOf(names: Landings | undefined, files: readonly LandingRows[], from: number, to: number, channel: number): Visited[] {
  return gathered(files.flatMap((file) => file.day.map((day, at) => ({
    day, channel: file.channel[at] as number, name: names?.names[file.landing[at] as number] ?? '…', visits: file.visits[at] as number,
    requests: file.requests[at] as number, sales: file.sales[at] as number, revenue: file.revenue[at] as number
  }))).filter((row) => row.day >= from && row.day <= to && (channel === 0 || row.channel === channel)))
}

function gathered(rows: readonly Visited[]): Visited[] {
  const found = new Map<string, Visited>()
  for (const row of rows) {
    const kept = found.get(row.name) ?? { name: row.name, visits: 0, requests: 0, sales: 0, revenue: 0 }
    found.set(row.name, kept)
    for (const key of ['visits', 'requests', 'sales', 'revenue'] as const) kept[key] += row[key]
  }
  return [...found.values()].map((row) => ({ ...row, requests: whole(row.requests), sales: whole(row.sales) }))
    .sort((one, other) => other.visits - one.visits || (one.name < other.name ? -1 : 1))
}
