// Periods that readers choose by name.

import { dayAfter, type Manifest } from './data'

export const PERIODS = ['report', 'week', 'month_days', 'quarter_days', 'this_month', 'last_month', 'this_year', 'all'] as const
export type PeriodName = (typeof PERIODS)[number]
interface Days { readonly from: string, readonly to: string }

/** The days of a name; they end with the last day that is known, and never begin before the history. */
export const periodNamed = (name: PeriodName, { report, history }: Pick<Manifest, 'report' | 'history'>): Days => {
  const last = history.to
  const month = `${last.slice(0, 7)}-01`
  const before = dayAfter(month, -1)
  const found: { readonly [K in PeriodName]: Days } = {
    report: { from: report.from, to: report.to },
    week: { from: dayAfter(last, -6), to: last },
    month_days: { from: dayAfter(last, -29), to: last },
    quarter_days: { from: dayAfter(last, -89), to: last },
    this_month: { from: month, to: last },
    last_month: { from: `${before.slice(0, 7)}-01`, to: before },
    this_year: { from: `${last.slice(0, 4)}-01-01`, to: last },
    all: { from: history.from, to: last }
  }
  const { from, to } = found[name]
  return { from: from < history.from ? history.from : from, to: to < history.from ? history.from : to }
}

/** The name of days that have one, '' for own ones. */
export const nameOfPeriod = (days: Days, manifest: Pick<Manifest, 'report' | 'history'>): PeriodName | '' =>
  PERIODS.find((name) => { const one = periodNamed(name, manifest); return one.from === days.from && one.to === days.to }) ?? ''
