// Numbers in the page: tel: links and texts, in the page's own spelling where the digits agree.

const BETWEEN = '[\\s().\\u2010-\\u2015-]*'
const LEFT_ALONE = '[data-skvoz-noswap],head,script,style,textarea,[contenteditable]'
const TEL = 'a[href^="tel:"]'
const MOST_CHANGES = 1000 // two scripts that undo each other must come to an end

let from: string[] = [] // digits of the numbers to swap
let numbers: RegExp
let number = ''
let shown = ''
let changes = 0

/** Digits that tell a number: Russian ones without their 7 or 8. */
export const digits = (text: string): string => text.replace(/\D/g, '').replace(/^[78](?=\d{10}$)/, '')

/** Any spelling of these numbers: the character before, and the number. */
const spellings = (of: string[]): RegExp =>
  new RegExp(`(^|\\D)(\\+?(?:[78]${BETWEEN})?(?:${of.map((one) => [...one].join(BETWEEN)).join('|')}))(?!\\d)`, 'g')

const respell = (_: string, before: string, found: string): string => {
  const own = found.replace(/\D/g, '')
  const wanted = digits(number)
  if (digits(found).length !== wanted.length) return before + shown
  const rest = [...own.slice(0, own.length - wanted.length) + wanted]
  return before + found.replace(/\d/g, () => rest.shift()!)
}

const isLeftAlone = (node: Node): boolean => !!(node instanceof Element ? node : node.parentElement)?.closest(LEFT_ALONE)

/** Texts that read as one, as the parts of a link do: a number may be spread over them while its length stays. */
const swapTexts = (texts: Text[]): void => {
  const before = texts.map((text) => text.data).join('')
  const after = before.replace(numbers, respell)
  if (after === before || (texts[1] && after.length !== before.length)) return
  let at = 0
  for (const text of texts) {
    const part = texts[1] ? after.slice(at, at += text.length) : after
    if (part !== text.data && changes++ < MOST_CHANGES) text.data = part
  }
}

const textsIn = (root: Node): Text[] => {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  const texts: Text[] = []
  if (root instanceof Text) texts.push(root)
  while (walker.nextNode()) texts.push(walker.currentNode as Text)
  return texts.filter((text) => /\d\d/.test(text.data) && !isLeftAlone(text))
}

const swapLink = (link: Element): void => {
  const href = link.getAttribute('href')!
  const wanted = 'tel:' + number
  if (from.includes(digits(href)) && href !== wanted && changes++ < MOST_CHANGES) link.setAttribute('href', wanted)
  swapTexts(textsIn(link))
}

const swapIn = (root: Node): void => {
  if (!number) return
  if (root instanceof Element) {
    for (const link of [root, ...root.querySelectorAll(TEL)]) if (link.matches(TEL) && !isLeftAlone(link)) swapLink(link)
  }
  for (const text of textsIn(root)) swapTexts([text])
}

/** From now on these numbers, and those shown before, become this one. */
export const swap = (these: string[], to: string, spelled: string): void => {
  from = [...from, ...these, digits(to)]
  numbers = spellings(from)
  number = to
  shown = spelled
  swapIn(document.documentElement)
}

/** Whether the page has something to swap: a tel: link, or one of these numbers in its text. */
export const hasPhone = (these: string[]): boolean =>
  !!document.querySelector(TEL) || (!!these[0] && spellings(these).test(document.body?.textContent || ''))

/** What comes later is swapped as it comes, and told now and then. */
export const watch = (tell: () => void): void => {
  let timer = 0
  new MutationObserver((changed) => {
    for (const change of changed) {
      if (change.type === 'characterData') swapIn(change.target)
      change.addedNodes.forEach(swapIn)
    }
    timer = timer || setTimeout(() => { timer = 0; tell() }, 300)
  }).observe(document.documentElement, { childList: true, subtree: true, characterData: true })
}
