/**
 * The retry clock: when a deferred delivery is tried again. Pure: time and
 * randomness come in: the caller gives the same to deliveries that are to come back together.
 */

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** The first and the longest pause between two attempts, in milliseconds. */
export interface RetryPauses {
  readonly firstMs: number
  readonly longestMs: number
}

/**
 * Pauses before the second, third, … attempt as multiples of the first pause; the last one repeats. They start short because
 * Exchange Online's throttling passes within 1 to 5 minutes. RFC 5321 4.5.4.1
 */
export const RETRY_STEPS: readonly number[] = [1, 2, 5, 10, 20, 30, 60]
/** A pause is stretched or shortened by up to this part, so that mails deferred together do not come back together. */
export const RETRY_JITTER = 0.2
/** A minute at first, an hour in the end. */
export const DEFAULT_PAUSES: RetryPauses = { firstMs: MINUTE, longestMs: HOUR }

/**
 * When to try again.
 * @param attempts - attempts made so far, at least 1
 * @param now - milliseconds since 1970
 * @param random - gives numbers from 0 up to 1
 * @param pauses - the shortest and the longest pause
 * @returns milliseconds since 1970
 */
export function retryAt(
  attempts: number,
  now: number,
  random: () => number,
  { firstMs, longestMs }: RetryPauses = DEFAULT_PAUSES,
): number {
  const index = Math.min(Math.max(attempts, 1), RETRY_STEPS.length) - 1
  const pause = Math.min((RETRY_STEPS[index] ?? 1) * firstMs, longestMs)
  return Math.round(now + pause * (1 - RETRY_JITTER + 2 * RETRY_JITTER * random()))
}
