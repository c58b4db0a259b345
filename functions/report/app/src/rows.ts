// Rows of a table in the order and choice of the reader: TanStack's row models over plain objects and their children.

import {
  columnFilteringFeature, constructTable, createExpandedRowModel, createFilteredRowModel, createSortedRowModel, globalFilteringFeature,
  rowExpandingFeature, rowSortingFeature, tableFeatures, type ColumnDef
} from '@tanstack/table-core'
import { storeReactivityBindings } from '@tanstack/table-core/store-reactivity-bindings'
import type { Sort } from './state'

const features = tableFeatures({
  coreReactivityFeature: storeReactivityBindings(),
  rowSortingFeature, columnFilteringFeature, globalFilteringFeature, rowExpandingFeature,
  sortedRowModel: createSortedRowModel(), filteredRowModel: createFilteredRowModel(), expandedRowModel: createExpandedRowModel()
})
type Value = string | number | null

export interface Model<T> {
  readonly rows: readonly T[]
  readonly keyOf: (row: T) => string
  readonly children?: ((row: T) => readonly T[] | undefined) | undefined
  /** What a search looks at; of a child with its parents' names, so that whoever looks for a channel finds what is in it. */
  readonly searched: (row: T) => string
  /** Rows that stay last however one sorts: requests without a source, what is not split. */
  readonly isLast?: ((row: T) => boolean) | undefined
  readonly columns: readonly { readonly key: string, readonly value: (row: T) => Value }[]
}
export interface Choice { readonly sort: Sort | null, readonly search: string, readonly open: readonly string[] }
export interface Shown<T> {
  readonly row: T
  readonly key: string
  /** 1: outermost. */
  readonly level: number
  readonly hasChildren: boolean
  readonly isOpen: boolean
}

const folded = (text: string): string => text.toLocaleLowerCase().normalize('NFKD').replace(/\p{M}/gu, '')
const compare = new Intl.Collator(undefined, { numeric: true }).compare

const compared = (a: Value, b: Value, down: boolean): number => {
  if (a === null || b === null) return a === b ? 0 : (a === null) === down ? -1 : 1 // nothing is last both ways
  return typeof a === 'number' && typeof b === 'number' ? a - b : compare(String(a), String(b))
}

/** A function from the reader's choice to the rows that are seen; row models are kept between calls. */
export const rowsOf = <T extends object>(model: Model<T>): ((choice: Choice) => Shown<T>[]) => {
  let choice: Choice = { sort: null, search: '', open: [] }
  let wanted = ''
  let open = new Set<string>()
  const last = (row: T): number => model.isLast?.(row) === true ? 1 : 0
  const columns: ColumnDef<typeof features, T, unknown>[] = [
    {
      id: 'searched', accessorFn: model.searched, enableGlobalFilter: true, enableSorting: false
    },
    ...model.columns.map(({ key, value }): ColumnDef<typeof features, T, unknown> => ({
      id: key, accessorFn: value, enableGlobalFilter: false, enableSorting: true,
      sortFn: (a, b, id) => {
        const down = choice.sort?.down === true
        const apart = last(a.original) - last(b.original)
        return apart !== 0 ? (down ? -apart : apart) : compared(a.getValue(id) as Value, b.getValue(id) as Value, down)
      }
    }))
  ]
  const children = model.children
  const table = constructTable({
    features, columns, data: model.rows as T[], getRowId: model.keyOf, filterFromLeafRows: true, maxLeafRowFilterDepth: 9,
    ...(children === undefined ? {} : { getSubRows: (row: T) => children(row) as T[] | undefined }),
    globalFilterFn: (row) => folded(model.searched(row.original)).includes(wanted),
    getColumnCanGlobalFilter: (column) => column.id === 'searched',
    getIsRowExpanded: (row) => open.has(row.id) || (wanted !== '' && row.subRows.length > 0 && !folded(model.searched(row.original)).includes(wanted))
  })
  return (next) => {
    choice = next
    wanted = folded(next.search.trim())
    open = new Set(next.open)
    table.setOptions((before) => ({
      ...before,
      state: {
        sorting: next.sort === null ? [] : [{ id: next.sort.key, desc: next.sort.down }],
        // Without any key rows would not be asked whether they are open, and a search opens some by itself.
        globalFilter: wanted, expanded: Object.fromEntries([...next.open, wanted].map((key) => [key, true]))
      }
    }))
    return table.getRowModel().rows.map((row) => ({
      row: row.original, key: row.id, level: row.depth + 1, hasChildren: row.subRows.length > 0, isOpen: row.getIsExpanded()
    }))
  }
}
