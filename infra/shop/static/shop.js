// The shop's own script: the calculator (a page that changes its address without loading), and the toy phone behind tel: links.
(() => {
  const roubles = (sum) => sum.toLocaleString('ru-RU') + ' ₽'

  // On this machine nobody picks up: a tap on a number opens the toy phone with the number that stood there.
  document.addEventListener('click', (event) => {
    const link = event.target.closest && event.target.closest('a[href^="tel:"]')
    if (!link) return
    event.preventDefault()
    open('/demo/phone?number=' + encodeURIComponent(link.getAttribute('href').slice(4)), '_blank')
  })

  const calc = document.getElementById('calc')
  if (!calc) return
  const STEPS = ['', 'pokrytie', 'itog']
  const choice = { area: 10, kind: 'mat' }

  const step = () => Math.max(0, STEPS.indexOf(location.pathname.split('/')[2] || ''))
  const go = (place) => { history.pushState(null, '', '/calc/' + STEPS[place] + (place ? '/' : '')); draw() }
  const button = (text, place, quiet) => `<button type="button" class="button${quiet ? ' quiet' : ''}" data-step="${place}">${text}</button>`

  const screens = [
    () => `<h2>1. Площадь</h2><label>Сколько метров греть: <output>${choice.area} м²</output>
      <input type="range" min="2" max="40" value="${choice.area}" name="area"></label><p class="acts">${button('Дальше', 1)}</p>`,
    () => `<h2>2. Покрытие</h2><p class="picks">${[['mat', 'Плитка', 'мат под плитку'], ['film', 'Ламинат', 'плёнка, сухой монтаж']].map(
      ([kind, name, what]) => `<label class="pick"><input type="radio" name="kind" value="${kind}"${choice.kind === kind ? ' checked' : ''}>
      <b>${name}</b><span>${what}</span></label>`).join('')}</p><p class="acts">${button('Назад', 0, true)}${button('Итог', 2)}</p>`,
    () => {
      const goods = choice.area * calc.dataset[choice.kind]
      const work = choice.area * calc.dataset.work
      return `<h2>3. Итог</h2><dl><div><dt>Материалы, ${choice.area} м²</dt><dd>${roubles(goods)}</dd></div>
        <div><dt>Монтаж</dt><dd>${roubles(work)}</dd></div><div class="sum"><dt>Всего</dt><dd>${roubles(goods + work)}</dd></div></dl>
        <p>Закрепить цену: <a href="tel:+74950000010">+7 495 000-00-10</a></p>
        <p class="acts">${button('Изменить', 0, true)}<a class="button" href="/contacts/">Оставить заявку</a></p>`
    }
  ]
  const draw = () => {
    calc.innerHTML = screens[step()]()
    document.title = ['Площадь', 'Покрытие', 'Итог'][step()] + ' — калькулятор — Теплодом'
  }
  calc.addEventListener('click', (event) => {
    const place = event.target.dataset.step
    if (place !== undefined) go(Number(place))
  })
  calc.addEventListener('input', (event) => {
    choice[event.target.name] = event.target.name === 'area' ? Number(event.target.value) : event.target.value
    const told = calc.querySelector('output')
    if (told) told.textContent = choice.area + ' м²'
  })
  addEventListener('popstate', draw)
  draw()
})()
