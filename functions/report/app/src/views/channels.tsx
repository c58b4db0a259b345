// Channel → source → campaign → ad → keyword, and the pages that visits began with.

import type { ComponentChild } from 'preact'
import { useMemo } from 'preact/hooks'
import { metricColumns } from '../columns'
import type { LandingRows, Landings, Snapshot } from '../data'
import { shown, Tabs, Card } from '../ui'
import { useLoaded } from '../hooks'
import { placeBehind } from '../links'
import { addTo, noSums, verdictOf, wilson, type Sums } from '../metrics'
import { isFiltered } from '../state'
import { Table, type Column } from '../table'
import { NOT_SPLIT, type Node } from '../tree'
import type { View, ViewProps } from '../view'

const METRICS = [
  'cost', 'visits', 'requests', 'qualified', 'sales', 'revenue', 'gross_profit', 'cpl', 'cpo', 'romi', 'margin_romi', 'roas', 'drr',
  'clicks', 'impressions', 'ctr', 'cpc', 'cpv', 'cpql', 'visit_to_request', 'request_to_sale', 'aov', 'repeat_sales', 'profit_after_cost', 'roi'
]
const HIDDEN = METRICS.slice(METRICS.indexOf('roas'))

/** A place's name as readers see it; of rows that no place stands for, what they are. */
export const nameOfNode = ({ snapshot, words }: Pick<ViewProps, 'snapshot' | 'words'>, node: Node): string => {
  if (node.isNotSplit) return words.say('app.not_split')
  return node.id === '' || snapshot.places.level[node.place] !== node.level ? words.say('app.unset') : snapshot.places.name[node.place] ?? ''
}

const Places = (props: ViewProps): ComponentChild => {
  const { snapshot, now, before, words, format } = props
  const root = now.tree()
  const known = useMemo(() => {
    const all = new Map<string, Node>()
    const path = new Map<string, string[]>()
    const walk = (node: Node, names: readonly string[]): void => {
      path.set(node.key, [...names])
      for (const child of node.children) walk(child, [...names, nameOfNode(props, child)])
    }
    walk(root, [])
    const old = (node: Node): void => { all.set(node.key, node); node.children.forEach(old) }
    if (before !== null) old(before.tree())
    return { before: all, path }
  }, [root, before, words])
  const { thresholds } = snapshot.manifest
  const columns = useMemo(() => {
    const verdict: Column<Node> = {
      key: 'verdict', label: words.say('app.verdict'), kind: 'text',
      value: (node) => { const found = verdictFor(node); return found === '' ? '' : words.name('verdicts', found) },
      show: (node) => { const found = verdictFor(node); return found === '' ? '' : <span class={`pill ${found}`}>{words.name('verdicts', found)}</span> },
      note: (node) => {
        const range = verdictFor(node) === 'few_data' ? wilson(node.sums.sales, node.sums.requests) : null
        return range === null ? null : <small>{words.say('app.interval', { low: format.share(range[0]), high: format.share(range[1]) })}</small>
      }
    }
    const verdictFor = (node: Node): string =>
      node.level !== 1 || node.kind === 'no_source' || node.kind === 'other' || now.isPart ? '' : verdictOf(node.sums, thresholds)
    return [
      verdict, // first: on a narrow screen the last columns are a scroll away
      ...metricColumns<Node>(props, METRICS, {
        sums: (node) => node.sums,
        before: (node) => node.level > 1 || before === null ? null : known.before.get(node.key)?.sums ?? noSums(),
        isNotSplit: (node) => node.isNotSplit,
        deals: (node) => node.isNotSplit ? null : { place: placeBehind(props.state, node.key) },
        hidden: HIDDEN
      })
    ]
  }, [root, before, props.address, words, format])
  return (
    <Table<Node> props={props} name={words.say('app.views.channels')} head={words.say('app.place')} rows={root.children} columns={columns}
      keyOf={(node) => node.key} nameOf={(node) => nameOfNode(props, node)} pathOf={(node) => known.path.get(node.key) ?? []}
      children={(node) => node.level === 1 && isPlain(node) ? [] : node.children} colourOf={(node) => colourOf(snapshot, node)}
      isLast={(node) => node.isNotSplit || (node.level === 1 && node.kind === 'no_source')}
      totals={[{ name: words.say('app.total'), row: root }]} empty={words.say('app.empty')} />
  )
}

/** A channel whose only row below is the nameless one has nothing to open. */
const isPlain = (node: Node): boolean => node.children.length === 1 && node.children[0]!.id === '' && node.children[0]!.children.length === 0

const colourOf = ({ places }: Snapshot, node: Node): string =>
  node.isNotSplit || node.id === NOT_SPLIT ? '' : node.level <= 2 && places.level[node.place] === node.level ? places.colour[node.place] ?? '' : ''

