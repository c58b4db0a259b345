// What comes into the page later, or changes there: blocks, texts, attributes, shadow roots.

import { rootsIn, SEEN, swapIn } from './swap'

/** What comes is swapped as it comes, and told now and then: who is told may read the page, for a fiftieth of the time at most. */
export const watch = (tell: () => void): void => {
  let timer = 0
  let rest = 0
  const observer = new MutationObserver((changed) => {
    const nodes = new Set<Node>()
    for (const { type, target, addedNodes } of changed) {
      if (type !== 'childList') nodes.add(target)
      for (const node of addedNodes) {
        if (node instanceof Element) rootsIn(node).slice(1).forEach(see)
        nodes.add(node)
      }
    }
    swapIn(nodes)
    timer = timer || setTimeout(() => {
      const began = Date.now()
      tell()
      rest = 50 * (Date.now() - began)
      timer = 0
    }, 300 + rest)
  })
  const see = (root: Node): void =>
    observer.observe(root, { childList: true, subtree: true, characterData: true, attributeFilter: SEEN })
  rootsIn(document.documentElement).forEach(see)
  // An element that is on the page already may become a shadow host: nothing else tells of it.
  const { attachShadow } = Element.prototype
  Element.prototype.attachShadow = function (how) {
    const root = attachShadow.call(this, how)
    if (this.shadowRoot) see(root)
    return root
  }
}
