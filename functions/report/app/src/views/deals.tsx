// Requests and deals: where they came from, by which path and why, and what became of them.

import type { ComponentChild } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { DealInfo, Requests } from '../data'
import { DEAL_MEASURES, Choice, Finder, heaviest, measureIn, sorted, SORTS, whyOf, type Deal, type Found } from '../deals'
import { CSV, XLSX, csvOf, download, xlsxOf, type Cell, type Sheet } from '../export'
import { EMPTY } from '../format'
import { usePrinting, useVirtual } from '../hooks'
import { onKey, rove } from '../keys'
import { canOpen } from '../links'
import { sumOf, type Part } from '../share'
import { Card, Fail } from '../ui'
import type { View, ViewProps } from '../view'

const AHEAD = 120
const NONE: Found = { deals: [], looked: 0, isAll: false }

const useFinder = (props: ViewProps): { found: Found, error: unknown, reach: (count: number) => Promise<void>, finder: Finder, choice: Choice } => {
  const { snapshot, state } = props
  const measure = measureIn(state)
  const why = state.more['why']
  const [told, tell] = useState<{ readonly of: Choice, readonly found: Found } | null>(null)
  const [error, fail] = useState<unknown>(undefined)
  const choice = useMemo(() => new Choice(snapshot, state), [snapshot, state.from, state.to, state.model, state.basis, state.place, state.filters, state.search, measure, why])
  const finder = useMemo(() => new Finder(snapshot, choice, (now) => tell({ of: choice, found: { ...now, deals: [...now.deals] } })), [choice])
  const found = told?.of === choice ? told.found : NONE // a finder may have told all before this choice's effects run
  const reach = (count: number): Promise<void> => finder.reach(count).then(() => fail(undefined), (problem: unknown) => { fail(problem ?? new Error()) })
  useEffect(() => {
    void reach(AHEAD)
    return () => finder.stop()
  }, [finder])
  return { found, error, reach, finder, choice }
}

const Deals = (props: ViewProps): ComponentChild => {
  const { snapshot, state, words, format, go } = props
  const { found, error, reach, finder, choice } = useFinder(props)
  const order = SORTS.find((one) => one === state.more['order']) ?? 'newest'
  const isWhole = order !== 'newest'
  useEffect(() => { if (isWhole) void reach(Infinity) }, [isWhole, choice])
  const deals = useMemo(() => sorted(found.deals, order), [found, order])
  const more = (change: { [key: string]: string }): void => go({ more: { ...state.more, ...change }, open: [] })
  const saveAs = async (write: (sheet: Sheet) => void): Promise<void> => {
    await reach(Infinity)
    write(sheetOf(props, choice, sorted(finder.found.deals, order)))
  }
  const file = `${words.say('app.views.deals')} ${state.from} ${state.to}`
  return (
    <Card note={words.say('app.notes.deals', { symbol: props.snapshot.manifest.symbol })}>
      <div class="tools">
        <label class="search"><span class="unseen">{words.say('app.search')}</span>
          <input type="search" value={state.search} placeholder={words.say('app.deals.search')} onInput={(event) => go({ search: event.currentTarget.value })} /></label>
        <label class="choose"><span>{words.say('app.deals.which')}</span>
          <select value={choice.measure} onChange={(event) => more({ measure: event.currentTarget.value, why: '' })}>
            {DEAL_MEASURES.map((key) => <option key={key} value={key}>{words.say(`app.deals.measures.${key}`)}</option>)}
          </select></label>
        <label class="choose"><span>{words.say('app.deals.order')}</span>
          <select value={order} onChange={(event) => more({ order: event.currentTarget.value === 'newest' ? '' : event.currentTarget.value })}>
            {SORTS.map((key) => <option key={key} value={key}>{words.say(`app.deals.orders.${key}`)}</option>)}
          </select></label>
        <button type="button" onClick={() => void saveAs((sheet) => download(`${file}.csv`, CSV, csvOf(sheet, format.language)))}>CSV</button>
        <button type="button" onClick={() => void saveAs((sheet) => download(`${file}.xlsx`, XLSX, xlsxOf(sheet)))}>Excel</button>
      </div>
      <p class="state" role="status">{summary(props, found)}</p>
      {found.isAll && deals.length > 0 && <Parts props={props} choice={choice} deals={found.deals} />}
      {state.more['why'] && <p class="state">{words.say('app.deals.dropped', { why: state.more['why'].split('\n').filter(Boolean).join(' › ') || words.say('app.unset') })}{' '}
        <button type="button" class="plain" onClick={() => more({ why: '' })}>{words.say('app.deals.any_reason')}</button></p>}
      {error !== undefined && <Fail words={words} error={error} />}
      {state.basis !== 'request' && <p class="state">{words.say(`app.deals.${state.basis === 'touch' ? 'by_touch' : choice.measure === 'sales' ? 'by_sale' : 'by_request'}`)}</p>}
      <List props={props} deals={deals} choice={choice} onNear={(count) => { if (!found.isAll) void reach(count) }} />
      {found.isAll && deals.length === 0 && <p class="state">{words.say(snapshot.manifest.total_requests === 0 ? 'app.deals.never' : 'app.deals.none')}</p>}
    </Card>
  )
}

