/**
 * Welch's t-test on trimmed samples, in Yuen's form (the variance is that of the winsorised sample, else trimming would make
 * differences out of chance). The rule for outliers is fixed before anything is measured, and the same for all: of each
 * sample the fastest quarter counts, since other work on the machine only ever adds time.
 */

/** The share of each sample that counts. */
const KEPT = 0.25

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** Trimmed mean, and the square of its standard error. */
function estimate(values: readonly number[]): { readonly mean: number; readonly error: number } {
  const sorted = [...values].sort((a, b) => a - b)
  const kept = Math.floor(sorted.length * KEPT)
  const cut = sorted[kept - 1] ?? NaN
  const winsorised = sorted.map((value) => Math.min(value, cut))
  const middle = mean(winsorised)
  const squares = winsorised.reduce((sum, value) => sum + (value - middle) ** 2, 0)
  return { mean: mean(sorted.slice(0, kept)), error: squares / (kept * (kept - 1)) }
}

/** The comparison of two samples. */
export interface Comparison {
  /** Welch's t. */
  readonly t: number
  /** Difference of the trimmed means, in the unit of the samples. */
  readonly difference: number
}

/** Compares a sample with a reference. */
export function welch(sample: readonly number[], reference: readonly number[]): Comparison {
  const a = estimate(sample)
  const b = estimate(reference)
  const difference = a.mean - b.mean
  return { t: difference / Math.sqrt(a.error + b.error), difference }
}
