// Models side by side: what each gives a channel, and how far they are apart.

import type { ComponentChild } from 'preact'
import type { Slice } from '../cube'
import { useLoaded } from '../hooks'
import { metric, noSums, valueOf, type Sums } from '../metrics'
import { Table, type Column } from '../table'
import { Card, dealsBehind, shown } from '../ui'
import { measureBehind, placeBehind } from '../links'
import type { View, ViewProps } from '../view'

export const MEASURES = ['revenue', 'sales', 'requests', 'qualified', 'gross_profit', 'romi', 'margin_romi', 'cpl', 'cpo'] as const

export interface ModelRow {
  readonly place: number
  readonly of: ReadonlyMap<string, Sums>
}

/** Channels with their sums under every model, biggest under the chosen one first, "no source" last. */
export const modelRows = (slices: ReadonlyMap<string, Slice>, chosen: string): ModelRow[] => {
  const rows = new Map<number, Map<string, Sums>>()
  for (const [model, slice] of slices) {
    for (const node of slice.tree().children) {
      let row = rows.get(node.place)
      if (row === undefined) rows.set(node.place, row = new Map())
      row.set(model, node.sums)
    }
  }
  const places = slices.get(chosen)?.snapshot.places
  const last = (place: number): number => places?.kind[place] === 'no_source' ? 1 : 0
  const size = (row: ModelRow): number => row.of.get(chosen)?.revenue ?? 0
  return [...rows].map(([place, of]) => ({ place, of })).sort((a, b) => last(a.place) - last(b.place) || size(b) - size(a))
}

/** The least and the most that any model gives, and which ones say so; null where none can tell. */
export const rangeOf = (row: ModelRow, models: readonly string[], measure: string): { low: number, high: number, lows: string[], highs: string[] } | null => {
  const told = models.map((model) => [model, valueOf(measure, row.of.get(model) ?? noSums())] as const)
    .filter((one): one is readonly [string, number] => one[1] !== null)
  if (told.length === 0) return null
  const low = Math.min(...told.map(([, value]) => value))
  const high = Math.max(...told.map(([, value]) => value))
  const those = (value: number): string[] => told.filter(([, other]) => Math.abs(other - value) <= 1e-6).map(([model]) => model)
  return { low, high, lows: those(low), highs: those(high) }
}

const Models = (props: ViewProps): ComponentChild => {
  const { snapshot, cube, state, words, format, go } = props
  const models = snapshot.manifest.models.filter((model) => snapshot.hasModel(model, state.basis))
  const measure = MEASURES.find((key) => key === state.more['measure']) ?? 'revenue'
  const { from, to, basis, currency, filters, place } = state
  const loaded = useLoaded(async () => {
    const slices = await Promise.all(models.map((model) => cube.slice({ ...state, model })))
    return new Map(models.map((model, at) => [model, slices[at]!]))
  }, [cube, from, to, basis, currency, filters, place, models.join()])
  return (
    <Card note={words.say('app.notes.models')}>
      <div class="tools">
        <label class="choose"><span>{words.say('app.measure')}</span>
          <select value={measure} onChange={(event) => go({ more: { ...state.more, measure: event.currentTarget.value } })}>
            {MEASURES.map((key) => <option key={key} value={key}>{words.metric(key)}</option>)}
          </select></label>
      </div>
      {shown(words, loaded, (slices) => {
        const rows = modelRows(slices, state.model)
        const total: ModelRow = { place: 0, of: new Map([...slices].map(([model, slice]) => [model, slice.total()])) }
        return (
          <Table<ModelRow> props={props} name={words.say('app.views.models')} head={words.say('app.levels.channel')} rows={rows}
            columns={[...rangeColumns(props, models, measure), ...models.map((model) => modelColumn(props, model, measure))]}
            keyOf={(row) => String(row.place)} nameOf={(row) => snapshot.places.name[row.place] ?? ''} colourOf={(row) => snapshot.places.colour[row.place] ?? ''}
            isLast={(row) => snapshot.places.kind[row.place] === 'no_source'} totals={[{ name: words.say('app.total'), row: total }]} empty={words.say('app.empty')} />
        )
      })}
      {basis === 'touch' && <p class="state">{words.say('app.notes.models_touch')}</p>}
      <p class="state">{words.say('app.notes.range')} {format.symbol}</p>
    </Card>
  )
}

const kindOf = (measure: string): Column<ModelRow>['kind'] => metric(measure).unit

const modelColumn = (props: ViewProps, model: string, measure: string): Column<ModelRow> => {
  const value = (row: ModelRow): number | null => valueOf(measure, row.of.get(model) ?? noSums())
  return {
    key: model, label: props.words.name('models', model), kind: kindOf(measure), value,
    show: (row) => props.format.figure(measure, value(row)),
    deals: (row) => dealsBehind(measureBehind(measure) ?? 'requests', placeBehind(props.state, props.snapshot.pathTo(row.place)), { model }),
    tone: () => model === props.state.model ? 'chosen' : ''
  }
}

const rangeColumns = ({ words, format }: ViewProps, models: readonly string[], measure: string): Column<ModelRow>[] => {
  const named = (those: readonly string[]): string => those.length === models.length ? words.say('app.range.all')
    : those.length > 2 ? words.say('app.range.more', { model: words.name('models', those[0] ?? ''), count: those.length - 1 })
      : those.map((model) => words.name('models', model)).join(', ')
  return (['low', 'high'] as const).map((end) => ({
    key: end, label: words.say(`app.range.${end}`), kind: kindOf(measure),
    value: (row) => rangeOf(row, models, measure)?.[end] ?? null,
    show: (row) => format.figure(measure, rangeOf(row, models, measure)?.[end] ?? null),
    note: (row) => { const range = rangeOf(row, models, measure); return range === null ? null : <small>{named(end === 'low' ? range.lows : range.highs)}</small> }
  }))
}

export const view: View = { name: 'models', title: (words) => words.say('app.views.models'), show: (props) => <Models {...props} /> }
