// What is seen, as CSV and XLSX. Text from outside never becomes a formula in either.

import { strToU8, zipSync } from 'fflate'

export type CellKind = 'text' | 'money' | 'count' | 'ratio' | 'percent' | 'share' | 'day'
/** Money in units (not kopecks), percent and share as fractions, a day as 2026-11-23; null: empty. */
export interface Cell { readonly kind: CellKind, readonly value: string | number | null }
export interface Sheet { readonly name: string, readonly head: readonly string[], readonly rows: readonly (readonly Cell[])[] }

/** Counts are sums of weights: beyond a millionth there is only the noise of binary fractions. */
const exact = ({ kind, value }: Cell): string | number | null => kind === 'count' && typeof value === 'number' ? Math.round(value * 1e6) / 1e6 : value

const FORMULA = /^[=+\-@\t\r]/

const quoted = (text: string): string => /[";,\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text
/** A text that spreadsheets would run gets an apostrophe before it. */
export const harmless = (text: string): string => FORMULA.test(text) ? `'${text}` : text

/** With a byte order mark; semicolons and decimal commas where the language writes so. Fractions are told in percent. */
export const csvOf = (sheet: Sheet, language: string): string => {
  const isRussian = language === 'ru'
  const told = (cell: Cell): string => {
    const { kind } = cell
    const value = exact(cell)
    if (value === null) return ''
    if (typeof value === 'string') return quoted(harmless(value))
    const number = kind === 'percent' || kind === 'share' ? Number((value * 100).toPrecision(12)) : value
    const text = String(Math.round(number * 1e9) / 1e9)
    return isRussian ? text.replace('.', ',') : text
  }
  const kinds = sheet.rows[0]?.map((cell) => cell.kind) ?? []
  const head = sheet.head.map((name, at) => quoted(harmless(name + (kinds[at] === 'percent' || kinds[at] === 'share' ? ', %' : ''))))
  const lines = [head, ...sheet.rows.map((row) => row.map(told))]
  return '\ufeff' + lines.map((line) => line.join(isRussian ? ';' : ',')).join('\r\n') + '\r\n'
}

const STYLES = { text: 0, count: 1, money: 2, ratio: 3, percent: 4, share: 4, day: 5 } as const
const FORMATS = ['General', '#,##0.##', '#,##0.00', '0.00', '0.0%', 'yyyy-mm-dd']
const DAYS_TO_1970 = 25_569 // spreadsheets count from 1899-12-30

const escaped = (text: string): string => text
  // eslint-disable-next-line no-control-regex
  .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '')
  .replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')

const letters = (column: number): string =>
  (column >= 26 ? letters(Math.floor(column / 26) - 1) : '') + String.fromCharCode(65 + column % 26)

const cellXml = (cell: Cell, place: string): string => {
  const { kind } = cell
  const value = exact(cell)
  if (value === null) return ''
  if (kind === 'day') return `<c r="${place}" s="5"><v>${Date.parse(String(value)) / 86_400_000 + DAYS_TO_1970}</v></c>`
  if (typeof value === 'number') return Number.isFinite(value) ? `<c r="${place}" s="${STYLES[kind]}"><v>${value}</v></c>` : ''
  return `<c r="${place}" t="inlineStr"><is><t xml:space="preserve">${escaped(value.slice(0, 32_767))}</t></is></c>`
}

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006'
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'

/** A workbook of one sheet: figures are numbers with a format, texts are texts (inline strings), the head stays in view. */
export const xlsxOf = (sheet: Sheet): Uint8Array<ArrayBuffer> => {
  const head = sheet.head.map((name): Cell => ({ kind: 'text', value: name }))
  const rows = [head, ...sheet.rows].map((row, at) =>
    `<row r="${at + 1}">${row.map((cell, column) => cellXml(cell, letters(column) + (at + 1))).join('')}</row>`)
  const widths = sheet.head.map((name, at) =>
    `<col min="${at + 1}" max="${at + 1}" width="${at === 0 ? 48 : Math.min(Math.max(name.length + 3, 12), 40)}" customWidth="1"/>`)
  const formats = FORMATS.map((format, at) => `<numFmt numFmtId="${164 + at}" formatCode="${escaped(format)}"/>`).join('')
  const styles = FORMATS.map((_, at) => `<xf numFmtId="${at === 0 ? 0 : 164 + at}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>`).join('')
  const files: Record<string, string> = {
    '[Content_Types].xml': `${XML}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>`,
    '_rels/.rels': `${XML}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/workbook.xml': `${XML}<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><sheets><sheet name="${escaped(sheetName(sheet.name))}" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `${XML}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${OFFICE}/styles" Target="styles.xml"/></Relationships>`,
    'xl/styles.xml': `${XML}<styleSheet xmlns="${MAIN}"><numFmts count="${FORMATS.length}">${formats}</numFmts><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="${FORMATS.length}">${styles}</cellXfs></styleSheet>`,
    'xl/worksheets/sheet1.xml': `${XML}<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>${widths.join('')}</cols><sheetData>${rows.join('')}</sheetData></worksheet>`
  }
  return zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])), { level: 6 }) as Uint8Array<ArrayBuffer>
}

const sheetName = (name: string): string => name.replace(/[[\]:*?/\\]/g, ' ').slice(0, 31) || 'Skvoz'

/** Hand a file to the reader. */
export const download = (name: string, type: string, body: string | Uint8Array<ArrayBuffer>): void => {
  const address = URL.createObjectURL(new Blob([body], { type }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  document.body.append(link)
  link.click()
  link.remove()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}

export const CSV = 'text/csv;charset=utf-8'
export const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