const summary = ({ words, format }: ViewProps, found: Found): string => {
  const count = found.deals.length
  if (!found.isAll) return words.say('app.deals.so_far', { count: format.count(count), looked: format.count(found.looked) })
  const revenue = found.deals.reduce((sum, { page, at }) => sum + page.revenue[at]!, 0)
  return `${words.count('app.deals.count', count, format.count(count))} ${words.say('app.deals.revenue', { revenue: format.amount(revenue) })}`
}

const SUMMED = ['requests', 'qualified', 'sales', 'revenue'] as const

/** What the choice has of its requests: the figure that was clicked. Where the report has another one, what is missing. */
const Parts = ({ props, choice, deals }: { props: ViewProps, choice: Choice, deals: readonly Deal[] }): ComponentChild => {
  const { words, format, snapshot, state, now } = props
  const sum = useMemo(() => sumOf(deals.map(({ page, at }) => choice.part(page, at))), [deals, choice])
  const isOwn = (['from', 'to', 'model', 'basis', 'currency', 'place', 'filters'] as const).every((key) => JSON.stringify(now.query[key]) === JSON.stringify(state[key]))
  const key = isOwn && state.search.trim() === '' && canOpen(snapshot, state) ? SUMMED.find((one) => one === choice.measure) : undefined
  const told = (one: keyof Part, value: number): string => one === 'revenue' ? format.amount(value) : format.count(value)
  const figure = key === undefined ? 0 : now.total()[key]
  const tolerance = key === 'revenue' ? deals.length : 1e-4 // kopecks: the payments of a deal are cut one by one
  return (
    <>
      <p class="state parts">{words.say('app.deals.parts', { ...Object.fromEntries(SUMMED.map((one) => [one, told(one, sum[one])])), profit: format.amount(sum.profit), weight: format.count(sum.weight) })}</p>
      {key !== undefined && Math.abs(figure - sum[key]) > tolerance &&
        <p class="state stale">{words.say('app.deals.rest', { figure: told(key, figure), sum: told(key, sum[key]) })}</p>}
    </>
  )
}

const MOST_PRINTED = 1000

