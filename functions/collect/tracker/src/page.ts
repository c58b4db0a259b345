// What the script's tag says, and the few things of the browser that every part needs.

/** True in skvoz.js, false in skvoz.core.js (build.mjs). */
declare global { const NUMBERS: boolean }

const script = document.currentScript as HTMLScriptElement
export const data: DOMStringMap = script?.dataset || {}
export const site = data.site

/** The site's word decides; without one, the browser's signals do. */
export const denied = (): unknown =>
  data.consent ? data.consent === 'denied' : navigator.doNotTrack === '1' || (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl
export const consentWord = (): string | undefined => denied() ? 'denied' : data.consent

/** A text/plain post needs no preflight; keepalive lets it outlive the page. Rejects where nothing answers. */
export const post = (path: string, body: string): Promise<Response> =>
  fetch(address(path), { method: 'POST', body, keepalive: true, credentials: 'include' })
/** Beside the script, so that a site may pass any path of its own on to us; or where the tag says. */
export const address = (path: string): string =>
  (data.endpoint || script.src).replace(/\/([^/?]*\.js(\?.*)?)?$/, '') + '/v1/' + path

const enum Limit { Address = 8000 }

/** Of a form sent by GET, told by our field in the address, marks alone stay (UTM, click ids): the rest is what was filled in. */
export const bare = (url: string): string => (/skvoz_request_id/.test(url)
  ? url.replace(/([?&])((?!utm_|\w*(cl|[cl]k|bra|fat_|slt)id=)[^&#]+&?)+/gi, '$1')
  : url).slice(0, Limit.Address)
export const here = (): string => bare(location.href)

/** UUIDv7: its time tells the server how fresh a proposed visitor is. */
export const newId = (): string =>
  Date.now().toString(16).padStart(12, '0').replace(/.{8}/, '$&-') + '-7000-8000-100000000000'.replace(/[018]/g, (digit) =>
    (+digit ^ crypto.getRandomValues(new Uint8Array(1))[0]! & 15 >> +digit / 4).toString(16))

/** The nearest element around an event's target that fits; targets may be texts or the document. */
export const around = (event: Event, selector: string): Element | null | undefined =>
  (event.composedPath()[0] as Element).closest?.(selector)
