// What the reader chooses: period, comparison, model, date basis, currency, filters. All of it stands in the address.

import type { ComponentChild } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { DIMENSIONS, type Basis, type Dimension, type Snapshot } from './data'
import { nameOfPeriod, periodNamed, PERIODS, type PeriodName } from './periods'
import { comparedWith, currencies, isFiltered, NO_FILTERS, type Compare, type State } from './state'
import type { ViewProps } from './view'
import type { Words } from './words'

type Props = Pick<ViewProps, 'snapshot' | 'state' | 'words' | 'format' | 'go'>
interface Told { readonly isCompared: boolean }

/** `isCompared`: whether anything is known of the days that are compared with. */
export const Controls = (props: Props & Told): ComponentChild => {
  const { state, words } = props
  const { manifest } = props.snapshot
  const [isOpen, open] = useState(isFiltered(state))
  const chosen = DIMENSIONS.reduce((count, name) => count + state.filters[name].length, 0)
  return (
    <section class="controls" aria-label={words.say('app.controls')}>
      <div class="row">
        <Period {...props} />
        <Choice label={words.say('app.compare.label')} value={state.compare} change={(compare) => props.go({ compare: compare as Compare })}
          options={(['previous', 'year', 'none'] as const).map((key) => [key, words.say(`app.compare.${key}`)])} />
        <Choice label={words.say('app.model')} value={state.model} change={(model) => props.go({ model })}
          options={manifest.models.filter((model) => props.snapshot.hasModel(model, state.basis)).map((model) => [model, words.name('models', model) + (model === manifest.model ? ` · ${words.say('app.usual')}` : '')])} />
        <Choice label={words.say('app.basis.label')} value={state.basis} change={(basis) => props.go({ basis: basis as Basis })}
          options={manifest.date_bases.map((basis) => [basis, words.say(`app.basis.${basis}`)])} />
        {manifest.rates.length > 0 && (
          <Choice label={words.say('app.currency')} value={state.currency} change={(currency) => props.go({ currency })}
            options={currencies(manifest).map((currency) => [currency, currency])} />
        )}
      </div>
      <div class="foot">
        <Against {...props} />
        <button type="button" class="more" aria-expanded={isOpen} aria-controls="filters" onClick={() => open(!isOpen)}>
          {words.say('app.filters')}{chosen > 0 ? ` · ${chosen}` : ''}
        </button>
      </div>
      <div id="filters" class="row" hidden={!isOpen}>{DIMENSIONS.map((name) => <Filter key={name} {...props} name={name} />)}</div>
      <Chips {...props} />
    </section>
  )
}

const Choice = ({ label, value, options, change }: {
  label: string, value: string, options: readonly (readonly [key: string, name: string])[], change: (value: string) => void
}): ComponentChild => (
  <label class="choose"><span>{label}</span>
    <select value={value} onChange={(event) => change(event.currentTarget.value)}>
      {options.map(([key, name]) => <option key={key} value={key}>{name}</option>)}
    </select>
  </label>
)

const Period = ({ snapshot, state, words, go }: Props): ComponentChild => {
  const { manifest } = snapshot
  const { history } = manifest
  const name = nameOfPeriod(state, manifest)
  const own = (change: { from?: string, to?: string }): void => {
    const next = { from: state.from, to: state.to, ...change }
    const isWhole = /^\d{4}-\d\d-\d\d$/.test(next.from) && /^\d{4}-\d\d-\d\d$/.test(next.to)
    if (!isWhole || next.from < history.from || next.to > history.to) return
    go(next.from <= next.to ? next : change.from !== undefined ? { ...next, to: next.from } : { ...next, from: next.to })
  }
  return (
    <>
      <Choice label={words.say('app.period.label')} value={name} change={(next) => { if (next !== '') go(periodNamed(next as PeriodName, manifest)) }}
        options={[...PERIODS.map((key) => [key, words.say(`app.period.${key}`)] as const), ...(name === '' ? [['', words.say('app.period.own')] as const] : [])]} />
      <label class="choose"><span>{words.say('app.from')}</span>
        <input type="date" value={state.from} min={history.from} max={history.to} onChange={(event) => own({ from: event.currentTarget.value })} /></label>
      <label class="choose"><span>{words.say('app.to')}</span>
        <input type="date" value={state.to} min={history.from} max={history.to} onChange={(event) => own({ to: event.currentTarget.value })} /></label>
    </>
  )
}

