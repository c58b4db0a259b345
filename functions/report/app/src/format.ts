// Numbers, money and dates as the reader's language writes them: the same look as functions/report/view/formats.py.

import type { Manifest } from './data'
import { inPoints, metric } from './metrics'

export const NBSP = '\u00a0'
export const MINUS = '\u2212'
export const EMPTY = '\u2014'
const WHOLE_FROM = 1000 // from here on money is shown in whole units

/** Rounded half away from zero in decimal, as Python's Decimal(repr(value)) is. */
const roundedText = (value: number, digits: number): string => {
  const [mantissa = '0', power = '0'] = Math.abs(value).toExponential().split('e')
  const shifted = Math.round(Number(`${mantissa}e${Number(power) + digits}`))
  const text = String(Number(`${shifted}e-${digits}`))
  return text.includes('e') ? Math.abs(value).toFixed(digits) : text
}

export class Format {
  readonly symbol: string
  private readonly isSymbolFirst: boolean
  private readonly group: string
  private readonly point: string
  private readonly longDay: Intl.DateTimeFormat
  private readonly shortMonth: Intl.DateTimeFormat
  private readonly monthName: Intl.DateTimeFormat

  constructor (readonly language: string, currency: string, symbol?: string) {
    this.isSymbolFirst = language === 'en'
    this.symbol = symbol ?? symbolOf(language, currency)
    this.group = this.isSymbolFirst ? ',' : NBSP
    this.point = this.isSymbolFirst ? '.' : ','
    const utc = { timeZone: 'UTC' } as const
    this.longDay = new Intl.DateTimeFormat(language, { ...utc, day: 'numeric', month: 'long', year: 'numeric' })
    this.shortMonth = new Intl.DateTimeFormat(language, { ...utc, day: 'numeric', month: 'short' })
    this.monthName = new Intl.DateTimeFormat(language, { ...utc, month: 'long', year: 'numeric' })
  }

  static of (manifest: Manifest, currency = manifest.site.currency): Format {
    return new Format(manifest.language, currency, currency === manifest.site.currency ? manifest.symbol : undefined)
  }

  /** Rounded half away from zero, grouped; `fixed` keeps trailing zeros. */
  decimal (value: number, digits: number, fixed = true): string {
    const [wholes = '0', parts = ''] = roundedText(value, digits).split('.')
    const grouped = wholes.replace(/\B(?=(\d{3})+$)/g, this.group)
    const tail = fixed ? parts.padEnd(digits, '0') : parts
    const text = tail ? grouped + this.point + tail : grouped
    return value < 0 && /[1-9]/.test(text) ? MINUS + text : text
  }

  count (value: number | null): string {
    if (value === null || !Number.isFinite(value)) return EMPTY
    const told = Math.round(value * 1e6) / 1e6
    return this.decimal(told, Number.isInteger(told) ? 0 : 1)
  }

  /** Kopecks, without the symbol: whole units from 1000 on. */
  amount (kopecks: number | null): string {
    if (kopecks === null || !Number.isFinite(kopecks)) return EMPTY
    const units = kopecks / 100
    const isWhole = Math.abs(units) >= WHOLE_FROM || Number.isInteger(units)
    return this.decimal(units, isWhole ? 0 : 2)
  }

  /** Kopecks with the symbol. */
  money (kopecks: number | null): string {
    const text = this.amount(kopecks)
    if (text === EMPTY) return text
    if (!this.isSymbolFirst) return `${text}${NBSP}${this.symbol}`
    const gap = /^\p{L}+$/u.test(this.symbol) ? NBSP : ''
    return text.startsWith(MINUS) ? `${MINUS}${this.symbol}${gap}${text.slice(1)}` : `${this.symbol}${gap}${text}`
  }

  /** A signed share: 1.44 is +144 %. */
  percent (fraction: number | null): string {
    const text = this.share(fraction)
    return text === EMPTY || text.startsWith(MINUS) || /^0\D*$/.test(text) ? text : `+${text}`
  }

  share (fraction: number | null): string {
    if (fraction === null || !Number.isFinite(fraction)) return EMPTY
    const hundredths = Number(`${fraction}`.includes('e') ? fraction * 100 : shiftedTwo(fraction))
    return this.decimal(hundredths, Math.abs(hundredths) < WHOLE_FROM ? 1 : 0, false) + (this.isSymbolFirst ? '%' : `${NBSP}%`)
  }

  /** A difference of two shares in percentage points, without their name. */
  points (difference: number | null): string { return this.percent(difference).replace(/\u00a0?%$/, '') }

  /** Any metric of its sums, without currency (`symbol`: with it); an empty one is a dash. */
  figure (key: string, value: number | null, symbol = false): string {
    const { unit } = metric(key)
    if (unit === 'money') return symbol ? this.money(value) : this.amount(value)
    if (unit === 'count') return this.count(value)
    if (unit === 'ratio') return value === null || !Number.isFinite(value) ? EMPTY : this.decimal(value, 2)
    return unit === 'percent' ? this.percent(value) : this.share(value)
  }

  /** A change as `changeOf` gives it; points carry `pointsName`. */
  change (key: string, change: number | null, pointsName: string): string {
    if (change === null) return ''
    return inPoints(key) ? `${this.points(change)}${NBSP}${pointsName.replace(/ /g, NBSP)}` : this.percent(change)
  }

  /** Day 2026-11-23 in words; in a table (`23.11.2026`, `Nov 23, 2026`); without its year; a month. */
  day (iso: string): string { return this.longDay.format(Date.parse(iso)) }
  shortDay (iso: string): string {
    if (!this.isSymbolFirst) return `${iso.slice(8, 10)}.${iso.slice(5, 7)}.${iso.slice(0, 4)}`
    return `${this.shortMonth.format(Date.parse(iso))}, ${iso.slice(0, 4)}`
  }
  dayMonth (iso: string): string { return this.shortMonth.format(Date.parse(iso)) }
  month (iso: string): string { return this.monthName.format(Date.parse(iso)) }
  days (from: string, to: string): string {
    return from === to ? this.day(from) : this.longDay.formatRange(Date.parse(from), Date.parse(to))
  }
  /** Day and minute of 2026-11-23T12:12. */
  at (iso: string): string { return `${this.shortDay(iso.slice(0, 10))} ${iso.slice(11, 16)}` }
}

/** A fraction times a hundred, by moving the point: 0.285 × 100 is 28.5, not 28.499999999999996. */
const shiftedTwo = (fraction: number): string => `${fraction}e2`

const symbolOf = (language: string, currency: string): string => {
  if (currency === 'RUB') return '₽'
  try {
    const parts = new Intl.NumberFormat(language, { style: 'currency', currency, currencyDisplay: 'symbol' }).formatToParts(0)
    return parts.find((part) => part.type === 'currency')?.value ?? currency
  } catch {
    return currency
  }
}
