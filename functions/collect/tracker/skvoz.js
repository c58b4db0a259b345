/* Skvoz tracker. <script async src="https://HOST/skvoz.js" data-site="SITE"></script>
   data-endpoint: where hits go (default: the script's origin). data-consent: granted, denied.
   skvoz.event(name), skvoz.request(requestId, formName) → request id for the CRM, skvoz.consent(word). */
(() => {
  const script = document.currentScript
  const site = script && script.dataset.site
  if (!site || window.skvoz) return

  const address = (script.dataset.endpoint || new URL(script.src).origin).replace(/\/$/, '') + '/v1/hits'
  const OUTBOX = 'skvoz_outbox_' + site
  const VISITOR = 'skvoz_visitor_' + site
  const MOST_KEPT = 100
  const MOST_SENT = 50
  const MOST_CHARACTERS = 20000 // three bytes each at most: keepalive requests share 64 KiB
  const OLDEST = 7 * 864e5
  const FIRST_PAUSE = 2000
  const LONGEST_PAUSE = 120000

  let consent = script.dataset.consent
  let memory = [] // the outbox where nothing may be written to the browser
  let visitor
  let failures = 0
  let flying = [] // ids on their way
  let timer
  let page
  let referrer = document.referrer

  const denied = () => consent ? consent === 'denied' : navigator.doNotTrack === '1' || navigator.globalPrivacyControl === true

  const read = (key) => {
    try { return JSON.parse(localStorage.getItem(key)) } catch (e) { return null }
  }
  const write = (key, value) => {
    try {
      value === null ? localStorage.removeItem(key) : localStorage.setItem(key, JSON.stringify(value))
      return true
    } catch (e) { return false }
  }

  // UUIDv7
  const id = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16))
    let time = Date.now()
    for (let i = 5; i >= 0; i--) { bytes[i] = time % 256; time = Math.floor(time / 256) }
    bytes[6] = bytes[6] & 15 | 112
    bytes[8] = bytes[8] & 63 | 128
    return [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('').replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  }

  // Hits wait here until the server has them; repeats keep their id.
  const outbox = () => {
    const kept = !denied() && read(OUTBOX)
    return (Array.isArray(kept) ? kept.filter((hit) => hit.t > Date.now() - OLDEST) : []).concat(memory)
  }
  const keep = (hits) => {
    hits = hits.slice(-MOST_KEPT)
    memory = !denied() && write(OUTBOX, hits) ? [] : hits
  }

  const who = () => {
    if (denied()) return write(VISITOR, null), write(OUTBOX, null), undefined
    visitor = visitor || read(VISITOR) || id()
    write(VISITOR, visitor)
    return visitor
  }

  const batch = (hits) => JSON.stringify({
    site, visitor: who(), consent: denied() ? 'denied' : consent, sent_at: Date.now(), hits
  })

  const next = () => {
    const hits = outbox().filter((hit) => !flying.includes(hit.id)).slice(0, MOST_SENT)
    while (hits.length > 1 && batch(hits).length > MOST_CHARACTERS) hits.pop()
    return hits
  }

  const later = (pause) => { clearTimeout(timer); timer = setTimeout(send, pause) }

  // The server has these, or refused them and would again.
  const done = (hits) => {
    keep(outbox().filter((hit) => !hits.some((sent) => sent.id === hit.id)))
    failures = 0
    if (next().length) later(0)
  }

  const send = async () => {
    const hits = next()
    if (!hits.length) return
    const body = batch(hits)
    const ids = hits.map((hit) => hit.id)
    flying = flying.concat(ids)
    const landed = () => { flying = flying.filter((one) => !ids.includes(one)) }
    try {
      const answer = await fetch(address, { method: 'POST', body, keepalive: true, credentials: 'include' })
      if (answer.status === 429 || answer.status > 499) throw answer.status
      if (answer.ok) {
        const told = (await answer.json()).visitor
        if (told && !denied()) write(VISITOR, visitor = told)
      }
      landed()
      done(hits)
    } catch (e) {
      landed()
      // Nothing tells whether a beacon arrives: its hits stay in the outbox, and keep their ids.
      if (document.visibilityState === 'hidden' && navigator.sendBeacon) navigator.sendBeacon(address, body)
      later(Math.min(FIRST_PAUSE * 2 ** failures++, LONGEST_PAUSE))
    }
  }

  const hit = (kind, more) => {
    keep(outbox().concat({
      id: id(), t: Date.now(), kind, url: location.href.slice(0, 8000), title: document.title.slice(0, 300), ref: referrer.slice(0, 4000),
      screen: screen.width + 'x' + screen.height, lang: navigator.language, ...more
    }))
    later(failures ? FIRST_PAUSE : 50)
  }

  const view = () => {
    const now = location.pathname + location.search
    if (now === page) return
    if (page !== undefined) referrer = location.origin + page
    page = now
    hit('page_view')
  }

  window.skvoz = {
    event: (name) => hit('event', { name: String(name) }),
    request: (requestId, form) => {
      const request = String(requestId || id())
      hit('form', { request_id: request, form: form && String(form) })
      return request
    },
    consent: (word) => { const hits = outbox(); consent = word; who(); keep(hits) }
  }

  const push = history.pushState
  history.pushState = function (...state) { push.apply(this, state); setTimeout(view) }
  addEventListener('popstate', () => setTimeout(view))
  addEventListener('pageshow', (event) => { if (event.persisted) { page = undefined; view() } })
  addEventListener('pagehide', send)
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'hidden') send() })
  document.addEventListener('click', (event) => {
    if (event.target.closest && event.target.closest('a[href^="tel:"]')) hit('call_click')
  }, true)

  if (document.prerendering) document.addEventListener('prerenderingchange', view, { once: true })
  else view()
})()
