/**
 * Certificates for tests of TLS: a small world of authorities and leaves, good and bad. For tests only; keys live in memory.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { issueCertificate, parseCertificate, type Certificate, type IssueExtensions } from '@siegel/engine'
import type { TlsIdentity } from '../../../config/ports.ts'

const DAY = 86_400_000

/** An authority that can issue. */
export interface Authority {
  readonly certificate: Certificate
  readonly key: KeyObject
  readonly pem: string
}

/** PEM of a DER certificate. */
export function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

/** A root, or with an issuer an intermediate authority. */
export function authority(
  name: string,
  issuer: Authority | null = null,
  { notAfter = Date.now() + 365 * DAY, ca = true } = {},
): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const der = issueCertificate({
    subject: { O: 'Test', CN: name },
    issuer: issuer === null ? { key: privateKey } : { certificate: issuer.certificate, key: issuer.key },
    publicKey,
    notBefore: Date.now() - 365 * DAY,
    notAfter,
    extensions: { ca },
  })
  return { certificate: parseCertificate(der), key: privateKey, pem: pemOf(der) }
}

/** What a leaf is to look like. */
export interface LeafOptions {
  readonly names: readonly string[]
  readonly commonName?: string
  /** null: self-signed. */
  readonly issuer: Authority | null
  /** PEM of intermediates to present. */
  readonly intermediates?: readonly string[]
  readonly notBefore?: number
  readonly notAfter?: number
  readonly extensions?: IssueExtensions
}

/** A leaf with its key, as an identity for either end of TLS. */
export function leaf(options: LeafOptions): TlsIdentity {
  const { names, issuer, intermediates = [], commonName = names[0] ?? 'none' } = options
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const der = issueCertificate({
    subject: { CN: commonName },
    issuer: issuer === null ? { key: privateKey } : { certificate: issuer.certificate, key: issuer.key },
    publicKey,
    notBefore: options.notBefore ?? Date.now() - DAY,
    notAfter: options.notAfter ?? Date.now() + 30 * DAY,
    extensions: { ...(names.length > 0 ? { dnsNames: names } : {}), ...options.extensions },
  })
  return {
    chain: [pemOf(der), ...intermediates].join(''),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    names,
  }
}
