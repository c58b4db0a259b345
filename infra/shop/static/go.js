// The redirect of an ad click: see arrival.js.
(() => {
  const { to, referrer } = document.body.dataset
  try { sessionStorage.setItem('demo_referrer', referrer) } catch (e) { /* the visit comes from nowhere */ }
  location.replace(to)
})()
