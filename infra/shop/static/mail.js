// A report takes up to half a minute: the button says so, and cannot be pressed twice. A page that comes back from the browser's
// cache has its button again.
(() => {
  const button = document.getElementById('send')
  const name = button.textContent
  button.form.addEventListener('submit', () => {
    button.disabled = true
    button.textContent = 'Собираем отчёт, до полминуты…'
  })
  addEventListener('pageshow', () => {
    button.disabled = false
    button.textContent = name
  })
})()

// The letter is as high as its content: one page to scroll, not a window within it. Its frame runs no scripts (sandbox, CSP).
;(() => {
  const frame = document.querySelector('.letter iframe')
  if (!frame) return
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
