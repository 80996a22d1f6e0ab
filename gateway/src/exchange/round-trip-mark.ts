/**
 * The mark of a round trip: an unguessable text in the subject of test mails, of which the settings hold the hash alone, so that
 * subjects need not be stored to find them. Pure; decides nothing about a mail.
 */
import { createHash } from 'node:crypto'
import type { Tenant } from '../mail/tenant.ts'
import { decodeWords } from '../mail/words.ts'

/** How long a round trip is open, in milliseconds. */
export const ROUND_TRIP_MS = 3_600_000

/** Characters of a mark: 130 bits. */
export const MARK_LENGTH = 26

/** Characters of a subject that are looked at. */
const LOOKED_AT = 1000

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/**
 * A new mark in base32, in lower case. RFC 4648 6
 * @param random - 26 random octets
 */
export function makeMark(random: Uint8Array): string {
  return Array.from(random.subarray(0, MARK_LENGTH), (octet) => ALPHABET[octet % ALPHABET.length]).join('')
}

/** What the settings hold of a mark: SHA-256 in hexadecimal digits. */
export function hashOfMark(mark: string): string {
  return createHash('sha256').update(mark).digest('hex')
}

/** Whether the round trip of a tenant is open. */
export function isOpen({ roundTrip }: Pick<Tenant, 'roundTrip'>, now: number): boolean {
  return roundTrip !== null && now >= roundTrip.openedAt && now - roundTrip.openedAt < ROUND_TRIP_MS
}

/**
 * Those of the tenants whose mark stands anywhere in a subject.
 * @param subject - the value of the field, encoded words and all
 */
export function markedTenants(subject: string, tenants: readonly Tenant[]): Tenant[] {
  const hashes = new Set<string>()
  // A mail client may write the mark in capitals, or have it touch another word.
  for (const run of decodeWords(subject)
    .slice(0, LOOKED_AT)
    .toLowerCase()
    .match(/[a-z2-7]{26,}/g) ?? [])
    for (let at = 0; at + MARK_LENGTH <= run.length; at++)
      hashes.add(hashOfMark(run.slice(at, at + MARK_LENGTH)))
  return tenants.filter(({ roundTrip }) => roundTrip !== null && hashes.has(roundTrip.markHash))
}
