// Channels that stand out by what they left over. Pure.
import { valueOf, verdictOf, type Sums, type Thresholds, type Verdict } from '../../metrics'

export interface Standing {
  readonly place: number
  readonly name: string
  readonly romi: number
  readonly earned: number // gross profit − cost
  readonly verdict: Verdict
}

/** Judged channels, the most earned first; those with few data are left out: they prove nothing. */
export function standings(channels: readonly { place: number; name: string; now: Sums }[], thresholds: Thresholds): Standing[] {
  return channels.flatMap(({ place, name, now }) => {
    const verdict = verdictOf(now, thresholds)
    const romi = valueOf('margin_romi', now)
    const earned = valueOf('profit_after_cost', now)
    return verdict === '' || verdict === 'few_data' || romi === null || earned === null ? [] : [{ place, name, romi, earned, verdict }]
  }).sort((one, other) => other.earned - one.earned || one.place - other.place)
}
