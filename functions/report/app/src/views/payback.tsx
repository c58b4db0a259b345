// «Окупаемость рекламы»: actions, requests and sales of advertising with their prices, the return, the table down to ads.
import type { ComponentChild } from 'preact'
import { valueOf } from '../metrics'
import { Card, Change, Link } from '../ui'
import type { View, ViewProps } from '../view'
import { PRICES, adRows, columnsOf, returnOf, type Bar as Source, type Column } from './logic/payback'
import type { PlaceRow } from './logic/rows'
import { Bar, Page, Pick, PlaceTable, behind, dealsOf, keep, metricColumn, rowsUnder, sayIn, totalOf, verdictColumn } from './parts'

const MOST_BARS = 10

const show = (props: ViewProps): ComponentChild => {
  const { words, state, snapshot } = props
  const say = sayIn(words, 'payback')
  const chosen = snapshot.placeAt(state.place) ?? 0
  const rows = (chosen === 0 ? adRows(rowsUnder(props), snapshot.places.is_ad) : rowsUnder(props, chosen))
  const total = totalOf(rows, words.say('views.total'))
  const middle = state.more['middle'] === 'qualified' ? 'qualified' : 'requests'
  const columns = columnsOf(rows.map((row) => ({ place: row.place, name: row.name, colour: row.colour, now: row.sums, before: row.before })), total.sums, total.before, middle)
  return (
    <Page props={props} view="payback" lead>
      <div class="payback-top">
        <div>
          <div class="view-bar">
            <System props={props} chosen={chosen} />
            <Pick label={say('middle')} value={middle} options={[['requests', say('requests')], ['qualified', say('qualified')]]} onPick={(to) => keep(props, { middle: to })} />
          </div>
          <Trail props={props} chosen={chosen} />
        </div>
        {rows.length > 0 && <Return props={props} total={total} chosen={chosen} />}
      </div>
      {rows.length === 0 ? <Card><p class="state">{say('empty')}</p></Card> : <>
        <div class="payback-columns">{columns.map((column) => <Part key={column.count} props={props} column={column} rows={rows} />)}</div>
        <Card title={say('table')} id="payback-table" note={`${say('paid')} ${say('deeper')}`}>
          <PlaceTable props={props} name={say('table')} head={words.say('views.channel')} rows={rows} total={total} columns={tableColumns(props)} />
        </Card>
      </>}
    </Page>
  )
}

const System = ({ props, chosen }: { props: ViewProps, chosen: number }): ComponentChild => {
  const { snapshot, words } = props
  const say = sayIn(words, 'payback')
  const channels = (snapshot.children[0] ?? []).filter((place) => snapshot.places.is_ad[place] !== false && snapshot.places.kind[place] === '')
  const root = channelOf(props, chosen)
  const all = root === 0 || channels.includes(root) ? channels : [root, ...channels]
  return <Pick label={say('system')} value={String(root)} onPick={(place) => props.go({ place: snapshot.pathTo(Number(place)) }, true)}
    options={[['0', say('every')], ...all.map((place) => [String(place), snapshot.places.name[place] ?? ''] as const)]} />
}

const channelOf = ({ snapshot }: ViewProps, place: number): number => {
  let at = place
  while (at > 0 && (snapshot.places.level[at] ?? 0) > 1) at = snapshot.places.parent[at] ?? 0
  return at
}

/** Where one is: all advertising › a system › a campaign. */
const Trail = ({ props, chosen }: { props: ViewProps, chosen: number }): ComponentChild => {
  const { snapshot } = props
  const places: number[] = []
  for (let at = chosen; at > 0; at = snapshot.places.parent[at] ?? 0) places.unshift(at)
  const every = props.words.say('views.payback.every')
  return (
    <nav class="trail" aria-label={every}>
      {chosen === 0 ? <strong>{every}</strong> : <Link {...props} change={{ place: '' }}>{every}</Link>}
      {places.map((place) => <span key={place}> › {place === chosen ? <strong><bdi>{snapshot.places.name[place]}</bdi></strong>
        : <Link {...props} change={{ place: snapshot.pathTo(place) }}><bdi>{snapshot.places.name[place]}</bdi></Link>}</span>)}
    </nav>
  )
}

