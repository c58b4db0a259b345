// Qualification and disqualification of requests by channel, with the reasons. Pure.

export interface Judged {
  counted: boolean
  qualified: boolean
  disqualified: boolean
  reason: string
  group: string
  shares: readonly (readonly [channel: number, weight: number])[] // of the request, adding up to 1; the channel "no source" where it has no path
}

export interface Row {
  channel: number
  listed: number // requests and deals on the list, counted or not
  counted: number
  qualified: number
  disqualified: number
  open: number // counted, neither qualified nor disqualified yet
  reasons: Map<string, number> // group + "\u0000" + reason → disqualified
}

export function rowsOf(requests: Iterable<Judged>): Map<number, Row> {
  const rows = new Map<number, Row>()
  for (const request of requests) {
    for (const [channel, weight] of request.shares) add(rowFor(rows, channel), request, weight)
  }
  return rows
}

export function totalOf(rows: Iterable<Row>): Row {
  const total = empty(-1)
  for (const row of rows) {
    for (const name of ['listed', 'counted', 'qualified', 'disqualified', 'open'] as const) total[name] += row[name]
    for (const [reason, weight] of row.reasons) total.reasons.set(reason, (total.reasons.get(reason) ?? 0) + weight)
  }
  return total
}

export interface Reason {
  group: string
  reason: string
  count: number
  share: number
}

/** Reasons of a row, most frequent first, groups kept together by their own sum. */
export function reasonsOf(row: Row): Reason[] {
  const groups = new Map<string, number>()
  const all = [...row.reasons].map(([key, count]) => {
    const [group, reason] = key.split('\u0000') as [string, string]
    groups.set(group, (groups.get(group) ?? 0) + count)
    return { group, reason, count, share: row.disqualified > 0 ? count / row.disqualified : 0 }
  })
  const size = (group: string): number => groups.get(group) as number
  return all.sort((one, other) => size(other.group) - size(one.group) || one.group.localeCompare(other.group) || other.count - one.count || one.reason.localeCompare(other.reason))
}

function rowFor(rows: Map<number, Row>, channel: number): Row {
  const known = rows.get(channel) ?? empty(channel)
  rows.set(channel, known)
  return known
}

function empty(channel: number): Row {
  return { channel, listed: 0, counted: 0, qualified: 0, disqualified: 0, open: 0, reasons: new Map() }
}

function add(row: Row, request: Judged, weight: number): void {
  row.listed += weight
  if (request.counted) row.counted += weight
  if (request.qualified) row.qualified += weight
  if (request.disqualified) {
    row.disqualified += weight
    const key = `${request.group}\u0000${request.reason}`
    row.reasons.set(key, (row.reasons.get(key) ?? 0) + weight)
  }
  if (request.counted && !request.qualified && !request.disqualified) row.open += weight
}
