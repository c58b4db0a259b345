// Small hooks: what is being loaded, virtual rows, printing.

import { options } from 'preact'
import { useEffect, useLayoutEffect, useReducer, useState, type Dispatch } from 'preact/hooks'
import {
  elementScroll, observeElementOffset, observeElementRect, Virtualizer, type VirtualItem, type VirtualizerOptions
} from '@tanstack/virtual-core'

export type Loaded<T> = { readonly value: T | undefined, readonly error: unknown, readonly isWaiting: boolean }

/** What a promise gives. While another one is waited for, the former value stays. */
export const useLoaded = <T>(load: () => Promise<T>, deps: readonly unknown[]): Loaded<T> => {
  const [loaded, set] = useState<Loaded<T>>({ value: undefined, error: undefined, isWaiting: true })
  useEffect(() => {
    let isOld = false
    set((before) => ({ ...before, isWaiting: true }))
    load().then(
      (value) => { if (!isOld) set({ value, error: undefined, isWaiting: false }) },
      (error: unknown) => { if (!isOld) set({ value: undefined, error, isWaiting: false }) }
    )
    return () => { isOld = true }
  }, deps)
  return loaded
}

export interface Rows {
  readonly items: readonly VirtualItem[]
  readonly before: number
  readonly after: number
  readonly measure: (element: HTMLElement | null) => void
  readonly show: (index: number) => void
}

/** Rows of a long list that are near the eye. `scroller` is the element that scrolls; `enabled` false: nothing is computed. */
export const useVirtual = (
  count: number, height: number, scroller: { readonly current: HTMLElement | null }, enabled: boolean, keyOf: (index: number) => string | number
): Rows => {
  const [, redraw] = useReducer<number, undefined>((drawn) => drawn + 1, 0) as [number, Dispatch<undefined>]
  const told: VirtualizerOptions<HTMLElement, HTMLElement> = {
    count, enabled, overscan: 12, getItemKey: keyOf, estimateSize: () => height, getScrollElement: () => scroller.current,
    scrollToFn: elementScroll, observeElementRect, observeElementOffset, initialRect: { width: 1000, height: 800 },
    onChange: () => redraw(undefined)
  }
  const [virtual] = useState(() => new Virtualizer(told))
  virtual.setOptions(told)
  useLayoutEffect(() => virtual._didMount(), [])
  useLayoutEffect(() => virtual._willUpdate())
  const items = enabled ? virtual.getVirtualItems() : []
  const last = items[items.length - 1]
  return {
    items,
    before: items[0]?.start ?? 0,
    after: last === undefined ? 0 : virtual.getTotalSize() - last.end,
    measure: (element) => { if (element !== null) virtual.measureElement(element) },
    show: (index) => virtual.scrollToIndex(index, { align: 'auto' })
  }
}

/** True from "beforeprint" to "afterprint": the browser takes its picture right after the event, so drawing must not wait. */
export const usePrinting = (): boolean => {
  const [isPrinting, set] = useState(false)
  useEffect(() => {
    const turn = (is: boolean) => (): void => {
      const usual = options.debounceRendering
      options.debounceRendering = (draw) => draw()
      set(is)
      if (usual === undefined) delete options.debounceRendering
      else options.debounceRendering = usual
    }
    const on = turn(true)
    const off = turn(false)
    addEventListener('beforeprint', on)
    addEventListener('afterprint', off)
    return () => { removeEventListener('beforeprint', on); removeEventListener('afterprint', off) }
  }, [])
  return isPrinting
}
