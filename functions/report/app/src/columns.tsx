// Columns of metrics: value, deals behind it, tone, change against the compared period.

import type { CellKind } from './export'
import { measureBehind } from './links'
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

const TONED = ['romi', 'margin_romi', 'profit_after_cost']
const KINDS: { readonly [unit: string]: CellKind } = { money: 'money', count: 'count', ratio: 'ratio', percent: 'percent', share: 'share' }

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
      const measure = measureBehind(key)
      const behind = measure === null ? null : figures.deals?.(row)
      return measure !== null && behind ? dealsBehind(measure, behind.place, behind.other) : null
    },
    note: (row) => {
      const before = figures.before?.(row)
      if (!before) return null
      const was = valueOf(key, before, isSplitless(row))
      return changeOf(key, value(row), was) === null ? null : <small><Change metric={key} now={value(row)} before={was} props={props} /></small>
    }
  }
})
