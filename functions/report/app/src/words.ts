// Texts of the reader's language, by their path: say('app.period'), say('views.funnel.title').

import type { Manifest, Texts } from './data'

const isTree = (texts: Texts | undefined): texts is { readonly [key: string]: Texts } =>
  typeof texts === 'object' && !Array.isArray(texts)

export class Words {
  private readonly tree: { readonly [key: string]: Texts }
  private readonly rules: Intl.PluralRules

  constructor (manifest: Pick<Manifest, 'language' | 'texts' | 'views' | 'metrics' | 'names'>) {
    const inTexts = isTree(manifest.texts) ? manifest.texts : {}
    this.tree = {
      app: manifest.texts,
      views: manifest.views ?? inTexts['views'] ?? {},
      metrics: manifest.metrics ?? inTexts['metrics'] ?? manifest.names['metrics'] ?? {},
      ...manifest.names
    }
    this.rules = new Intl.PluralRules(manifest.language)
  }

  /** Whether there is such a text. */
  has (path: string): boolean { return this.at(path) !== undefined }

  /** The tree, list or text of a path. */
  at (path: string): Texts | undefined {
    let found: Texts | undefined = this.tree
    for (const part of path.split('.')) {
      if (found === undefined || typeof found === 'string') return undefined
      found = (found as { readonly [key: string]: Texts })[part]
    }
    return found
  }

  /** A text with its {places} filled; the path itself where there is none, so that what is missing is seen. */
  say (path: string, places: { readonly [name: string]: string | number } = {}): string {
    const found = this.at(path)
    return typeof found === 'string' ? fill(found, places) : path
  }

  /** The form for a number, which itself is {count} (`shown`: as it is to be written). */
  count (path: string, count: number, shown = String(count), places: { readonly [name: string]: string } = {}): string {
    const forms = this.at(path)
    if (!Array.isArray(forms)) return this.say(path, { ...places, count: shown })
    const order = this.rules.resolvedOptions().pluralCategories.length > 2 ? ['one', 'few', 'many'] : ['one', 'other']
    const at = order.indexOf(this.rules.select(count))
    return fill(String(forms[at < 0 ? forms.length - 1 : at] ?? ''), { ...places, count: shown })
  }

  /** A metric's name. */
  metric (key: string): string {
    const own = `app.metrics.${key}`
    return this.has(own) ? this.say(own) : this.has(`metrics.${key}`) ? this.say(`metrics.${key}`) : key
  }

  /** A name among the manifest's (`models`, `meanings`, `contact_channels` …), or the word itself. */
  name (kind: string, word: string): string {
    const found = this.at(`${kind}.${word}`)
    return typeof found === 'string' ? found : Array.isArray(found) && typeof found[0] === 'string' ? found[0] : word
  }
}

export const fill = (text: string, places: { readonly [name: string]: string | number }): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => name in places ? String(places[name]) : whole)
