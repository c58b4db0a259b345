// Whether what is shown is what the report itself shows, and the words for what its static sections are made for.

import type { Slice } from './cube'
import type { Manifest, Snapshot } from './data'
import type { Format } from './format'
import { ADDITIVE } from './metrics'
import { isFiltered, startOf, type State } from './state'
import type { Words } from './words'

const KEPT = ['from', 'to', 'compare', 'model', 'basis', 'currency', 'place'] as const

/** Whether nothing that changes figures differs from the report's own choice. */
export const isAsReported = (state: State, manifest: Manifest): boolean => {
  const start = startOf(manifest, state.view)
  return !isFiltered(state) && KEPT.every((key) => state[key] === start[key])
}

/** What static sections are made for, said over them under any other choice. */
export const noteOfReport = (manifest: Manifest, words: Words, format: Format): string => words.say('app.of_report', {
  period: format.days(manifest.report.from, manifest.report.to), compare: words.say('app.compare.previous'),
  model: words.name('models', manifest.model), basis: words.say(`app.basis.${manifest.date_basis}`), currency: manifest.site.currency
})

/** Months that any file has figures of, in order. */
export const monthsTold = ({ manifest }: Snapshot): string[] =>
  [...new Set(Object.keys(manifest.files).flatMap((name) => /-(\d{4}-\d\d)(?:-[\dab]+)?$/.exec(name)?.[1] ?? []))].sort()

/** Whether there is anything to compare with: days of which nothing at all is known are not days of zeros. */
export const isTold = (slice: Slice): boolean => {
  const { snapshot, query } = slice
  const [from, to] = [snapshot.iso(slice.from).slice(0, 7), snapshot.iso(slice.to).slice(0, 7)]
  if (!monthsTold(snapshot).some((month) => month >= from && month <= to)) return false
  if (slice.isPart || query.place !== '') return true // what one choice left empty, another may have
  const total = slice.total()
  return ADDITIVE.some((name) => total[name] !== 0)
}

/** Models that the static tables have and the live ones cannot: counted over all paths of a period at once. */
export const modelsBeside = (manifest: Manifest, words: Words, sections: readonly HTMLElement[]): string[] => {
  const names = manifest.names['models']
  const heads = sections.flatMap((section) => [...section.querySelectorAll('th')].map((head) => head.textContent?.trim() ?? ''))
  return Object.keys(typeof names === 'object' ? names : {}).filter((model) => !manifest.models.includes(model))
    .map((model) => words.name('models', model)).filter((name) => heads.includes(name))
}
