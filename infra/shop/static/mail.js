// The letter is as high as its content: one page to scroll, not a window within it. Its frame runs no scripts (sandbox, CSP).
(() => {
  const frame = document.querySelector('.letter iframe')
  const fit = () => {
    const letter = frame.contentDocument
    if (!letter || !letter.body || letter.URL === 'about:blank') return
    frame.style.height = '0' // a document is never lower than its window: without this it could not shrink
    frame.style.height = letter.documentElement.scrollHeight + 'px'
  }
  let width = 0
  frame.addEventListener('load', fit)
  addEventListener('resize', () => {
    if (frame.clientWidth === width) return // phones resize while scrolling, as the address bar hides
    width = frame.clientWidth
    fit()
  })
  fit()
})()
