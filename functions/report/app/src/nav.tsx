// Navigation between views: links beside the view, a list to choose from on a phone.

import type { ComponentChild } from 'preact'
import type { State } from './state'

export interface Entry { readonly name: string, readonly title: string }

export const Nav = ({ entries, current, label, address, go }: {
  entries: readonly Entry[], current: string, label: string, address: (change: Partial<State>) => string
  go: (change: Partial<State>, push?: boolean) => void
}): ComponentChild => {
  const to = (view: string): Partial<State> => ({ view, tab: '', search: '', sort: null, open: [], columns: null, more: {} })
  return (
    <nav class="nav" aria-label={label}>
      <ul>{entries.map(({ name, title }) => (
        <li key={name}><a href={address(to(name))} aria-current={name === current ? 'page' : undefined} onClick={(event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return
          event.preventDefault()
          go(to(name), true)
        }}>{title}</a></li>
      ))}</ul>
      <select aria-label={label} value={current} onChange={(event) => go(to(event.currentTarget.value), true)}>
        {entries.map(({ name, title }) => <option key={name} value={name}>{title}</option>)}
      </select>
    </nav>
  )
}
