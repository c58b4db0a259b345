// How it is counted: settings in force, every formula with its scale, the library of terms with a search, the static method below.
import type { ComponentChild } from 'preact'
import { METRICS } from '../metrics'
import type { Manifest } from '../data'
import { Card } from '../ui'
import type { View, ViewProps } from '../view'
import type { Words } from '../words'
import { monthsTold } from '../reported'
import { found, type Term } from './logic/terms'
import { sayIn } from './parts'
import style from './views.css'

const show = (props: ViewProps): ComponentChild => {
  const { words, state, go } = props
  const say = sayIn(words, 'method')
  const all = termsOf(words)
  const terms = found(all, state.search)
  return (
    <div class="view view-method">
      <style>{style}</style>
      <p class="view-lead">{say('lead')}</p>
      <Card title={say('settings')} id="method-settings">
        <dl class="settings">{settingsOf(props).map(([name, value]) => <div key={name}><dt>{name}</dt><dd><bdi>{value}</bdi></dd></div>)}</dl>
      </Card>
      <Card title={say('formulas')} id="method-formulas" note={say('empty_rule')}>
        <div class="view-bar inside">
          <label class="choose wide-field"><span>{say('search')}</span><input type="search" value={state.search} onInput={(event) => go({ search: event.currentTarget.value })} /></label>
          <span class="muted small" role="status">{terms.length === 0 ? say('nothing') : words.count('views.method.found', terms.length)}</span>
        </div>
        <dl class="library">{terms.map((term) => (
          <div key={term.name}><dt>{term.name}</dt>{term.formula && <dd class="formula">{term.formula}</dd>}{term.text && <dd>{term.text}</dd>}</div>
        ))}</dl>
      </Card>
    </div>
  )
}

const termsOf = (words: Words): Term[] => {
  const text = (path: string): string => words.has(path) ? words.say(path) : ''
  const metrics = [...METRICS.keys()].map((key): Term => ({ name: words.metric(key), formula: text(`views.formulas.${key}`), text: text(`views.meanings.${key}`) }))
  const others = Object.keys(words.at('views.terms') ?? {}).map((key): Term => ({
    name: text(`views.terms.${key}.name`), formula: text(`views.terms.${key}.formula`), text: text(`views.terms.${key}.text`)
  }))
  return [...metrics, ...others]
}

const settingsOf = ({ snapshot, words, format, state }: ViewProps): [string, string][] => {
  const say = sayIn(words, 'method')
  const { manifest } = snapshot
  const { thresholds, history, site } = manifest
  const first = `${monthsTold(snapshot)[0] ?? ''}-01` // a history may be asked for that begins before the data do
  const rows: [string, string][] = [
    [say('model'), words.name('models', manifest.model)],
    ...(state.model === manifest.model ? [] : [[say('model_now'), words.name('models', state.model)] as [string, string]]),
    [say('basis'), say(`bases.${manifest.date_basis}`)],
    [say('good'), format.percent(Number(thresholds.good))], [say('normal'), format.percent(Number(thresholds.normal))], [say('minimum'), format.count(thresholds.minimum_sales)],
    [say('currency'), site.currency], [say('zone'), site.time_zone],
    [say('history'), format.days(first > history.from ? first : history.from, history.to)], [say('data_to'), localTime(manifest, format.language)], [say('requests'), format.count(manifest.total_requests)]
  ]
  for (const currency of new Set(manifest.rates.map((rate) => rate.currency))) rows.push([say('rates'), say('rates_of', { currency })])
  return rows
}

/** The instant up to which data came, by the site's clock. */
const localTime = ({ data_to, site }: Manifest, language: string): string => {
  const at = new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(data_to) ? data_to : `${data_to.replace(' ', 'T')}Z`)
  return Number.isNaN(at.getTime()) ? data_to : new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short', timeZone: site.time_zone }).format(at)
}

export const view: View = { name: 'method', title: (words) => words.say('views.method.title'), show }
