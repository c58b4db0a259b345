// How people write numbers, and how a number takes the place of another in the spelling that it finds.

/** Spaces, brackets, dots, dashes and invisible signs; in links also as they are written there, like %20. */
const BETWEEN = '(?:[\\s().\\u00ad\\u200b-\\u2015\\u2060\\u2212-]|%(?:2[089de]|c2%a0))*'

/** Digits that tell a number: Russian ones without their 7 or 8. */
export const digits = (text: string): string => text.replace(/\D/g, '').replace(/^[78](?=\d{10}$)/, '')

/** Any spelling of these numbers: the character before, and the number. */
export const spellings = (of: string[]): RegExp =>
  new RegExp(`(^|\\D)((?:[+(]|%2[8b])?(?:[78]${BETWEEN})?(?:${of.map((one) => [...one].join(BETWEEN)).join('|')}))(?!\\d)`, 'gi')

/** A text sign by sign, with the number in place of those found: its digits in theirs, or where their count differs `shown` in the first. */
export const respelled = (text: string, numbers: RegExp, number: string, shown: string): string[] => {
  const signs = text.split('')
  const wanted = digits(number)
  for (const match of text.matchAll(numbers)) {
    const [, before, found] = match as unknown as [string, string, string]
    let at = match.index! + before.length
    if (digits(found).length === wanted.length) {
      for (const digit of found.replace(/\D/g, '').slice(0, -wanted.length) + wanted) {
        while (!/\d/.test(signs[at]!)) at++
        signs[at++] = digit
      }
    } else signs.fill('', at, at + found.length)[at] = shown
  }
  return signs
}
