// Numbers in the page: tel: links, texts, also split over elements, and attributes that people or the site's scripts read.

import { data } from './page'
import { digits, respelled, spellings } from './spelling'

type Root = ParentNode & Node

const NOT_OURS = '[data-skvoz-noswap],.skvoz-noswap,[contenteditable]:not([contenteditable=false])'
const NO_TEXT = NOT_OURS + ',head,script,style,noscript,textarea,select'
const TEL = '[href^="tel:" i]'
const BUTTON = 'input[type=button],input[type=submit],input[type=reset]'
const READ = ['alt', 'title', 'aria-label', 'placeholder', 'data-phone', 'data-tel', ...(data.attributes || '').match(/data-[\w-]+/g) || []]
const ANY = [...READ.map((name) => `[${name}]`), TEL, BUTTON].join()
/** By name, not by style: asking for styles makes the browser lay the page out. */
const INLINE = /^(a|abbr|b|big|code|em|font|i|label|mark|nobr|s|small|span|strong|su[bp]|t(ime|span)|u|wbr)$/
/** NodeFilter's numbers. Enums, because they are written where they are used: the built file is smaller. */
const enum Walk { Elements = 1, Texts = 4, Take = 1, PassBy = 2, GoIn = 3 }
/** A second: two scripts that undo each other must come to an end. */
const enum Most { Rounds = 1000 }

export const SEEN = [...READ, 'href', 'value']

const seen = new Set<string>() // digits of the numbers shown
let numbers: RegExp
let number = ''
let shown = ''
let rounds = 0 // calls that changed something
let isChanged = false

const mayChange = (): boolean => rounds < Most.Rounds && (isChanged = true)

const isInline = (node: Node): boolean => INLINE.test((node as Element).localName)

/** Open shadow roots are pages within the page. */
export const rootsIn = (root: Root): Root[] => [root, ...[root, ...root.querySelectorAll('*')].flatMap((node) => {
  const { shadowRoot } = node as Element
  return shadowRoot ? rootsIn(shadowRoot) : []
})]

const nearest = (node: Node, selector: string): Element | null | undefined =>
  (node instanceof Element ? node : node.parentElement)?.closest(selector)

const within = (node: Node, selector: string): unknown => {
  const { host } = node.getRootNode() as ShadowRoot
  return nearest(node, selector) || host && within(host, selector)
}

const blockOf = (node: Node): Node | null => {
  let parent = node.parentNode
  while (parent && isInline(parent)) parent = parent.parentNode
  return parent
}

/** Texts of a root, those together that read as one: of one block, with nothing but inline elements between them. */
const runsIn = (root: Node, isShallow?: boolean): Text[][] => {
  const runs: Text[][] = []
  let run: Text[] = []
  let block: Node | null = null
  if (within(root, NO_TEXT)) return runs
  const walker = document.createTreeWalker(root, Walk.Elements | Walk.Texts, (node) => {
    if (!(node instanceof Element)) return Walk.Take
    const isOut = node.matches(NO_TEXT)
    if (!isOut && isInline(node)) return Walk.GoIn
    block = null
    return isOut || isShallow ? Walk.PassBy : Walk.GoIn
  })
  while (walker.nextNode()) {
    const text = walker.currentNode as Text
    const own = blockOf(text)
    if (own !== block) runs.push(run = [])
    block = own
    run.push(text)
  }
  return runs
}

const reads = (texts: Text[]): string => texts.map((text) => text.data).join('')

const exchange = (texts: Text[]): void => {
  const signs = respelled(reads(texts), numbers, number, shown)
  let at = 0
  for (const text of texts) {
    const part = signs.slice(at, at += text.length).join('')
    if (part !== text.data && mayChange()) text.data = part
  }
}

/** First what reads as one: a short number may be a part of a longer one. */
const swapRun = (run: Text[]): void => {
  if (!/\d/.test(reads(run))) return
  exchange(run)
  if (run[1]) for (const text of run) exchange([text])
}

const put = (element: Element, name: string, change: (value: string) => string): void => {
  const value = element.getAttribute(name)
  const wanted = value && change(value)
  if (wanted !== value && mayChange()) element.setAttribute(name, wanted!)
}

/** An element's link and what else of it is read aloud, hovered over, or by scripts. Values that people type are none of it. */
const swapAttributes = (element: Element): void => {
  if (!element.matches(ANY) || within(element, NOT_OURS)) return
  if (element.matches(TEL)) put(element, 'href', (href) => href.replace(numbers, (_, before: string) => before + number))
  for (const name of element.matches(BUTTON) ? [...READ, 'value'] : READ) {
    put(element, name, (value) => respelled(value, numbers, number, shown).join(''))
  }
}

/** Nodes that are new or changed, and what they read as one with, each once: the parts of a link always do. */
export const swapIn = (nodes: Iterable<Node>): void => {
  if (!number) return
  const links = new Set<Node>()
  const blocks = new Set<Node>()
  const roots = new Set<Node>()
  for (const node of nodes) {
    const link = nearest(node, TEL)
    const block = node instanceof Text || isInline(node) ? blockOf(node) : null
    if (link) links.add(link)
    if (block) blocks.add(block)
    if (!(node instanceof Element)) continue
    swapAttributes(node)
    for (const root of rootsIn(node)) {
      roots.add(root)
      for (const one of root.querySelectorAll(ANY)) {
        swapAttributes(one)
        if (one.matches(TEL)) links.add(one)
      }
    }
  }
  for (const link of links) swapRun(runsIn(link).flat())
  for (const block of blocks) runsIn(block, true).forEach(swapRun)
  for (const root of roots) runsIn(root).forEach(swapRun)
  // By a timer, not by the clock: while two scripts undo each other, none comes.
  if (isChanged && !rounds++) setTimeout(() => { rounds = 0 }, 1000)
  isChanged = false
}

/** From now on these numbers, and those shown before, become this one. */
export const swap = (these: string[], to: string, spelled: string): void => {
  numbers = spellings([...seen.add(digits(to)), ...these])
  number = to
  shown = spelled
  swapIn([document.documentElement])
}

/** Whether the page has something to swap: one of these numbers, or of those shown, in a link or a text; without them any tel: link. */
export const hasPhone = (these: string[]): boolean => {
  const sought = these[0] ? spellings([...seen, ...these]) : /./
  return rootsIn(document.documentElement).some((root) =>
    [...root.querySelectorAll(TEL)].some((link) => link.getAttribute('href')!.match(sought) && !within(link, NOT_OURS)) ||
    (these[0] && runsIn(root).some((run) => reads(run).match(sought))))
}
