// Scales and paths of the charts. Ticks are d3-array's; d3-scale and d3-shape would bring 17 KB of colours, formats and curves for them.

import { nice, ticks } from 'd3-array'

export interface Linear { (value: number): number, readonly ticks: (count: number) => number[] }

/** Values between round numbers → places between `start` and `end`. */
export const linear = (low: number, high: number, start: number, end: number): Linear => {
  const [first, last] = nice(low, high, 4)
  const scale = (value: number): number => start + (value - first) / (last - first || 1) * (end - start)
  return Object.assign(scale, { ticks: (count: number) => ticks(first, last, count) })
}

/** Places of `count` things from `start` to `end`, the first and the last at the ends. */
export const points = (count: number, start: number, end: number): { readonly step: number, readonly of: (at: number) => number } => {
  const step = count > 1 ? (end - start) / (count - 1) : 0
  return { step, of: (at) => count > 1 ? start + at * step : (start + end) / 2 }
}

/** Bands of `count` things: `gap` is the share of a step that stays free. */
export const bands = (count: number, start: number, end: number, gap: number): { readonly width: number, readonly of: (at: number) => number } => {
  const step = (end - start) / Math.max(count, 1)
  return { width: step * (1 - gap), of: (at) => start + at * step + step * gap / 2 }
}

export type Point = readonly [x: number, y: number] | null
const told = (value: number): string => String(Math.round(value * 100) / 100)

/** Stretches of points that are told; what is not known is a gap. */
const stretches = (all: readonly Point[]): [number, number][][] => {
  const found: [number, number][][] = []
  let isNew = true
  for (const point of all) {
    if (point === null) { isNew = true; continue }
    if (isNew) found.push([])
    found[found.length - 1]!.push([point[0], point[1]])
    isNew = false
  }
  return found
}
const through = (stretch: readonly [number, number][]): string => stretch.map(([x, y]) => `${told(x)},${told(y)}`).join('L')

/** A line; a single point is a dot of the line's width. */
export const linePath = (all: readonly Point[]): string => stretches(all).map((stretch) => `M${through(stretch)}${stretch.length === 1 ? 'Z' : ''}`).join('')

/** What lies between a line and `base`. */
export const areaPath = (all: readonly Point[], base: number): string => stretches(all).map((stretch) =>
  `M${told(stretch[0]![0])},${told(base)}L${through(stretch)}L${told(stretch[stretch.length - 1]![0])},${told(base)}Z`).join('')
