// Charts as SVG: lines over days and bars by name. Each says what it shows in words, and has its figures as a table.

import type { ComponentChild } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { areaPath, bands, linear, linePath, points, type Point } from './shape'

export interface Series {
  readonly name: string
  readonly values: readonly (number | null)[]
  readonly colour?: string
  /** What one compares with: drawn thin and dashed. */
  readonly isBefore?: boolean
}
interface Common {
  /** What the chart says, for those who cannot see it. */
  readonly label: string
  readonly names: readonly string[]
  readonly format: (value: number) => string
  /** Words on the button that opens the figures. */
  readonly figures: string
  readonly height?: number
}

const MARGIN = { top: 12, right: 12, bottom: 26 }
const LETTER = 6.3 // pixels of a digit of the ticks
const COLOURS = ['var(--accent)', 'var(--series-2)', 'var(--series-3)', 'var(--series-4)', 'var(--series-5)']

const useWidth = (): readonly [{ current: HTMLDivElement | null }, number] => {
  const place = useRef<HTMLDivElement>(null)
  const [width, set] = useState(640)
  useEffect(() => {
    const element = place.current
    if (element === null) return undefined
    const watch = new ResizeObserver(([entry]) => { if (entry !== undefined && entry.contentRect.width > 0) set(Math.round(entry.contentRect.width)) })
    watch.observe(element)
    return () => watch.disconnect()
  }, [])
  return [place, width]
}

const most = (series: readonly Series[]): readonly [number, number] => {
  const values = series.flatMap((one) => one.values).filter((value): value is number => value !== null && Number.isFinite(value))
  return [Math.min(0, ...values), Math.max(0, ...values) || 1]
}

const Figures = ({ names, series, format, figures }: Common & { series: readonly Series[] }): ComponentChild => (
  <details class="figures"><summary>{figures}</summary>
    <div class="wide short" tabIndex={0} role="region" aria-label={figures}>
      <table role="table"><thead role="rowgroup"><tr role="row"><th class="name" scope="col" role="columnheader" />
        {series.map((one) => <th key={one.name} scope="col" role="columnheader">{one.name}</th>)}</tr></thead>
      <tbody role="rowgroup">{names.map((name, at) => (
        <tr key={at} role="row"><th class="name" scope="row" role="rowheader">{name}</th>
          {series.map((one) => <td key={one.name} role="cell" data-name={one.name}>{told(one.values[at], format)}</td>)}</tr>
      ))}</tbody></table>
    </div>
  </details>
)

const told = (value: number | null | undefined, format: (value: number) => string): string =>
  value === null || value === undefined || !Number.isFinite(value) ? '—' : format(value)

const Legend = ({ series }: { series: readonly Series[] }): ComponentChild => series.length < 2 ? null : (
  <ul class="legend">{series.map((one, at) => (
    <li key={one.name}><i style={{ background: colourOf(series, at) }} class={one.isBefore ? 'before' : ''} />{one.name}</li>
  ))}</ul>
)

const colourOf = (series: readonly Series[], at: number): string =>
  series[at]?.colour ?? (series[at]?.isBefore ? 'var(--muted)' : COLOURS[at % COLOURS.length]!)

