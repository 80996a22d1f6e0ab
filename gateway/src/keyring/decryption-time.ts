/**
 * When a failed decryption may be seen to end. What is done after a private key was used takes longer or shorter by what was
 * wrong; so a failure ends at a moment that follows from public data alone: the size of the mail and the kinds of the keys.
 * The wait is outside the engine and keeps nobody else waiting. See docs/decisions/0008. Decides nothing about mail.
 */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DecryptionKey } from '@siegel/engine'

/** Milliseconds that every failure has, about ten times what a small mail with RSA-2048 or an elliptic curve takes. */
const BASE = 10

/** Of which RSA-2048 has these; an RSA operation grows with the cube of the length of its modulus. */
const RSA_2048 = 6

/** Milliseconds per octet of the mail: some three times what is measured for mails that are streamed through files. */
const PER_OCTET = 1 / 10_000

/** In milliseconds. A timer may come this early or late, so the rest is waited for in steps of the event loop. */
const TIMER_STEP = 2

/** In microseconds. Covers what warm and cold caches still tell of the work before. */
const JITTER = 50

/**
 * How long a failing decryption is to take, in milliseconds.
 * @param octets - size of the mail or CMS object
 * @param keys - the keys that it may be opened with, used or not
 */
export function decryptionTime(octets: number, keys: readonly DecryptionKey[]): number {
  const bits = Math.max(2048, ...keys.map(({ key }) => key.asymmetricKeyDetails?.modulusLength ?? 0))
  return BASE - RSA_2048 + RSA_2048 * (bits / 2048) ** 3 + octets * PER_OCTET
}

/**
 * Runs a decryption, and lets its failure be seen only when `time` has passed since the beginning, or a multiple of it when
 * that is over already. Success is passed on at once: it shows by itself.
 * @param time - milliseconds, see `decryptionTime`
 * @throws what `open` throws, at once: it is the machine's failure, not the mail's
 */
export async function openInTime<T extends { readonly status: string }>(
  time: number,
  open: () => T | Promise<T>,
): Promise<T> {
  const started = performance.now()
  const result = await open()
  if (result.status !== 'failed') return result
  const worked = performance.now() - started
  await until(started + Math.ceil(worked / time) * time + randomInt(JITTER) / 1000)
  return result
}

/** Waits until a moment of the monotonic clock, as exactly as the event loop allows. */
async function until(moment: number): Promise<void> {
  for (;;) {
    const left = moment - performance.now()
    if (left <= 0) return
    if (left > TIMER_STEP) await sleep(left - TIMER_STEP)
    else await turn()
  }
}

/** One turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
