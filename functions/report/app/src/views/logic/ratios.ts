// Significance and likeness: what the views say besides the metrics. Pure.

/** z of two shares (pooled): how many standard errors lie between `part` of `whole` and `wasPart` of `wasWhole`; 0 where it cannot be told. */
export function shift(part: number, whole: number, wasPart: number, wasWhole: number): number {
  if (!(whole > 0) || !(wasWhole > 0)) return 0
  const pooled = Math.min(Math.max((part + wasPart) / (whole + wasWhole), 0), 1)
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / whole + 1 / wasWhole))
  return error > 0 ? (part / whole - wasPart / wasWhole) / error : 0
}

/** Correlation of two series of one length (Pearson); null under four points or where one of them never changes. */
export function correlation(xs: readonly number[], ys: readonly number[]): number | null {
  const n = Math.min(xs.length, ys.length)
  if (n < 4) return null
  const mx = sumOf(xs.slice(0, n)) / n
  const my = sumOf(ys.slice(0, n)) / n
  let [xx, yy, xy] = [0, 0, 0]
  for (let i = 0; i < n; i++) {
    const dx = (xs[i] as number) - mx
    const dy = (ys[i] as number) - my
    xx += dx * dx
    yy += dy * dy
    xy += dx * dy
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : null
}

export function sumOf(numbers: Iterable<number>): number {
  let all = 0
  for (const one of numbers) all += one
  return all
}