/** Lines over `names` (days, weeks, months). Pointing or stepping with arrows tells the figures of one. */
export const Lines = (given: Common & { series: readonly Series[] }): ComponentChild => {
  const { names, series, format, label } = given
  const height = given.height ?? 220
  const [place, width] = useWidth()
  const [at, point] = useState<number | null>(null)
  const [low, high] = most(series)
  const y = linear(low, high, height - MARGIN.bottom, MARGIN.top)
  const ticks = y.ticks(4).map((tick) => [tick, format(tick)] as const)
  const left = 10 + LETTER * Math.max(...ticks.map(([, text]) => text.length))
  const { of, step } = points(names.length, left, width - MARGIN.right)
  const placed = (values: Series['values']): Point[] => values.map((value, index) => value === null || !Number.isFinite(value) ? null : [of(index), y(value)])
  const every = Math.max(1, Math.ceil(names.length / Math.max(2, Math.floor(width / 90))))
  const near = (clientX: number): number => {
    const edge = place.current?.getBoundingClientRect().left ?? 0
    return Math.min(Math.max(Math.round((clientX - edge - left) / (step || 1)), 0), names.length - 1)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (by === 0) return
    event.preventDefault()
    point((before) => Math.min(Math.max((before ?? (by > 0 ? -1 : names.length)) + by, 0), names.length - 1))
  }
  return (
    <figure class="plot">
      <Legend series={series} />
      <div ref={place} class="drawing">
        <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label} tabIndex={0}
          onKeyDown={onKeyDown} onPointerMove={(event) => point(near(event.clientX))} onPointerLeave={() => point(null)} onBlur={() => point(null)}>
          {ticks.map(([tick, text]) => (
            <g key={tick}><line x1={left} x2={width - MARGIN.right} y1={y(tick)} y2={y(tick)} class="grid" />
              <text x={left - 8} y={y(tick) + 4} class="tick" text-anchor="end">{text}</text></g>
          ))}
          {names.map((name, index) => index % every === 0 && (
            <text key={index} x={of(index)} y={height - 8} class="tick" text-anchor={index === 0 ? 'start' : of(index) > width - 50 ? 'end' : 'middle'}>{name}</text>
          ))}
          {at !== null && <line x1={of(at)} x2={of(at)} y1={MARGIN.top} y2={height - MARGIN.bottom} class="rule" />}
          {series.map((one, index) => (
            <g key={one.name} style={{ color: colourOf(series, index) }}>
              {series.length === 1 || (index === 0 && series.slice(1).every((other) => other.isBefore)) ? <path d={areaPath(placed(one.values), y(0))} class="fill" /> : null}
              <path d={linePath(placed(one.values))} class={one.isBefore ? 'line before' : 'line'} />
              {at !== null && one.values[at] !== null && one.values[at] !== undefined && <circle cx={of(at)} cy={y(one.values[at]!)} r={3.5} class="dot" />}
            </g>
          ))}
        </svg>
        {at !== null && (
          <div class={of(at) > width / 2 ? 'tip left' : 'tip'} style={{ left: `${of(at)}px` }} role="status">
            <strong>{names[at]}</strong>
            {series.map((one) => <div key={one.name}>{series.length > 1 ? `${one.name}: ` : ''}{told(one.values[at], format)}</div>)}
          </div>
        )}
      </div>
      <Figures {...given} />
    </figure>
  )
}

/** Bars of several series side by side for each name. */
export const Bars = (given: Common & { series: readonly Series[] }): ComponentChild => {
  const { names, series, format, label } = given
  const height = given.height ?? 220
  const [place, width] = useWidth()
  const [low, high] = most(series)
  const y = linear(low, high, height - MARGIN.bottom, MARGIN.top)
  const ticks = y.ticks(4).map((tick) => [tick, format(tick)] as const)
  const left = 10 + LETTER * Math.max(...ticks.map(([, text]) => text.length))
  const x = bands(names.length, left, width - MARGIN.right, 0.3)
  const inner = bands(series.length, 0, x.width, 0.12)
  const every = Math.max(1, Math.ceil(names.length / Math.max(2, Math.floor(width / 90))))
  return (
    <figure class="plot">
      <Legend series={series} />
      <div ref={place} class="drawing">
        <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
          {ticks.map(([tick, text]) => (
            <g key={tick}><line x1={left} x2={width - MARGIN.right} y1={y(tick)} y2={y(tick)} class="grid" />
              <text x={left - 8} y={y(tick) + 4} class="tick" text-anchor="end">{text}</text></g>
          ))}
          {names.map((name, at) => (
            <g key={at}>
              {at % every === 0 && <text x={x.of(at) + x.width / 2} y={height - 8} class="tick" text-anchor="middle">{name}</text>}
              {series.map((one, index) => {
                const value = one.values[at]
                if (value === null || value === undefined || !Number.isFinite(value)) return null
                return (
                  <rect key={one.name} x={x.of(at) + inner.of(index)} width={Math.max(inner.width, 1)} rx={2}
                    y={Math.min(y(value), y(0))} height={Math.abs(y(value) - y(0))} fill={colourOf(series, index)} opacity={one.isBefore ? 0.45 : 1}>
                    <title>{`${name} · ${one.name}: ${format(value)}`}</title>
                  </rect>
                )
              })}
            </g>
          ))}
        </svg>
      </div>
      <Figures {...given} />
    </figure>
  )
}
