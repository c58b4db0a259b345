// What comes into the page later, or changes there: blocks, texts, attributes, shadow roots.

import { SEEN, shadowsIn, swapAttributes, swapIn } from './swap'

/** What comes is swapped as it comes, and told now and then. */
export const watch = (tell: () => void): void => {
  let timer = 0
  const observer = new MutationObserver((changed) => {
    for (const { type, target, addedNodes } of changed) {
      if (type === 'attributes') swapAttributes(target as Element)
      if (type === 'characterData') swapIn(target)
      for (const node of addedNodes) {
        if (node instanceof Element) shadowsIn(node).forEach(see)
        swapIn(node)
      }
    }
    timer = timer || setTimeout(() => { timer = 0; tell() }, 300)
  })
  const see = (root: Node): void =>
    observer.observe(root, { childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: SEEN })
  const page = document.documentElement
  for (const root of [page, ...shadowsIn(page)]) see(root)
  // An element that is on the page already may become a shadow host: nothing else tells of it.
  const { attachShadow } = Element.prototype
  Element.prototype.attachShadow = function (how) {
    const root = attachShadow.call(this, how)
    if (this.shadowRoot) see(root)
    return root
  }
}
