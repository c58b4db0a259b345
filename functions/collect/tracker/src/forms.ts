// A sent form becomes a request: its id and the visitor's go into hidden fields, for the CRM to keep. Values of fields stay in
// the page unless the script has data-contacts. Fields may be called `id`, `name` or `elements` and then hide the form's own
// properties, so those are never read: attributes are, and fields say whose they are.

import { around, data, denied, newId } from './page'
import { hit, type Contact } from './outbox'
import { first } from './views'
import { visitorId } from './visitor'

type Field = HTMLInputElement

const enum Limit { SameRequest = 30 * 6e4 }
const NO_REQUEST = '[data-skvoz-ignore],[role=search],[method=dialog]'
const sent = new WeakMap<Element, { id: string, t: number, told?: string }>()

const fieldsOf = (form: Element): Field[] =>
  [...document.querySelectorAll<Field>(':enabled:not([type=password])')].filter((field) => field.form === form)

const nameOf = (form: Element): string | null | undefined =>
  ['data-skvoz-name', 'aria-label', 'id', 'name'].map((name) => form.getAttribute(name)).find(Boolean)

/** Overwrites the form's own fields of that name, and switches off those that cannot carry an id; where no other is, adds one. */
const fill = (form: Element, name: string, value = ''): void => {
  const own = fieldsOf(form).filter((field) => field.name === name && !(field.disabled = !/text|hidden/.test(field.type)))
  if (!own[0]) form.append(own[0] = Object.assign(document.createElement('input'), { type: 'hidden', name }))
  for (const field of own) field.value = value
}

const contactOf = (form: Element): Contact | undefined => {
  if (!('contacts' in data) || denied()) return undefined
  const fields = fieldsOf(form)
  const values = (named: RegExp, fits: RegExp): string[] => fields
    .filter((field) => named.test([field.type, field.autocomplete, field.name].join(' ')))
    .map((field) => String(field.value).trim().slice(0, 200))
    .filter((value) => fits.test(value))
    .slice(0, 5)
  const contact = { phones: values(/phone|mobile|(^|[^a-z])tel/i, /(\d\D*){7}/), emails: values(/e-?mail/i, /.@./) }
  return contact.phones[0] || contact.emails[0] ? contact : undefined
}

/** The form's request, the same for half an hour or until it is reset: a double click, or a second try after a mistake. */
export const requestOf = (form: Element, requestId?: unknown): string => {
  let request = sent.get(form)
  if (!request || request.t < Date.now() - Limit.SameRequest || (requestId && requestId !== request.id)) {
    sent.set(form, request = { id: String(requestId || newId()), t: Date.now() })
  }
  fill(form, 'skvoz_request_id', request.id)
  fill(form, 'skvoz_visitor_id', visitorId())
  const contact = contactOf(form)
  const told = JSON.stringify(contact) || ''
  if (told !== request.told) hit('form', { request_id: request.id, form: nameOf(form), first: first() }, true, contact)
  request.told = told
  return request.id
}

export const watchForms = (): void => {
  addEventListener('submit', (event) => {
    const form = around(event, 'form')
    if (form && !around(event, NO_REQUEST)) requestOf(form)
  }, true)
  addEventListener('reset', (event) => { sent.delete(event.target as Element) }, true)
}
