// Answers of the app to questions that Python answers as well (tests/unit/test_app_same.py): one JSON in, one JSON out.
import { readFileSync } from 'node:fs'
import { Snapshot, type Manifest, type Places } from '../src/data'
import { Format } from '../src/format'
import { valueOf, verdictOf, type Sums } from '../src/metrics'
import { NOT_SPLIT, treeOf, type Node } from '../src/tree'

interface Question {
  formats: { language: string, currency: string, key: string, value: number }[]
  tree: { places: Places, own: { [place: string]: Sums }, thresholds: Manifest['thresholds'] }
}
const MEASURES = ['cost', 'visits', 'requests', 'qualified', 'sales', 'revenue', 'gross_profit', 'cpl', 'cpo', 'roas', 'romi', 'margin_romi']
const asked = JSON.parse(readFileSync(0, 'utf8')) as Question

const told = (node: Node): unknown => ({
  name: node.isNotSplit ? NOT_SPLIT : node.id,
  verdict: node.level === 1 ? verdictOf(node.sums, asked.tree.thresholds) : '',
  values: MEASURES.map((key) => valueOf(key, node.sums, node.isNotSplit)),
  children: node.level === 3 ? [] : node.children.map(told)
})
const manifest = { history: { from: '2026-01-01', to: '2026-01-31' }, files: {}, pages: [], months: [] } as unknown as Manifest
const { places, own } = asked.tree
const snapshot = new Snapshot(manifest, places, { pipeline: [], manager: [], branch: [], product: [], contact: [] }, async () => ({}))
process.stdout.write(JSON.stringify({
  formats: asked.formats.map(({ language, currency, key, value }) => new Format(language, currency).figure(key, value, true)),
  tree: told(treeOf(snapshot, places.id.map((_, place) => own[place]), true))
}))
