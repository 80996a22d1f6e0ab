/**
 * The trust settings that OpenSSL keeps behind a certificate in a `TRUSTED CERTIFICATE` block: purposes for which its
 * owner trusts or rejects it. They are honoured, since leaving out a rejection would trust what somebody distrusts.
 */
import { toOid } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, malformed, readElement } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'

/** Purposes as dotted extended key usages. */
export interface TrustSettings {
  /** Trusted for these only; empty for no restriction. */
  readonly trusted: readonly string[]
  /** Rejected for these, whatever `trusted` says. */
  readonly rejected: readonly string[]
}

/**
 * Reads the settings.
 * @throws EngineError `asn1-malformed`
 */
export function readTrustSettings(bytes: Buffer): TrustSettings {
  const element = readElement(bytes)
  if (!element.is(0, Tag.sequence)) throw malformed('trust settings are not a SEQUENCE')
  const cursor = new Cursor(element)
  const trusted = oids(cursor.optional(0, Tag.sequence))
  return { trusted, rejected: oids(cursor.optional(2, 0)) }
}

function oids(element: Element | null): readonly string[] {
  return element === null ? [] : element.children().map((child) => toOid(child))
}

/** Whether the settings trust or reject the purpose; null if they say nothing about it. */
export function trustFor(settings: TrustSettings, purpose: string | null): 'trusted' | 'rejected' | null {
  const names = (list: readonly string[]): boolean =>
    list.includes(Oid.anyExtendedKeyUsage) || (purpose !== null && list.includes(purpose))
  if (names(settings.rejected)) return 'rejected'
  if (settings.trusted.length === 0) return null
  return names(settings.trusted) ? 'trusted' : purpose === null ? null : 'rejected'
}
