// A table as one stop of the tab key: arrows move in it, Enter opens, left and right fold and unfold rows of a tree.

const CELL = '[role=gridcell],[role=rowheader],[role=columnheader]'

const target = (cell: Element): HTMLElement => cell.querySelector<HTMLElement>('a,button,summary') ?? cell as HTMLElement
const cellsOf = (row: Element): HTMLElement[] => [...row.querySelectorAll<HTMLElement>(CELL)]
const rowsIn = (table: Element): HTMLElement[] => [...table.querySelectorAll<HTMLElement>('[role=row]')]

/** One element of the table can be reached by the tab key; the others by arrows. */
export const rove = (table: HTMLElement, keep?: HTMLElement): void => {
  const all = [...table.querySelectorAll<HTMLElement>(CELL)].map(target)
  const kept = keep ?? all.find((one) => one === document.activeElement) ?? all.find((one) => one.tabIndex === 0 && one.dataset['rove'] === '1') ?? all[0]
  for (const one of all) {
    one.tabIndex = one === kept ? 0 : -1
    one.dataset['rove'] = one === kept ? '1' : ''
  }
}

const focus = (table: HTMLElement, cell: Element | undefined): void => {
  if (cell === undefined) return
  const to = target(cell)
  rove(table, to)
  to.focus()
  to.scrollIntoView({ block: 'nearest', inline: 'nearest' })
}

/** A key in a table. `fold` turns the row of that key; `reveal` brings a row into the document before it can be stepped on. */
export const onKey = (event: KeyboardEvent, fold: (key: string) => void, reveal: (index: number) => boolean): void => {
  const table = event.currentTarget as HTMLElement
  const cell = (event.target as Element).closest(CELL)
  const row = cell?.closest<HTMLElement>('[role=row]')
  if (!cell || !row || event.ctrlKey || event.metaKey || event.altKey) return
  const cells = cellsOf(row)
  const at = cells.indexOf(cell as HTMLElement)
  const isOpen = row.getAttribute('aria-expanded')
  const step = (by: number): void => {
    const rows = rowsIn(table)
    const next = rows[rows.indexOf(row) + by]
    const index = row.dataset['index']
    const wanted = Number(index) + by
    const isThere = next !== undefined && (index === undefined || next.dataset['index'] === undefined || Number(next.dataset['index']) === wanted)
    if (isThere && !(index !== undefined && next.dataset['index'] === undefined && reveal(wanted))) return focus(table, cellsOf(next)[at])
    if (index === undefined || !reveal(wanted)) return
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const found = table.querySelector(`[role=row][data-index="${wanted}"]`)
      if (found !== null) focus(table, cellsOf(found)[at])
    }))
  }
  const key = row.dataset['key'] ?? ''
  const moves: { readonly [key: string]: () => void } = {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    ArrowRight: () => isOpen === 'false' && at === 0 ? fold(key) : focus(table, cells[at + 1]),
    ArrowLeft: () => isOpen === 'true' && at === 0 ? fold(key) : focus(table, cells[at - 1]),
    Home: () => focus(table, cells[0]),
    End: () => focus(table, cells[cells.length - 1])
  }
  const move = moves[event.key]
  if (move === undefined) return
  event.preventDefault()
  move()
}
