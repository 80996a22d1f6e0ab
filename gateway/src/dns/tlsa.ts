/**
 * Finds the TLSA records of a mail server and keeps those that can be used. Only what a trusted server validated counts; a
 * look-up that fails is a failure, never "no records", or whoever suppresses answers could switch DANE off. Compares nothing.
 */
import { createPublicKey, X509Certificate } from 'node:crypto'
import { HostLookupError } from './hosts.ts'
import type { TlsaData } from './message.ts'
import { LookupFailed, type Found, type Resolve } from './resolver.ts'

/** What DNS says of a server's certificate. */
export interface TlsaSet {
  /** The name the records were found under: the server name to ask for, and one the certificate may carry. RFC 7672 2.2.2 */
  readonly base: string
  /** How many records there are. */
  readonly count: number
  /** Those that can be used; empty: TLS is due, but nothing to check the certificate with. RFC 7672 2.2 */
  readonly usable: readonly TlsaData[]
}

/**
 * Looks the TLSA records of a server up; null when there are none, or none that are secure.
 * Rejects with HostLookupError, unavailable.
 */
export type TlsaLookup = (host: TlsaHost, port: number) => Promise<TlsaSet | null>

/** A host by its address look-up. */
export interface TlsaHost {
  /** The name that was asked for. */
  readonly asked: string
  /** The name behind all aliases. */
  readonly name: string
  /** The address and all aliases are secure. */
  readonly secure: boolean
}

/**
 * A record as text, without the name. RFC 6698 2.2
 * @param digits - of the data, from its beginning; default: all
 */
export function tlsaText({ usage, selector, matching, data }: TlsaData, digits = Infinity): string {
  return `${usage} ${selector} ${matching} ${data.toString('hex').slice(0, digits)}`
}

/** RFC 7672 3.1.1, 3.1.2: trust anchors and end entities that DNS vouches for; the other usages have no place in SMTP */
export const DANE_TA = 2
export const DANE_EE = 3
/** Octets of a digest by matching type; the stronger one is preferred. RFC 6698 2.1.3 */
const DIGEST_OCTETS: ReadonlyMap<number, number> = new Map([
  [1, 32],
  [2, 64],
])
const FULL = 0
/** Records of one server that are compared. */
const MAX_RECORDS = 32

/** Makes a TLSA look-up. */
export function createTlsaLookup(resolve: Resolve): TlsaLookup {
  return async (host, port) => {
    for (const base of await basesOf(resolve, host)) {
      const found = await ask(resolve, `_${port}._tcp.${base}`, 'TLSA')
      if (found.secure && found.records.length > 0)
        return { base, count: found.records.length, usable: usableRecords(found.records) }
    }
    return null
  }
}

/** The names under which records are looked for. RFC 7672 2.2.3 */
async function basesOf(resolve: Resolve, { asked, name, secure }: TlsaHost): Promise<Iterable<string>> {
  // The name behind the aliases first, then the one that was asked for.
  if (secure) return new Set([name, asked])
  // RFC 7672 2.2.2: a host that is an alias may lead out of the signed zone; the alias itself is then what counts
  if (name === asked) return []
  const alias = await ask(resolve, asked, 'CNAME')
  return alias.secure && alias.records.length > 0 ? [asked] : []
}

async function ask<T extends 'TLSA' | 'CNAME'>(resolve: Resolve, name: string, type: T): Promise<Found<T>> {
  try {
    return await resolve(name, type)
  } catch (error) {
    if (error instanceof LookupFailed) throw new HostLookupError('unavailable', error.message)
    throw error
  }
}

/** The records that can be used, less those that a stronger digest of the same kind makes superfluous. */
export function usableRecords(records: readonly TlsaData[]): TlsaData[] {
  const sound = records.filter(isSound).slice(0, MAX_RECORDS)
  // RFC 7671 9: of each usage and selector only the strongest digest counts, so that a weak one opens no door
  return sound.filter(
    (record) =>
      record.matching === FULL ||
      !sound.some(
        (other) =>
          other.usage === record.usage &&
          other.selector === record.selector &&
          other.matching > record.matching,
      ),
  )
}

/** RFC 7671 4: an unusable record is as if it were not there */
function isSound({ usage, selector, matching, data }: TlsaData): boolean {
  if ((usage !== DANE_TA && usage !== DANE_EE) || selector > 1) return false
  return matching === FULL ? isWhole(selector, data) : data.length === DIGEST_OCTETS.get(matching)
}

/** The data is a certificate or a key, as the selector says. RFC 6698 2.1.2 */
function isWhole(selector: number, data: Buffer): boolean {
  try {
    if (selector === 0) new X509Certificate(data)
    else createPublicKey({ key: data, format: 'der', type: 'spki' })
    return true
  } catch {
    return false
  }
}
