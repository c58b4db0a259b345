// Takes over the static page: its sections move into views, the snapshot makes them live. Without script or snapshot nothing changes.

import { render } from 'preact'
import { App } from './app'
import style from './app.css'
import { hasSnapshot, Snapshot } from './data'
import { addCsv } from './static_csv'
import type { Statics } from './ui'
import { Words } from './words'

/** The page's own sections by view; everything of `main` goes to a shelf out of sight. */
const takeSections = (main: HTMLElement): Pick<Statics, 'of' | 'shelf'> => {
  const shelf = document.createElement('div')
  shelf.hidden = true
  const of = new Map<string, HTMLElement[]>()
  for (const section of main.querySelectorAll<HTMLElement>('[data-view]')) {
    if (section.parentElement?.closest('[data-view]') !== null) continue
    const name = section.dataset['view'] ?? ''
    of.set(name, [...of.get(name) ?? [], section])
  }
  shelf.append(...main.childNodes)
  for (const sections of of.values()) shelf.append(...sections)
  main.append(shelf)
  return { of, shelf }
}

const tell = (main: HTMLElement, text: string | undefined, role: string): HTMLElement => {
  const line = document.createElement('p')
  line.className = role === 'alert' ? 'stale' : 'muted'
  line.setAttribute('role', role)
  line.textContent = text ?? ''
  line.hidden = !text
  main.prepend(line)
  return line
}

const start = async (): Promise<void> => {
  const main = document.querySelector('main')
  if (main === null || !hasSnapshot()) return
  const waiting = tell(main, main.dataset['waiting'], 'status')
  let snapshot: Snapshot
  try {
    snapshot = await Snapshot.load()
  } catch (error) {
    console.warn(error)
    tell(main, main.dataset['failed'], 'alert')
    return
  } finally {
    waiting.remove()
  }
  const dress = document.createElement('style')
  dress.textContent = style
  document.head.append(dress)
  const statics = takeSections(main)
  const { language, site } = snapshot.manifest
  addCsv([...statics.of.values()].flat(), new Words(snapshot.manifest), language, site.site_id)
  const root = document.createElement('div')
  root.id = 'app'
  main.prepend(root)
  render(<App snapshot={snapshot} statics={statics} />, root)
}

void start()
