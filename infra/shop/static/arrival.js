// A stand-in for the real web: on this machine nobody can come from yandex.ru, so the ad link (go.js) leaves the address here, and
// the page that opens next takes it as its referrer, once. A real shop has nothing like this.
(() => {
  try {
    const told = sessionStorage.getItem('demo_referrer')
    if (told === null) return
    sessionStorage.removeItem('demo_referrer')
    Object.defineProperty(document, 'referrer', { value: told, configurable: true })
  } catch (e) { /* without storage the visit comes from nowhere */ }
})()