const Return = ({ props, total, chosen }: { props: ViewProps, total: PlaceRow, chosen: number }): ComponentChild => {
  const { words, format } = props
  const say = sayIn(words, 'payback')
  const { romi, roi, marginRomi } = returnOf(total.sums, total.before)
  const name = chosen === 0 ? say('every') : props.snapshot.places.name[chosen] ?? ''
  return (
    <section class="card return" aria-label={say('roi_of', { name })}>
      <p class="over"><bdi>{say('roi_of', { name })}</bdi></p>
      <dl>
        <div class="main"><dt>{say('romi')}</dt><dd>{format.percent(romi)} <Change metric="romi" now={romi} before={total.before && valueOf('romi', total.before)} props={props} /></dd></div>
        <div class="main"><dt>{say('margin_romi')}</dt><dd class={marginRomi !== null && marginRomi < 0 ? 'bad' : ''}>{format.percent(marginRomi)} <Change metric="margin_romi" now={marginRomi} before={total.before && valueOf('margin_romi', total.before)} props={props} /></dd></div>
        <div title={say('roi_help')}><dt>{say('roi')}</dt><dd>{format.share(roi)}</dd></div>
      </dl>
      <p class="muted small">{say('roi_help')}</p>
    </section>
  )
}

const Part = ({ props, column, rows }: { props: ViewProps, column: Column, rows: readonly PlaceRow[] }): ComponentChild => {
  const { words, format } = props
  const say = sayIn(words, 'payback')
  const title = column.count === 'clicks' || column.count === 'visits' ? say('actions') : say(column.count)
  const dearest = Math.max(0, ...column.bars.map((bar) => bar.price ?? 0))
  const shown = column.bars.slice(0, MOST_BARS)
  const hidden = column.bars.length - shown.length
  const price = PRICES[column.count]
  return (
    <section class="card payback-part" aria-label={title}>
      <h2>{title}</h2>
      <ul>{shown.map((bar) => {
        const row = rows.find((one) => one.place === bar.place && one.name === bar.name)
        return <Item key={row?.key ?? bar.place} props={props} bar={bar} row={row} count={column.count} dearest={dearest} />
      })}</ul>
      {hidden > 0 && <p class="muted small">{say('more', { count: hidden })}</p>}
      <dl class="sum">
        <div><dt>{say(`price.${column.count}`)}</dt><dd>{format.money(column.price)}{' '}
          <Change metric={price} now={column.price} before={column.priceBefore} props={props} /></dd>
          {column.priceBefore !== null && <dd class="muted small">{words.say('views.was', { value: format.money(column.priceBefore) })}</dd>}</div>
        <div><dt>{say(`count.${column.count}`)}</dt><dd>{format.count(column.total)}{' '}
          <Change metric={column.count} now={column.total} before={column.totalBefore} props={props} /></dd></div>
      </dl>
    </section>
  )
}

const Item = ({ props, bar, row, count, dearest }: { props: ViewProps, bar: Source, row: PlaceRow | undefined, count: Column['count'], dearest: number }): ComponentChild => {
  const { snapshot, format, words } = props
  const path = snapshot.pathTo(bar.place)
  const deals = row === undefined ? null : dealsOf(props, count)(row)
  const text = bar.price === null ? words.say(`views.payback.${bar.count > 0 ? 'free' : 'none'}`) : format.money(bar.price)
  return (
    <li>
      <span class="who"><i class="mark" style={{ borderColor: bar.colour }} /><Link {...props} change={{ place: path }}><bdi>{bar.name}</bdi></Link></span>
      <span class="price">{text}</span>
      <Bar share={bar.price === null || dearest === 0 ? 0 : bar.price / dearest} colour={bar.colour} />
      <span class="count">{deals === null ? format.count(bar.count) : <Link {...props} change={deals} class="figure">{format.count(bar.count)}</Link>}</span>
    </li>
  )
}

const tableColumns = (props: ViewProps) => [
  ...['cost', 'impressions', 'clicks', 'ctr', 'cpc', 'visits', 'requests', 'cpl', 'qualified', 'cpql', 'request_to_sale', 'sales', 'cpo', 'revenue', 'gross_profit', 'romi', 'margin_romi', 'roi']
    .map((key) => metricColumn<PlaceRow>(props, key, behind(key, '') === null ? null : dealsOf(props, key), {
      isChange: ['cpc', 'cpl', 'cpo', 'margin_romi'].includes(key), isHidden: ['impressions', 'ctr', 'visits', 'qualified', 'cpql', 'gross_profit', 'romi', 'roi'].includes(key)
    })),
  verdictColumn(props)
]

export const view: View = { name: 'payback', title: (words) => words.say('views.payback.title'), show, covers: true }
