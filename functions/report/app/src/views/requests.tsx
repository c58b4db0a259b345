// Pages of requests for a view: loaded at once where they are few, else when the reader asks.
import type { ComponentChild } from 'preact'
import { useState } from 'preact/hooks'
import type { Requests } from '../data'
import { useLoaded } from '../hooks'
import { Fail, Static, shown } from '../ui'
import type { ViewProps } from '../view'

const AT_ONCE = 12 // pages of up to a thousand requests
interface Given { readonly props: ViewProps, readonly show: (pages: readonly Requests[]) => ComponentChild, readonly instead?: string }

/** `instead`: the view whose static sections stand in where the pages do not come. */
export const WithRequests = ({ props, show, instead }: Given): ComponentChild => {
  const { snapshot, now, words, format } = props
  const wanted = snapshot.manifest.pages.filter((page) => Number(page.from) <= now.to && Number(page.to) >= now.from)
  const names = wanted.map((page) => page.name).join()
  const [asked, ask] = useState('')
  if (wanted.length > AT_ONCE && asked !== names) {
    const count = wanted.reduce((all, page) => all + page.rows, 0)
    return <p class="state"><button type="button" onClick={() => ask(names)}>{words.say('views.load', { count: format.count(count) })}</button></p>
  }
  return <Pages key={names} names={wanted.map((page) => page.name)} {...{ props, show }} {...(instead === undefined ? {} : { instead })} />
}

const Pages = ({ props, names, show, instead }: Given & { names: readonly string[] }): ComponentChild => {
  const loaded = useLoaded(async () => (await Promise.all(names.map((name) => props.snapshot.file<Requests>(name)))).filter((page) => page !== undefined) as Requests[], [names.join()])
  if (loaded.error !== undefined && instead !== undefined) return <><Fail words={props.words} error={loaded.error} /><Static view={instead} /></>
  return shown(props.words, loaded, show)
}
