// Columns of metrics: value, deals behind it, tone, change against the compared period.

import type { CellKind } from './export'
import { changeOf, metric, valueOf, type Sums } from './metrics'
import type { State } from './state'
import type { Column } from './table'
import { Change, dealsBehind } from './ui'
import type { ViewProps } from './view'

export interface Figures<T> {
  readonly sums: (row: T) => Sums
  /** Figures of the compared period; null: none, or nothing to compare. */
  readonly before?: (row: T) => Sums | null
  /** Ratios of what is not split are empty. */
  readonly isNotSplit?: (row: T) => boolean
  /** Where the deals of a row lie: a place's path and what else the link is to choose; null: no deals. */
  readonly deals?: (row: T) => { readonly place: string, readonly other?: Partial<State> } | null
  /** Metrics that are shown only when chosen. */
  readonly hidden?: readonly string[]
}

/** Which deals stand behind a metric: all requests where it is not one of them. */
const MEASURES: { readonly [key: string]: string } = {
  requests: 'requests', qualified: 'qualified', sales: 'sales', revenue: 'revenue', gross_profit: 'revenue', aov: 'sales', cpo: 'sales',
  cpql: 'qualified', repeat_sales: 'sales', roas: 'revenue', romi: 'revenue', margin_romi: 'revenue', drr: 'revenue', roi: 'revenue',
  profit_after_cost: 'revenue'
}
const TONED = ['romi', 'margin_romi', 'profit_after_cost']
const KINDS: { readonly [unit: string]: CellKind } = { money: 'money', count: 'count', ratio: 'ratio', percent: 'percent', share: 'share' }

/** The metric's measure, as the view of deals knows it. */
export const measureOf = (key: string): string => MEASURES[key] ?? 'requests'

export const metricColumns = <T,>(props: ViewProps, keys: readonly string[], figures: Figures<T>): Column<T>[] => keys.map((key) => {
  const isSplitless = figures.isNotSplit ?? (() => false)
  const value = (row: T): number | null => valueOf(key, figures.sums(row), isSplitless(row))
  return {
    key,
    label: props.words.metric(key),
    kind: KINDS[metric(key).unit] ?? 'count',
    value,
    ...(figures.hidden?.includes(key) ? { isHidden: true } : {}),
    ...(props.words.has(`app.help.${key}`) ? { help: props.words.say(`app.help.${key}`) } : {}),
    show: (row) => props.format.figure(key, value(row)),
    tone: (row) => {
      const told = value(row)
      return told === null || !TONED.includes(key) || Math.round(told * 1000) === 0 ? '' : told > 0 ? 'good' : 'bad'
    },
    deals: (row) => {
      const behind = figures.deals?.(row)
      return behind ? dealsBehind(measureOf(key), behind.place, behind.other) : null
    },
    note: (row) => {
      const before = figures.before?.(row)
      if (!before) return null
      const was = valueOf(key, before, isSplitless(row))
      return changeOf(key, value(row), was) === null ? null : <small><Change metric={key} now={value(row)} before={was} props={props} /></small>
    }
  }
})
