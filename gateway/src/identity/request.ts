/**
 * Makes a key for a tenant's host and the request for its certificate (PKCS#10). Keeps nothing.
 */
import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { Oid, writeCsr, writePem } from '@siegel/engine'

/** Kinds of keys that are made; RSA with 2048 bits is what Exchange Online surely speaks. */
export const KEY_KINDS = ['rsa-2048', 'rsa-3072', 'rsa-4096', 'p-256', 'p-384'] as const

/** One of them. */
export type KeyKind = (typeof KEY_KINDS)[number]

/** What X.520 allows of a common name. RFC 5280 A.1 */
const LONGEST_COMMON_NAME = 64

/** Makes a key. */
export async function makeKey(kind: KeyKind): Promise<KeyObject> {
  if (kind === 'p-256' || kind === 'p-384') {
    const curve = { 'p-256': 'P-256', 'p-384': 'P-384' }[kind]
    return (await promisify(generateKeyPair)('ec', { namedCurve: curve })).privateKey
  }
  return (await promisify(generateKeyPair)('rsa', { modulusLength: Number(kind.slice(4)) })).privateKey
}

/** A key for people: `RSA 2048`, `P-256`. */
export function describeKey(key: KeyObject): string {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  if (modulusLength !== undefined) return `RSA ${modulusLength}`
  const curves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384' }
  return namedCurve === undefined ? (key.asymmetricKeyType ?? 'unknown') : (curves[namedCurve] ?? namedCurve)
}

/**
 * Writes the request for a host.
 * @param usages - whether to ask for serverAuth and clientAuth; ACME servers want names only
 * @returns DER
 */
export function requestFor(host: string, key: KeyObject, usages: boolean): Buffer {
  return writeCsr({
    subject: host.length > LONGEST_COMMON_NAME ? {} : { CN: host },
    key,
    extensions: {
      dnsNames: [host],
      ...(usages
        ? {
            keyUsage: ['digitalSignature'],
            extendedKeyUsage: [Oid.idKpServerAuth, Oid.idKpClientAuth],
          }
        : {}),
    },
  })
}

/** A request as PEM. RFC 7468 7 */
export function requestPem(der: Buffer): string {
  return writePem('CERTIFICATE REQUEST', der)
}
