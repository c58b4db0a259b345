// The admissible price of a sale against the actual one. Pure; money in kopecks.
import { valueOf, type Sums } from '../../metrics'

export interface Over {
  readonly admissible: number | null
  readonly actual: number | null
  readonly over: number | null // actual − admissible: 1,800 − 1,100 = 700 over
  readonly overAll: number | null // the same for all sales of the row
}

export function overOf(sums: Sums, admissible: number | null): Over {
  const actual = sums.cost === 0 ? null : valueOf('cpo', sums) // sales that cost nothing are within no price
  const over = actual === null || admissible === null ? null : actual - admissible
  return { admissible, actual, over, overAll: over === null ? null : over * sums.sales }
}
