// The one funnel of marketing and sales: what reached each step, what was lost before it, which step is weak. Pure.
import { divide } from '../../metrics'
import { shift } from './ratios'

export const STEPS = ['impressions', 'clicks', 'visits', 'requests', 'qualified', 'sales', 'repeat_sales'] as const
export type StepName = (typeof STEPS)[number]
/** `ad_visits` are the visits of channels that told clicks: what clicks turn into; `on_visit` requests made during a
 * visit: what visits turn into. `shown_clicks` of `clicked_impressions`: of channels
 * that told both. */
export type Reached = Partial<Record<StepName | 'ad_visits' | 'on_visit' | 'shown_clicks' | 'clicked_impressions', number>>

export interface Step {
  name: StepName
  count: number
  rate: number | null // of the step before
  lost: number | null // of the step before, never under 0
  loss: number | null // the same as a share
  rateBefore: number | null
  z: number // of the rate against the one compared with
}

const Z90 = 1.6448536269514722

/** Steps that anything is known of. The first step has no rate; clicks become visits only where there are clicks. */
export function stepsOf(now: Reached, before: Reached | null): Step[] {
  const known = STEPS.filter((name) => now[name] !== undefined && !(isAd(name) && !now[name] && !before?.[name]))
  return known.map((name, place) => {
    const above = known[place - 1]
    if (above === undefined) return { name, count: now[name] as number, rate: null, lost: null, loss: null, rateBefore: null, z: 0 }
    const [part, whole] = pair(now, name, above)
    const [wasPart, wasWhole] = before ? pair(before, name, above) : [0, 0]
    const rate = divide(part, whole)
    return {
      name, count: now[name] as number, rate,
      lost: whole > 0 && name !== 'repeat_sales' ? Math.max(whole - part, 0) : null, // a first sale is nobody lost
      loss: rate === null || name === 'repeat_sales' ? null : Math.max(1 - rate, 0),
      rateBefore: before ? divide(wasPart, wasWhole) : null,
      z: shift(part, whole, wasPart, wasWhole)
    }
  })
}

function isAd(name: StepName): boolean {
  return name === 'impressions' || name === 'clicks'
}

function pair(reached: Reached, name: StepName, above: StepName): [number, number] {
  if (name === 'clicks') return [reached.shown_clicks ?? reached.clicks ?? 0, reached.clicked_impressions ?? reached[above] ?? 0]
  const part = name === 'visits' && above === 'clicks' ? reached.ad_visits ?? 0
    : name === 'requests' && above === 'visits' ? Math.min(reached.on_visit ?? 0, reached.requests ?? 0) : reached[name] ?? 0
  return [part, reached[above] ?? 0]
}

/** The step whose rate fell most, by share of what it was, among those where chance alone is not enough (90 %, two shares). */
export function weakest(steps: readonly Step[]): Step | null {
  const fallen = steps.filter((step) => step.z < -Z90 && step.rate !== null && step.rateBefore)
  return fallen.reduce<Step | null>((worst, step) => (worst === null || fall(step) < fall(worst) ? step : worst), null)
}

function fall(step: Step): number {
  return (step.rate as number) / (step.rateBefore as number)
}

/** Where most of those who asked are lost: the greater loss of the steps after the request (before it, it is always the visit). */
export function leakiest(steps: readonly Step[]): Step | null {
  const inner = steps.filter((step) => ['qualified', 'sales'].includes(step.name) && step.loss !== null && (step.lost ?? 0) > 0)
  return inner.reduce<Step | null>((worst, step) => (worst === null || (step.loss as number) > (worst.loss as number) ? step : worst), null)
}
