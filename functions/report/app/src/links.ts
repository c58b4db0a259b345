// Which figures can open the requests behind them: those whose list adds up to the figure, and no other.

import type { Snapshot } from './data'
import { measureIn } from './deals'
import { BEHIND } from './metrics'
import type { State } from './state'

/** The measure of deals behind a metric; null where none is: spend and visits have no deals, repeat sales cannot be told among them. */
export const measureBehind = (metric: string): string | null => BEHIND[metric] ?? null

/** Whether a choice can be opened. Its list cannot tell money by the day that it came nor in another currency than the site's, and a
 * reader of some channels has requests as the report's own model parts them. */
export const canOpen = ({ manifest }: Pick<Snapshot, 'manifest'>, state: Pick<State, 'model' | 'basis' | 'currency' | 'more'>): boolean => {
  if (manifest.scope !== '' && state.model !== manifest.model) return false
  return measureIn(state) !== 'revenue' || (state.basis !== 'payment' && state.currency === manifest.site.currency)
}

/** The same of a link: to any view but the deals it always leads. */
export const opens = (props: { readonly snapshot: Pick<Snapshot, 'manifest'>, readonly state: State }, change: Partial<State>): boolean =>
  change.view !== 'deals' || canOpen(props.snapshot, { ...props.state, ...change })

/** The place of a row's figures: its own, or the chosen one where that is within it. */
export const placeBehind = ({ place }: Pick<State, 'place'>, key: string): string => place.startsWith(key) ? place : key
