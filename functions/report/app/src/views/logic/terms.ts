// The library of terms: search in names, formulas and explanations. Pure.

export interface Term {
  name: string
  formula: string
  text: string
}

/** Terms where every word of the query begins some word of the term; names before explanations. ё is е, case does not matter. */
export function found(terms: readonly Term[], query: string): Term[] {
  const wanted = words(query)
  if (wanted.length === 0) return [...terms]
  const hit = (text: string): boolean => {
    const told = words(text)
    return wanted.every((word) => told.some((one) => one.startsWith(word)))
  }
  const byName = terms.filter((term) => hit(term.name))
  return [...byName, ...terms.filter((term) => !byName.includes(term) && hit(`${term.name} ${term.formula} ${term.text}`))]
}

function words(text: string): string[] {
  return text.toLocaleLowerCase('ru').replace(/ё/g, 'е').match(/[\p{L}\p{N}]+/gu) ?? []
}
