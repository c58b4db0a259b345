// A button to every table of the static report: what is seen of it, as CSV.

import { CSV, csvOf, download, type Cell, type Sheet } from './export'
import type { Words } from './words'

const EMPTY = ['', '—']

/** A figure as the report writes it (`−1 234,5`, `+21.9%`, `1,234 ₽` is none): a number, of percents a fraction; undefined for other texts. */
export const numberOf = (text: string, language: string): { readonly value: number, readonly isShare: boolean } | undefined => {
  const isShare = /%$/.test(text)
  const grouped = text.replace(/%$/, '').replace(/[\s\u00a0\u202f]/g, '').replace('\u2212', '-')
  const plain = language === 'ru' ? grouped.replace(',', '.') : grouped.replace(/,(?=\d{3}(\D|$))/g, '')
  return /^[+-]?\d+(\.\d+)?$/.test(plain) ? { value: Number(plain) / (isShare ? 100 : 1), isShare } : undefined
}

/** Cells of one column: numbers where all of them are, else texts as they are seen. */
export const columnOf = (texts: readonly string[], language: string): Cell[] => {
  const told = texts.map((text) => EMPTY.includes(text) ? null : numberOf(text, language))
  const known = told.filter((one) => one !== null)
  const isShare = known[0]?.isShare === true
  if (known.length === 0 || known.some((one) => one === undefined || one.isShare !== isShare)) return texts.map((value) => ({ kind: 'text', value: value === '—' ? null : value }))
  return told.map((one) => ({ kind: isShare ? 'share' : 'count', value: one?.value ?? null }))
}

const lines = (cell: HTMLElement): string[] => cell.innerText.split('\n').map((line) => line.trim()).filter(Boolean)

/** The rows of a table that are seen; of a figure's cell its first line, of a name all of them. */
const sheetOf = (table: HTMLTableElement, name: string, language: string): Sheet => {
  const seen = [...table.rows].filter((row) => row.getClientRects().length > 0)
  const head = [...table.tHead?.rows[0]?.cells ?? []].map((cell) => (cell.textContent ?? '').trim())
  const rows = seen.filter((row) => row.parentElement !== table.tHead)
    .map((row) => [...row.cells].map((cell) => cell.tagName === 'TH' ? lines(cell).join(' · ') : lines(cell)[0] ?? ''))
  const columns = head.map((_, at) => columnOf(rows.map((row) => row[at] ?? ''), language))
  return { name, head, rows: rows.map((_, row) => columns.map((column) => column[row]!)) }
}

/** Puts the buttons before the tables; a table in a box that scrolls has its button before the box. */
export const addCsv = (sections: Iterable<HTMLElement>, words: Words, language: string, site: string): void => {
  for (const section of sections) {
    const heading = section.querySelector('h2')?.textContent?.trim() ?? ''
    for (const table of section.querySelectorAll('table')) {
      const name = table.caption?.textContent?.trim() || heading
      const button = document.createElement('button')
      button.type = 'button'
      button.className = 'csv'
      button.textContent = 'CSV'
      button.setAttribute('aria-label', words.say('app.csv_of', { name }))
      button.addEventListener('click', () => download(`${site}-${name}.csv`, CSV, csvOf(sheetOf(table, name, language), language)))
      const box = table.closest<HTMLElement>('.wide, .days')
      ;(box !== null && section.contains(box) ? box : table).before(button)
    }
  }
}