const List = ({ props, deals, choice, onNear }: {
  props: ViewProps, deals: readonly Deal[], choice: Choice, onNear: (count: number) => void
}): ComponentChild => {
  const { words, format, state, go } = props
  const scroller = useRef<HTMLDivElement>(null)
  const table = useRef<HTMLTableElement>(null)
  const isPrinting = usePrinting()
  const isLong = deals.length > 40 && !isPrinting
  const virtual = useVirtual(deals.length, 62, scroller, isLong, (at) => deals[at]?.key ?? at)
  const drawn = isLong ? virtual.items.map((item) => item.index) : deals.slice(0, MOST_PRINTED).map((_, at) => at)
  const last = drawn[drawn.length - 1] ?? 0
  useEffect(() => { onNear(last + AHEAD) }, [last, deals.length])
  useLayoutEffect(() => { if (table.current !== null) rove(table.current) })
  const fold = (key: string): void => go({ open: state.open.includes(key) ? state.open.filter((one) => one !== key) : [...state.open, key] })
  const heads = (['when', 'deal', 'source', 'status', 'part', 'revenue', 'gross_profit'] as const).filter((key) => key !== 'part' || choice.isParted)
  return (
    <div class={isLong ? 'wide long' : 'wide'} ref={scroller}>
      <table ref={table} class="live deal-list" role="treegrid" aria-label={words.say('app.views.deals')} aria-rowcount={deals.length + 1}
        onKeyDown={(event) => onKey(event, fold, (at) => { if (at < 0 || at >= deals.length) return false; if (isLong) virtual.show(at); return isLong })}>
        <thead role="rowgroup"><tr role="row">
          {heads.map((key) => <th key={key} role="columnheader" scope="col" class={['part', 'revenue', 'gross_profit'].includes(key) ? '' : key === 'when' ? 'name' : 'text'}>
            {key === 'revenue' || key === 'gross_profit' ? words.metric(key) : words.say(`app.deals.heads.${key}`)}</th>)}
        </tr></thead>
        {isLong && virtual.before > 0 && <tbody aria-hidden="true"><tr class="gap" style={{ height: `${virtual.before}px` }} /></tbody>}
        {drawn.map((at) => {
          const deal = deals[at]!
          return <Row key={deal.key} props={props} deal={deal} index={at} choice={choice} isOpen={state.open.includes(deal.key)} fold={fold} measure={isLong ? virtual.measure : null} />
        })}
        {isLong && virtual.after > 0 && <tbody aria-hidden="true"><tr class="gap" style={{ height: `${virtual.after}px` }} /></tbody>}
      </table>
      {isPrinting && deals.length > MOST_PRINTED && <p class="state">{words.say('app.cut_print', { count: format.count(MOST_PRINTED), all: format.count(deals.length) })}</p>}
    </div>
  )
}

const Row = ({ props, deal, index, choice, isOpen, fold, measure }: {
  props: ViewProps, deal: Deal, index: number, choice: Choice, isOpen: boolean, fold: (key: string) => void
  measure: ((element: HTMLElement | null) => void) | null
}): ComponentChild => {
  const { snapshot, words, format, state } = props
  const { page, at, key } = deal
  const step = heaviest(page, at, choice.model)
  const first = page.deals[at]![0]
  const place = step < 0 ? 0 : page.source[at]![step]![0]
  const names = step < 0 ? [words.say('app.deals.no_source')] : snapshot.namesOf(place)
  const length = page.path_length?.[at] ?? page.source[at]!.length
  const part = choice.part(page, at)
  return (
    <tbody role="rowgroup" data-index={index} ref={measure}>
      <tr role="row" data-index={index} data-key={key} aria-level={1} aria-rowindex={index + 2} aria-expanded={isOpen}>
        <th role="rowheader" scope="row" class="name">
          <button type="button" class={isOpen ? 'fold open' : 'fold'} aria-expanded={isOpen} onClick={() => fold(key)}>
            {format.at(page.at[at]!)}<span class="unseen">{words.say('app.deals.open', { what: first?.id ?? page.id[at]! })}</span></button>
        </th>
        <td role="gridcell" class="text" data-name={words.say('app.deals.heads.deal')}>
          {first === undefined ? words.say('app.deals.without') : <CrmLink props={props} deal={first} />}
          <small><bdi>{[snapshot.dims.contact[page.dim[at]!] || page.contact[at], snapshot.dims.manager[page.dim[at]!], page.order[at]].filter(Boolean).join(' · ')}</bdi></small>
        </td>
        <td role="gridcell" class="text" data-name={words.say('app.deals.heads.source')}>
          {step >= 0 && <i class="mark" style={{ borderColor: snapshot.places.colour[channelOf(snapshot.places.parent, place)] || 'var(--line)' }} />}
          <bdi>{names.slice(0, 3).map((name) => name || words.say('app.unset')).join(' › ')}</bdi>
          <small>{step < 0 ? noTouchText(props, page, at) : words.say(`app.why.${whyOf(snapshot, page, at, state.model)}`, { touch: page.source[at]![step]![3] ?? step + 1, of: length })}</small>
        </td>
        <td role="gridcell" class="text" data-name={words.say('app.deals.heads.status')}>{statusOf(props, deal)}</td>
        {choice.isParted && <td role="gridcell" data-name={words.say('app.deals.heads.part')}>{format.share(part.weight)}</td>}
        <td role="gridcell" data-name={words.metric('revenue')} class={page.revenue[at] === 0 ? 'none' : ''}>{page.revenue[at] === 0 ? EMPTY : format.amount(page.revenue[at]!)}
          {part.revenue !== page.revenue[at] && <small>{words.say('app.deals.of_it', { sum: format.amount(part.revenue) })}</small>}</td>
        <td role="gridcell" data-name={words.metric('gross_profit')} class={page.profit[at] === null ? 'none' : ''}>{format.amount(page.profit[at]!)}
          {part.profit !== page.profit[at] && <small>{words.say('app.deals.of_it', { sum: format.amount(part.profit) })}</small>}</td>
      </tr>
      {isOpen && <tr role="row" class="detail" aria-level={2}><td role="gridcell" colSpan={7}><Detail props={props} deal={deal} choice={choice} /></td></tr>}
    </tbody>
  )
}

