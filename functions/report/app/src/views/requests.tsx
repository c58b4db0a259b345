// Pages of requests for a view: loaded at once where they are few, else when the reader asks.
import type { ComponentChild } from 'preact'
import { useState } from 'preact/hooks'
import type { Requests } from '../data'
import { useLoaded } from '../hooks'
import { shown } from '../ui'
import type { ViewProps } from '../view'

const AT_ONCE = 12 // pages of up to a thousand requests

export const WithRequests = ({ props, show }: { props: ViewProps, show: (pages: readonly Requests[]) => ComponentChild }): ComponentChild => {
  const { snapshot, now, words, format } = props
  const wanted = snapshot.manifest.pages.filter((page) => Number(page.from) <= now.to && Number(page.to) >= now.from)
  const names = wanted.map((page) => page.name).join()
  const [asked, ask] = useState('')
  if (wanted.length > AT_ONCE && asked !== names) {
    const count = wanted.reduce((all, page) => all + page.rows, 0)
    return <p class="state"><button type="button" onClick={() => ask(names)}>{words.say('views.load', { count: format.count(count) })}</button></p>
  }
  return <Pages key={names} props={props} names={wanted.map((page) => page.name)} show={show} />
}

const Pages = ({ props, names, show }: { props: ViewProps, names: readonly string[], show: (pages: readonly Requests[]) => ComponentChild }): ComponentChild => {
  const loaded = useLoaded(async () => (await Promise.all(names.map((name) => props.snapshot.file<Requests>(name)))).filter((page) => page !== undefined) as Requests[], [names.join()])
  return shown(props.words, loaded, show)
}