interface Page { readonly key: string, readonly name: string, readonly channel: number, readonly sums: Sums, readonly children: readonly Page[] }

const LANDING_METRICS = ['visits', 'requests', 'sales', 'revenue', 'visit_to_request', 'request_to_sale', 'visit_to_sale', 'aov']

/** Landing pages with the channels that led to them, busiest first. */
export const pagesOf = (snapshot: Snapshot, names: readonly string[], files: readonly LandingRows[], from: number, to: number, inside: (channel: number) => boolean): Page[] => {
  const found = new Map<number, Map<number, Sums>>()
  for (const { day, channel, landing, visits, requests, sales, revenue } of files) {
    for (let at = 0; at < day.length; at++) {
      if (day[at]! < from || day[at]! > to || !inside(channel[at]!)) continue
      let page = found.get(landing[at]!)
      if (page === undefined) found.set(landing[at]!, page = new Map())
      let sums = page.get(channel[at]!)
      if (sums === undefined) page.set(channel[at]!, sums = noSums())
      sums.visits += visits[at]!
      sums.requests += requests[at]!
      sums.on_visit += requests[at]! // all are of visits that began here
      sums.sales += sales[at]!
      sums.revenue += revenue[at]!
    }
  }
  const busiest = (a: Page, b: Page): number => b.sums.visits - a.sums.visits || b.sums.requests - a.sums.requests
  return [...found].map(([landing, channels]): Page => {
    const children = [...channels].map(([channel, sums]): Page =>
      ({ key: `${landing}/${channel}`, name: snapshot.places.name[channel] ?? '', channel, sums, children: [] })).sort(busiest)
    return { key: String(landing), name: names[landing] ?? '', channel: 0, children, sums: children.reduce((all, one) => addTo(all, one.sums), noSums()) }
  }).sort(busiest)
}

const Pages = (props: ViewProps): ComponentChild => {
  const { snapshot, now, words, state } = props
  const loaded = useLoaded(async () => {
    const [names, files] = await Promise.all([
      snapshot.file<Landings>('landings'), snapshot.months<LandingRows>('landings', now.from, now.to)
    ])
    const channel = state.place && `${state.place.split('/')[0]}/`
    return pagesOf(snapshot, names?.names ?? [], files, now.from, now.to, (place) => channel === '' || snapshot.pathTo(place) === channel)
  }, [snapshot, now.from, now.to, state.place])
  const { manifest } = snapshot
  const isOther = state.model !== manifest.model || state.basis !== 'request' || isFiltered(state) || state.currency !== manifest.site.currency
  return shown(words, loaded, (pages) => (
    <>
      {isOther && <p class="state stale">{words.say('app.landings.own', { model: words.name('models', manifest.model) })}</p>}
      <Table<Page> props={props} name={words.say('app.landings.title')} head={words.say('app.landings.page')} rows={pages}
        columns={metricColumns<Page>(props, LANDING_METRICS, { sums: (page) => page.sums })}
        keyOf={(page) => page.key} nameOf={(page) => landingName(words, page)} children={(page) => page.children} empty={words.say('app.empty')}
        pathOf={(page) => page.channel > 0 ? [landingName(words, pages.find((one) => one.key === page.key.split('/')[0]) ?? page), page.name] : [landingName(words, page)]}
        colourOf={(page) => page.channel > 0 ? snapshot.places.colour[page.channel] ?? '' : ''}
        totals={[{ name: words.say('app.total'), row: { key: '', name: '', channel: 0, children: [], sums: pages.reduce((all, one) => addTo(all, one.sums), noSums()) } }]} />
    </>
  ))
}

const landingName = (words: ViewProps['words'], page: Page): string =>
  page.name === '…' ? words.say('app.landings.rest') : page.name === '' ? words.say('app.landings.none') : page.name

const Channels = (props: ViewProps): ComponentChild => {
  const { words, state, snapshot, format } = props
  const isPages = state.tab === 'landings'
  const folded = snapshot.manifest.folded ?? 0
  return (
    <>
      <Tabs tabs={[['', words.say('app.tabs.places')], ['landings', words.say('app.tabs.landings')]]} tab={state.tab} label={words.say('app.tabs.label')}
        go={props.go} address={props.address} />
      <Card note={words.say(isPages ? 'app.landings.note' : 'app.notes.channels', { symbol: format.symbol }) + (!isPages && folded > 0 ? ` ${words.say('app.folded', { count: format.count(folded) })}` : '')}>
        {isPages ? <Pages {...props} /> : <Places {...props} />}
      </Card>
    </>
  )
}

export const view: View = { name: 'channels', title: (words) => words.say('app.views.channels'), show: (props) => <Channels {...props} />, covers: true }
