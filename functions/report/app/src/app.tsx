// The page's frame: navigation, controls, the view of the state, and what is said while figures come or do not.

import { Component, type ComponentChild } from 'preact'
import { useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { partOfAnchor } from './anchors'
import { Controls } from './controls'
import { Cube, type Slice } from './cube'
import type { Snapshot } from './data'
import { Format } from './format'
import { useLoaded } from './hooks'
import { Nav, type Entry } from './nav'
import { isAsReported, isTold, modelsBeside, noteOfReport } from './reported'
import { addressOf, anchorIn, isReportPeriod, periodOutside, readAddress, stateOf, wordsOf, type State } from './state'
import { Fail, Static, StaticContext, Wait, type Statics } from './ui'
import type { View, ViewProps } from './view'
import { VIEWS } from './views'
import { Words } from './words'

type Given = { snapshot: Snapshot, statics: Pick<Statics, 'of' | 'shelf'> }

export const App = ({ snapshot, statics }: Given): ComponentChild => {
  const { manifest } = snapshot
  const words = useMemo(() => new Words(manifest), [manifest])
  const cube = useMemo(() => new Cube(snapshot), [snapshot])
  const entries = useMemo(() => entriesOf(snapshot, statics, words), [snapshot, statics, words])
  const { state, go, address } = useAddress(snapshot, entries, statics)
  const format = useMemo(() => Format.of(manifest, state.currency), [manifest, state.currency])
  const { from, to, compare, model, basis, currency, filters, place } = state
  const both = useLoaded(() => cube.both(state), [from, to, compare, model, basis, currency, filters, place])
  const isReport = isReportPeriod(state, manifest)
  const entry = entries.find((one) => one.name === state.view) ?? entries[0]
  const note = isAsReported(state, manifest) ? '' : noteOfReport(manifest, words, format)
  const isCompared = useMemo(() => both.value?.before ? isTold(both.value.before) : true, [both.value])
  const shelf = useMemo(() => ({ ...statics, note }), [statics, note])
  const title = useTitle(entry, snapshot, isReport)
  const outside = useMemo(() => periodOutside(readAddress(), manifest), [manifest])

  const props = (now: Slice, before: Slice | null): ViewProps =>
    ({ snapshot, state, cube, now, before, words, format, isReportPeriod: isReport, go, address })
  return (
    <StaticContext.Provider value={shelf}>
      <div class="frame">
        <Nav entries={entries} current={entry?.name ?? ''} label={words.say('app.views.label')} address={address} go={go} />
        <div class="stage">
          <Controls {...{ snapshot, state, words, format, go, isCompared }} />
          <h2 class="title" ref={title} tabIndex={-1}>{entry?.title}</h2>
          {both.value !== undefined ? (
            <div class={both.isWaiting ? 'stale-view' : ''} aria-busy={both.isWaiting}>
              <MissingRates slice={both.value.now} words={words} />
              {outside !== null && isReport && <Outside period={outside} snapshot={snapshot} words={words} format={format} />}
              {entry && <Guard key={entry.name} entry={entry} words={words} props={props(both.value.now, isCompared ? both.value.before : null)} />}
            </div>
          ) : both.error !== undefined ? <><Fail words={words} error={both.error} />{entry && <Static view={entry.name} />}</> : <Wait words={words} />}
        </div>
      </div>
    </StaticContext.Provider>
  )
}

/** Views in the order of the report's sections: those that have something live or static; the customer's own ones follow. */
const entriesOf = (snapshot: Snapshot, statics: Given['statics'], words: Words): Entry[] => {
  const live = (name: string): View | undefined => VIEWS.find((view) => view.name === name)
  const listed = snapshot.manifest.sections.filter((name) => live(name) !== undefined || statics.of.has(name))
  const others = [...statics.of.keys()].filter((name) => !listed.includes(name))
  return [...listed, ...others].map((name) => ({ name, title: titleOf(live(name), name, statics, words) }))
}

const titleOf = (view: View | undefined, name: string, statics: Given['statics'], words: Words): string => {
  if (words.has(`app.views.${name}`)) return words.say(`app.views.${name}`)
  return view?.title(words) ?? statics.of.get(name)?.[0]?.querySelector('h2')?.textContent ?? name
}

/** State and address: what is pushed can be gone back from, small changes only replace. */
const useAddress = (snapshot: Snapshot, entries: readonly Entry[], statics: Given['statics']): Pick<ViewProps, 'state' | 'go' | 'address'> => {
  const { manifest } = snapshot
  const names = useMemo(() => entries.map((entry) => entry.name), [entries])
  const read = (): State => {
    const words = readAddress()
    const part = words.has('view') ? {} : partOfAnchor(anchorIn(location.hash), statics.of, snapshot)
    for (const [name, value] of Object.entries(part)) words.set(name, value)
    const found = stateOf(words, manifest, names)
    return snapshot.hasModel(found.model, found.basis) ? found : { ...found, model: manifest.model }
  }
  const [state, set] = useState(read)
  const now = useRef(state)
  const late = useRef(0)
  useEffect(() => {
    const told = (one: State): string => wordsOf(one, manifest, names).toString()
    const back = (): void => { // a file's "back" tells of one step twice: popstate and hashchange
      const next = read()
      if (told(next) === told(now.current)) return
      now.current = next
      set(next)
    }
    const flush = (): void => { if (late.current !== 0) write(now.current, false) }
    addEventListener('popstate', back)
    addEventListener('hashchange', back)
    addEventListener('pagehide', flush)
    return () => { removeEventListener('popstate', back); removeEventListener('hashchange', back); removeEventListener('pagehide', flush) }
  }, [])
  const write = (next: State, isStep: boolean): void => {
    clearTimeout(late.current)
    late.current = 0
    const told = addressOf(wordsOf(next, manifest, names))
    try {
      history[isStep ? 'pushState' : 'replaceState'](null, '', told)
    } catch { // a sandboxed frame keeps no addresses; the page works all the same
    }
  }
  const go = useRef((change: Partial<State>, isStep = false): void => {
    const next = { ...now.current, ...change }
    if (!names.includes(next.view)) return
    if (!snapshot.hasModel(next.model, next.basis)) Object.assign(next, { model: manifest.model })
    if (isStep) write(now.current, false)
    now.current = next
    set(next)
    if (isStep || !('search' in change)) write(next, isStep)
    else if (late.current === 0) late.current = window.setTimeout(() => write(now.current, false), 200) // typing is many changes
  })
  const address = (change: Partial<State>): string => {
    const next = { ...state, ...change }
    return names.includes(next.view) ? addressOf(wordsOf(next, manifest, names)) : ''
  }
  return { state, go: go.current, address }
}

/** The document's title and marks follow the view; a step to another one takes the focus along. */
const useTitle = (entry: Entry | undefined, snapshot: Snapshot, isReport: boolean): { current: HTMLHeadingElement | null } => {
  const title = useRef<HTMLHeadingElement>(null)
  const before = useRef<string | undefined>(undefined)
  useLayoutEffect(() => {
    document.title = `${entry?.title ?? ''} · ${snapshot.manifest.site.name}`
    Object.assign(document.documentElement.dataset, { app: 'on', shown: entry?.name ?? '', period: isReport ? 'report' : 'other' })
    if (before.current !== undefined && before.current !== entry?.name) {
      const isInNav = document.activeElement?.closest('.nav') !== null && document.activeElement !== document.body
      if (!isInNav) title.current?.focus({ preventScroll: true })
      scrollTo({ top: 0 })
    }
    before.current = entry?.name
  }, [entry?.name, isReport])
  return title
}

const MissingRates = ({ slice, words }: { slice: Slice, words: Words }): ComponentChild => slice.daysWithoutRate === 0 ? null : (
  <p class="stale" role="status">{words.say('app.no_rate', { days: slice.daysWithoutRate, currency: slice.query.currency })}</p>
)

const Outside = ({ period, snapshot, words, format }: { period: { from: string, to: string }, snapshot: Snapshot, words: Words, format: Format }): ComponentChild => {
  const { from, to } = snapshot.manifest.history
  return <p class="stale" role="status">{words.say('app.outside', { period: format.days(period.from, period.to), history: format.days(from, to) })}</p>
}

/** One view. If it throws, it is named, its static sections are shown, and the others go on. */
class Guard extends Component<{ entry: Entry, words: Words, props: ViewProps }, { error: unknown, of: State | null }> {
  override state = { error: undefined as unknown, of: null as State | null }

  override componentDidCatch (error: unknown): void {
    console.error(error)
    this.setState({ error, of: this.props.props.state })
  }

  override render (): ComponentChild {
    const { entry, words, props } = this.props
    const view = VIEWS.find((one) => one.name === entry.name)
    // Another choice may well work: a failure holds for the state that it came with.
    if (this.state.error !== undefined && this.state.of === props.state) {
      return <><p class="stale" role="alert">{words.say('app.view_failed', { view: entry.title })}</p><Static view={entry.name} /></>
    }
    if (view === undefined) return <Static view={entry.name} />
    return <><Shown view={view} props={props} />{view.covers ? null : <Beside name={entry.name} props={props} />}</>
  }
}

/** Static sections under a live view. Tables of models stand there only for the models that the live table cannot have. */
const Beside = ({ name, props: { snapshot: { manifest }, words } }: { name: string, props: ViewProps }): ComponentChild => {
  const sections = useContext(StaticContext)?.of.get(name) ?? []
  if (name !== 'models') return <Static view={name} isTimeless={name === 'method'} />
  const models = modelsBeside(manifest, words, sections)
  return models.length === 0 ? null : <Static view={name} head={words.say('views.rest.models', { models: models.join(', ') })} />
}

const Shown = ({ view, props }: { view: View, props: ViewProps }): ComponentChild => view.show(props)