/** Distinct values of a description in the order of the reader's language. */
export const valuesOf = (snapshot: Snapshot, name: Dimension): string[] => {
  const { compare } = new Intl.Collator(snapshot.manifest.language, { numeric: true })
  return [...new Set(snapshot.dims[name])].sort(compare)
}

/** A value as readers see it. */
export const shownValue = (words: Words, name: Dimension, value: string): string =>
  value === '' ? words.say('app.unset') : name === 'contact' ? words.name('contact_channels', value) : value

const Filter = ({ snapshot, state, words, go, name }: Props & { name: Dimension }): ComponentChild => {
  const values = useMemo(() => valuesOf(snapshot, name), [snapshot, name])
  if (values.length < 2) return null
  const taken = state.filters[name]
  return (
    <label class="choose"><span>{words.say(`app.dims.${name}`)}</span>
      <select value="any" onChange={(event) => {
        const value = event.currentTarget.value
        event.currentTarget.value = 'any'
        if (value.startsWith('=')) go({ filters: { ...state.filters, [name]: [...taken, value.slice(1)] } })
      }}>
        <option value="any">{words.say(taken.length === 0 ? 'app.any' : 'app.one_more')}</option>
        {values.filter((value) => !taken.includes(value)).map((value) => <option key={value} value={`=${value}`}>{shownValue(words, name, value)}</option>)}
      </select>
    </label>
  )
}

const Chips = ({ snapshot, state, words, go }: Props): ComponentChild => {
  const place = snapshot.namesAt(state.place)
  const chips: { readonly text: string, readonly change: Partial<State> }[] = DIMENSIONS.flatMap((name) => state.filters[name].map((value) => ({
    text: `${words.say(`app.dims.${name}`)}: ${shownValue(words, name, value)}`,
    change: { filters: { ...state.filters, [name]: state.filters[name].filter((one) => one !== value) } }
  })))
  if (state.place !== '') {
    const told = place === undefined ? words.say('app.unknown_place') : place.map((one) => one || words.say('app.unset')).join(' › ')
    chips.push({ text: `${words.say('app.place')}: ${told}`, change: { place: '' } })
  }
  if (chips.length === 0) return null
  return (
    <div class="chips">
      {chips.map(({ text, change }) => (
        <button key={text} type="button" class="chip" onClick={() => go(change)} aria-label={words.say('app.without', { what: text })}><bdi>{text}</bdi><span aria-hidden="true"> ×</span></button>
      ))}
      {chips.length > 1 && <button type="button" class="plain" onClick={() => go({ filters: NO_FILTERS, place: '' })}>{words.say('app.all_off')}</button>}
    </div>
  )
}

const Against = ({ snapshot, state, words, format, isCompared }: Props & Told): ComponentChild => {
  const { manifest } = snapshot
  const compared = comparedWith(state, manifest)
  const lines = [words.say('app.shown', { period: format.days(state.from, state.to) })]
  if (compared !== null) lines.push(words.say(isCompared ? 'app.against' : 'views.untold', { period: format.days(compared.from, compared.to) }))
  else if (state.compare !== 'none') lines.push(words.say('app.no_compare', { day: format.day(manifest.history.from) }))
  if (isFiltered(state)) lines.push(words.say('app.part'))
  return <p class="muted against" role="status">{lines.map((line) => <span key={line}>{line}</span>)}</p>
}
