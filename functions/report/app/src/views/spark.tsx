// A figure's small line over the days. The figures themselves stand in the chart and the table below it.
import type { ComponentChild } from 'preact'
import { areaPath, linePath, type Point } from '../shape'

const WIDTH = 120
const HEIGHT = 34

export const Spark = ({ values }: { values: readonly (number | null)[] }): ComponentChild => {
  const told = values.filter((value): value is number => value !== null)
  if (told.length < 2) return null
  const low = Math.min(0, ...told)
  const high = Math.max(...told, low + 1e-9)
  const x = (at: number): number => (at / Math.max(values.length - 1, 1)) * WIDTH
  const y = (value: number): number => HEIGHT - 2 - ((value - low) / (high - low)) * (HEIGHT - 4)
  const placed = values.map((value, at): Point => value === null ? null : [x(at), y(value)])
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="fill" d={areaPath(placed, y(Math.max(low, 0)))} />
      <path class="line" d={linePath(placed)} />
    </svg>
  )
}