/** Why a request has no touch: the reason, and of visits that are not counted why not. */
const noTouchText = ({ words, snapshot, state }: ViewProps, page: Requests, at: number): string => {
  const reason = words.name('reasons', page.reason[at] ?? '')
  const why = whyOf(snapshot, page, at, state.model)
  return why === 'no_touch' ? reason || words.say('app.why.no_touch') : `${reason}: ${words.say(`app.why.${why}`, { reason: page.left_out?.[at] ?? '' })}`
}

const channelOf = (parent: readonly number[], place: number): number => {
  let at = place
  while (at > 0 && parent[at]! > 0) at = parent[at]!
  return at
}

const statusOf = ({ words, format, snapshot }: ViewProps, { page, at }: Deal): ComponentChild => {
  const first = page.deals[at]![0]
  const marks = [
    page.counted[at] ? '' : words.say('app.deals.uncounted'), page.qualified[at] ? words.metric('qualified') : '',
    first?.sale_day !== null && first?.sale_day !== undefined ? words.say('app.deals.sold', { day: format.shortDay(snapshot.iso(first.sale_day)) }) : '',
    page.loss_reason[at] ?? ''
  ].filter(Boolean)
  return <><bdi>{first?.status || first?.stage || (first === undefined ? '' : words.name('meanings', first.meaning ?? ''))}</bdi><small><bdi>{marks.join(' · ')}</bdi></small></>
}

