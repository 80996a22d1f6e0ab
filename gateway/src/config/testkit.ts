/**
 * Certificates, keys and documents for the tests of this folder and of the command line. Not used by the server.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { issueCertificate, parseCertificate, writePkcs12, type Certificate } from '@siegel/engine'
import { keyToPem, toPem } from './certificates.ts'

/** A key with its certificate, and what was made of them. */
export interface MadeCertificate {
  readonly key: KeyObject
  readonly keyPem: string
  readonly certificate: Certificate
  readonly pem: string
}

/** Names that a certificate is issued for. */
export interface MadeNames {
  readonly emails?: readonly string[]
  readonly dnsNames?: readonly string[]
  readonly ca?: boolean
}

const DAY = 86_400_000
const NOW = Date.UTC(2026, 0, 1)

/** Issues a certificate with a fresh P-256 key, self-signed without an issuer. */
export function makeCertificate(
  commonName: string,
  names: MadeNames,
  issuer?: MadeCertificate,
): MadeCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { ca, ...sans } = names
  const der = issueCertificate({
    subject: { CN: commonName },
    issuer: issuer === undefined ? { key: privateKey } : { certificate: issuer.certificate, key: issuer.key },
    publicKey,
    notBefore: NOW - DAY,
    notAfter: NOW + 3650 * DAY,
    extensions:
      ca === true ? { ca: true, keyUsage: ['keyCertSign'] } : { ...sans, keyUsage: ['digitalSignature'] },
  })
  const certificate = parseCertificate(der)
  return { key: privateKey, keyPem: keyToPem(privateKey), certificate, pem: toPem([certificate]) }
}

/** A PKCS#12 file of certificates, leaf first. */
export function makePkcs12(
  leaf: MadeCertificate,
  others: readonly MadeCertificate[],
  password: string,
): Buffer {
  const certificates = [leaf, ...others].map(({ certificate }) => certificate)
  return writePkcs12({ key: leaf.key, certificates, password, iterations: 1000 })
}

/** A strong secret and a processed word that differ by number. */
export function secretNumber(number: number): { readonly secret: string; readonly word: string } {
  const secret = `0123456789abcdef0123456789ab${(0x1000 + number).toString(16)}`
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  return { secret, word: letters.slice(number) + letters.slice(0, number) }
}

/** The spec of a good tenant of the preset `recommended`; tenants with different numbers do not conflict. */
export function tenantSpecOf(domain: string, number: number): Record<string, unknown> {
  return {
    acceptedDomains: [domain, `smime.${domain}`],
    fqdn: `smime.${domain}`,
    route: `[${domain.replaceAll('.', '-')}.mail.protection.outlook.com]:25`,
    secretHeader: {
      name: 'X-Contoso-Siegel',
      outbound: [secretNumber(4 * number).secret],
      inbound: [secretNumber(4 * number + 1).secret],
    },
    processedHeader: {
      outbound: [secretNumber(4 * number).word],
      inbound: [secretNumber(4 * number + 1).word],
    },
  }
}
