// Who this is: an id proposed by us until the server's signed token (id.time.signature) is here.

import { denied, newId } from './page'
import { read, write } from './storage'

/** Read anew each time: tabs opened together agree on what was written last, before either has sent it. */
export const who = (): string | undefined => {
  if (denied()) return undefined
  const known = read<string>('visitor') || newId()
  write('visitor', known)
  return known
}
export const adopt = (token: string): void => write('visitor', token)

export const visitorId = (): string | undefined => who()?.split('.')[0]
export const token = (): string | undefined => { const known = who(); return known?.includes('.') ? known : undefined }