/** A deal's number, as a link into the CRM where the manifest knows its address. */
const CrmLink = ({ props, deal }: { props: ViewProps, deal: DealInfo }): ComponentChild => {
  const [provider = '', ...rest] = deal.id.split(':')
  const address = props.snapshot.manifest.crm?.[provider]
  const number = rest.join(':') || deal.id
  if (address === undefined || !/^https:\/\//.test(address) || !/^\d+$/.test(number)) return <bdi class="strong">{number}</bdi>
  return <a class="crm" href={address + number} target="_blank" rel="noopener noreferrer" title={props.words.say('app.deals.crm')}>{number}</a>
}

const Detail = ({ props, deal, choice }: { props: ViewProps, deal: Deal, choice: Choice }): ComponentChild => {
  const { snapshot, words, format, state } = props
  const { page, at } = deal
  const path = page.source[at]!
  const length = page.path_length?.[at] ?? path.length
  const dim = page.dim[at]!
  const facts = ([
    ['request', page.id[at]], ['match', words.name('match_methods', page.match[at] ?? '')], ['order', page.order[at]],
    ['pipeline', snapshot.dims.pipeline[dim]], ['branch', snapshot.dims.branch[dim]], ['product', snapshot.dims.product[dim]],
    ['loss', [page.loss_reason[at], page.loss_group[at]].filter(Boolean).join(' · ')],
    ['communications', page.communications[at] === null ? '' : format.count(page.communications[at]!)],
    ['receivable', page.receivable[at] === null ? '' : format.amount(page.receivable[at]!)]
  ] as const).filter(([, value]) => value)
  return (
    <div class="deal-detail">
      <div>
        <h3>{words.say('app.deals.path', { model: words.name('models', state.model) })}</h3>
        {path.length === 0 ? <p class="muted">{noTouchText(props, page, at)}</p> : (
          <ol>{path.map(([place, time, weights, position], step) => (
            <li key={step} value={position ?? step + 1} class={weights[choice.model] ? 'strong' : ''}>
              <bdi>{snapshot.namesOf(place).map((name) => name || words.say('app.unset')).join(' › ')}</bdi>
              <small>{format.at(time)} · {format.share(weights[choice.model] ?? 0)}</small>
            </li>
          ))}</ol>
        )}
        {length > path.length && path.length > 0 && <p class="muted">{words.say('app.deals.cut_path', { shown: path.length, of: length })}</p>}
      </div>
      <div>
        <h3>{words.say('app.deals.about')}</h3>
        <dl>{facts.map(([key, value]) => <div key={key}><dt>{words.say(`app.deals.facts.${key}`)}</dt><dd><bdi>{value}</bdi></dd></div>)}</dl>
        {page.deals[at]!.length > 1 && <ul>{page.deals[at]!.map((one) => <li key={one.id}><CrmLink props={props} deal={one} /> <bdi>{one.status || one.stage}</bdi> {one.amount ? format.amount(one.amount) : ''}</li>)}</ul>}
      </div>
    </div>
  )
}

const sheetOf = (props: ViewProps, choice: Choice, deals: readonly Deal[]): Sheet => {
  const { snapshot, words, format } = props
  const text = (value: string | undefined): Cell => ({ kind: 'text', value: value ?? '' })
  const money = (value: number | null | undefined): Cell => ({ kind: 'money', value: value === null || value === undefined ? null : value / 100 })
  const heads = ['when', 'request', 'deal', 'source', 'touches', 'status', 'manager', 'pipeline', 'branch', 'product', 'contact', 'loss', 'order'] as const
  return {
    name: words.say('app.views.deals'),
    head: [...heads.map((key) => words.say(words.has(`app.deals.heads.${key}`) ? `app.deals.heads.${key}` : words.has(`app.dims.${key}`) ? `app.dims.${key}` : `app.deals.facts.${key}`)), words.metric('revenue'), words.metric('gross_profit'),
      ...(['part', 'sales_part', 'revenue_part', 'profit_part'] as const).map((key) => words.say(`app.deals.heads.${key}`))],
    rows: deals.map(({ page, at }) => {
      const step = heaviest(page, at, choice.model)
      const dim = page.dim[at]!
      const part = choice.part(page, at)
      return [
        text(format.at(page.at[at]!)), text(page.id[at]), text(page.deals[at]!.map((deal) => deal.id).join(', ')),
        text(step < 0 ? words.say('app.deals.no_source') : snapshot.namesOf(page.source[at]![step]![0]).join(' › ')),
        { kind: 'count', value: page.path_length?.[at] ?? page.source[at]!.length },
        text(page.deals[at]![0]?.status || page.deals[at]![0]?.stage), ...(['manager', 'pipeline', 'branch', 'product', 'contact'] as const).map((name) => text(snapshot.dims[name][dim])),
        text(page.loss_reason[at]), text(page.order[at]), money(page.revenue[at]), money(page.profit[at]),
        { kind: 'share', value: part.weight }, { kind: 'count', value: part.sales }, money(part.revenue), money(part.profit)
      ]
    })
  }
}

export const view: View = { name: 'deals', title: (words) => words.say('app.views.deals'), show: (props) => <Deals {...props} />, covers: true }
