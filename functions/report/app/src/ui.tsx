// Small parts of every view: links that change the state, cards, changes, static sections, states of loading.

import type { ComponentChild, ComponentChildren } from 'preact'
import { useContext, useLayoutEffect, useRef } from 'preact/hooks'
import { createContext } from 'preact'
import { ask, Missing } from './data'
import { useLoaded, type Loaded } from './hooks'
import { opens } from './links'
import { changeOf, toneOf } from './metrics'
import type { State } from './state'
import type { ViewProps } from './view'
import type { Words } from './words'

type Go = Pick<ViewProps, 'go' | 'address'>

/** A link to another choice. Plain clicks stay on the page. Where deals would not add up to the figure, it is a figure alone. */
export const Link = ({ go, address, change, children, snapshot, state, class: name, title, 'aria-label': label }: Go & Partial<Pick<ViewProps, 'snapshot' | 'state'>> & {
  change: Partial<State>, children: ComponentChildren, class?: string, title?: string, 'aria-label'?: string
}): ComponentChild => snapshot !== undefined && state !== undefined && !opens({ snapshot, state }, change) ? <>{children}</> : (
  <a class={name} title={title} aria-label={label} href={address(change)} onClick={(event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    go(change, true)
  }}>{children}</a>
)

/** What opens the deals behind a figure: of a place (path), a measure, other days or filters where the figure has them. */
export const dealsBehind = (measure: string, place: string, other: Partial<State> = {}): Partial<State> => ({
  view: 'deals', tab: '', search: '', sort: null, open: [], columns: null, place, ...other, more: { measure, ...other.more }
})

export const Card = ({ title, note, children, id, class: name }: {
  title?: ComponentChild, note?: ComponentChild, children: ComponentChildren, id?: string, class?: string
}): ComponentChild => (
  <section class={`card${name ? ` ${name}` : ''}`} {...(id && title ? { 'aria-labelledby': id } : {})}>
    {title || note ? <div class="head">{title && <h2 id={id}>{title}</h2>}{note && <p>{note}</p>}</div> : null}
    {children}
  </section>
)

/** A metric's change against the compared period; nothing where it cannot be told. */
export const Change = ({ metric, now, before, props, always }: {
  metric: string, now: number | null, before: number | null, props: Pick<ViewProps, 'format' | 'words'>, always?: boolean
}): ComponentChild => {
  const change = changeOf(metric, now, before)
  if (change === null || (!always && Math.round(change * 1000) === 0)) return null
  const tone = toneOf(metric, change)
  return <span class={`change ${tone}`}>{props.format.change(metric, change, props.words.say('app.points'))}</span>
}

export const Wait = ({ words }: { words: Words }): ComponentChild => <p class="state" role="status">{words.say('app.waiting')}</p>

/** Why something is not there, and what to do. */
export const Fail = ({ words, error }: { words: Words, error: unknown }): ComponentChild => {
  const isGone = error instanceof Missing && [401, 403, 404, 410].includes(error.status)
  const whole = useLoaded(() => isGone ? ask('manifest').then(() => true, (again: unknown) => !(again instanceof Missing) || again.status !== error.status) : Promise.resolve(true), [error])
  if (whole.value === undefined) return null // one missing file is no revoked link: the manifest tells them apart
  return <p class="state stale" role="alert">{reasonOf(words, error, whole.value)}</p>
}

/** `isWhole`: whether the page's manifest is still to be had. */
export const reasonOf = (words: Words, error: unknown, isWhole: boolean): string => {
  if (!(error instanceof Missing)) return words.say('app.failed')
  if (error.status === 0) return words.say('app.no_answer')
  return words.say(isWhole ? 'app.no_file' : 'app.link_over', { status: error.status })
}

/** What is loaded by `useLoaded`, or the words for why not yet. */
export const shown = <T,>(words: Words, loaded: Loaded<T>, show: (value: T) => ComponentChild): ComponentChild =>
  loaded.value !== undefined ? <div aria-busy={loaded.isWaiting}>{show(loaded.value)}</div>
    : loaded.error !== undefined ? <Fail words={words} error={loaded.error} /> : <Wait words={words} />

/** The page's own sections by view, as they came; `shelf` keeps those that no view shows now. */
export interface Statics { readonly of: ReadonlyMap<string, readonly HTMLElement[]>, readonly shelf: HTMLElement, readonly note: string }
export const StaticContext = createContext<Statics | null>(null)

const isPart = (section: HTMLElement, part: string): boolean =>
  section.dataset['part'] === part || section.id === part || section.getAttribute('aria-labelledby') === part

/** Static sections of a view as they are (`part`: those with that data-part, id or heading), with a note of what they are made for
 * where that is not what is chosen (`isTimeless`: made for any choice). `head` says what they have that the live part has not. */
export const Static = ({ view, part, head, isTimeless }: {
  view: string, part?: string | readonly string[], head?: string, isTimeless?: boolean
}): ComponentChild => {
  const statics = useContext(StaticContext)
  const place = useRef<HTMLDivElement>(null)
  const sections = (statics?.of.get(view) ?? []).filter((section) => part === undefined || [part].flat().some((one) => isPart(section, one)))
  useLayoutEffect(() => {
    place.current?.append(...sections)
    return () => statics?.shelf.append(...sections)
  }, [statics, view, String(part)])
  if (sections.length === 0) return null
  const note = isTimeless ? '' : statics?.note
  return <div class="static">{head && <h2 class="rest">{head}</h2>}{note && <p class="of-report" role="note">{note}</p>}<div ref={place} /></div>
}

/** A list of tabs: the view's parts. */
export const Tabs = ({ tabs, tab, label, go, address }: Go & {
  tabs: readonly (readonly [key: string, name: string])[], tab: string, label: string
}): ComponentChild => {
  const current = tabs.some(([key]) => key === tab) ? tab : tabs[0]?.[0]
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(([key, name]) => (
        <a key={key} href={address({ tab: key })} aria-current={key === current ? 'true' : undefined} onClick={(event) => {
          if (event.ctrlKey || event.metaKey) return
          event.preventDefault()
          go({ tab: key, open: [], sort: null, search: '', columns: null }, true)
        }}>{name}</a>
      ))}
    </nav>
  )
}
