/**
 * What a place is where certificates are looked for, and what it answers. Types only.
 */
import type { Certificate } from '@siegel/engine'
import type { KeyReason } from '../keyring.ts'

/** A certificate that a source gave. Nothing is known of it yet. */
export interface FoundCertificate {
  readonly certificate: Certificate
  /** Other certificates that came with it; untrusted. */
  readonly chain: readonly Certificate[]
}

/** What DNS says of the certificates of an address, validated. RFC 8162 2 */
export interface Association {
  readonly usage: number
  readonly selector: number
  readonly matching: number
  readonly data: Buffer
}

/** An answer. Both lists empty: there is nothing under that address. */
export interface Answer {
  readonly certificates: readonly FoundCertificate[]
  readonly associations: readonly Association[]
  /** What was seen on the way, such as entries that could not be read. */
  readonly reasons: readonly KeyReason[]
}

/** One kind of place. */
export interface CertificateFinder {
  /**
   * Looks an address up.
   * @param address - as it stands in the envelope
   * @param signal - ends the look-up; nothing may go on after it
   * @throws Error when nobody answered, or not in a way that can be understood. Temporary: never "there is nothing".
   */
  find(address: string, signal: AbortSignal): Promise<Answer>
}

/** Nothing was found. */
export const NOTHING: Answer = { certificates: [], associations: [], reasons: [] }
