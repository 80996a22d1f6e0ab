/**
 * Certificates and keys of configuration objects: reads what the operator gave (PEM, DER in base64, PKCS#12), checks that a
 * key fits its certificate, and brings both into one kept form (PEM; PKCS#8). Judges no trust and no dates.
 * What is lost if it fails: a key that does not fit would sign mail that nobody can verify, so it is refused here.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { EngineError, readCertificates, readPkcs12, readPrivateKey, type Certificate } from '@siegel/engine'
import type { ConfigErrorCode } from '@siegel/contract'

/** A certificate or key that cannot be used. `field` is relative to the object that was read. */
export class MaterialFailure extends Error {
  override readonly name = 'MaterialFailure'
  readonly code: ConfigErrorCode
  readonly field: string

  /**
   * @param code - the stable code
   * @param field - name of the field at fault
   * @param message - for the operator; no secrets
   */
  constructor(code: ConfigErrorCode, field: string, message: string) {
    super(message)
    this.code = code
    this.field = field
  }
}

/** A private key with its certificate and the intermediates, leaf side first. */
export interface KeyPair {
  readonly key: KeyObject
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
}

/** PEM stays as it is, all else is base64. */
function octets(text: string): Buffer {
  return text.includes('-----BEGIN ') ? Buffer.from(text, 'utf8') : Buffer.from(text, 'base64')
}

/** Most certificates in one field. */
const MOST_CERTIFICATES = 32

/**
 * Reads the certificates of a field, at least one.
 * @throws MaterialFailure
 */
export function readChain(text: string, field: string): [Certificate, ...Certificate[]] {
  let certificates: Certificate[]
  try {
    certificates = readCertificates(octets(text))
    // A key is parsed when it is first asked for; an unknown algorithm must show now.
    certificates.forEach(({ publicKey }) => publicKey)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw new MaterialFailure(
      'certificate-malformed',
      field,
      `the certificate cannot be read: ${error.message}`,
    )
  }
  const [first, ...rest] = certificates
  if (first === undefined)
    throw new MaterialFailure('certificate-malformed', field, 'there is no certificate in it')
  if (rest.length >= MOST_CERTIFICATES)
    throw new MaterialFailure(
      'certificate-malformed',
      field,
      `there are more than ${MOST_CERTIFICATES} certificates in it`,
    )
  return [first, ...rest]
}

/**
 * Reads a field that holds exactly one certificate.
 * @throws MaterialFailure
 */
export function readSingleCertificate(text: string, field: string): Certificate {
  const [certificate, ...more] = readChain(text, field)
  if (more.length > 0)
    throw new MaterialFailure(
      'certificate-malformed',
      field,
      `there are ${more.length + 1} certificates in it, one is allowed`,
    )
  return certificate
}

/**
 * Reads a private key that is not encrypted.
 * @throws MaterialFailure
 */
export function readKeyField(text: string, field: string): KeyObject {
  return readKey(text, undefined, field)
}

function readKey(text: string, password: string | undefined, field = 'key'): KeyObject {
  try {
    return readPrivateKey(octets(text), password)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw new MaterialFailure('key-malformed', field, `the private key cannot be read: ${error.code}`)
  }
}

/** Whether a private key is that of a certificate. By octets: `equals` throws for keys of two kinds. */
export function fits(key: KeyObject, certificate: Certificate): boolean {
  const octets = (one: KeyObject) => one.export({ type: 'spki', format: 'der' })
  return octets(createPublicKey(key)).equals(octets(certificate.publicKey))
}

/**
 * Reads a chain (leaf first) and its key, as TLS needs them.
 * @throws MaterialFailure
 */
export function readTlsPair(spec: { readonly chain: string; readonly key: string }): KeyPair {
  const [certificate, ...chain] = readChain(spec.chain, 'chain')
  const key = readKey(spec.key, undefined)
  if (!fits(key, certificate))
    throw new MaterialFailure(
      'key-mismatch',
      'key',
      'the private key does not belong to the first certificate of the chain',
    )
  return { key, certificate, chain }
}

/** The fields of a `Credential` that hold its key. */
export interface CredentialSource {
  readonly pkcs12?: string | undefined
  readonly password?: string | undefined
  readonly certificate?: string | undefined
  readonly chain?: string | undefined
  readonly key?: string | undefined
}

/**
 * Reads the key of a `Credential` from either of its two forms.
 * @throws MaterialFailure
 */
export function readCredential(spec: CredentialSource): KeyPair {
  if (spec.pkcs12 !== undefined) return openPkcs12(spec.pkcs12, spec.password ?? '')
  const certificate = readSingleCertificate(spec.certificate ?? '', 'certificate')
  const chain = spec.chain === undefined ? [] : readChain(spec.chain, 'chain')
  const key = readKey(spec.key ?? '', spec.password)
  if (!fits(key, certificate))
    throw new MaterialFailure('key-mismatch', 'key', 'the private key does not belong to the certificate')
  return { key, certificate, chain }
}

function openPkcs12(text: string, password: string): KeyPair {
  let content: ReturnType<typeof readPkcs12>
  try {
    content = readPkcs12(Buffer.from(text, 'base64'), password)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw new MaterialFailure('pkcs12-unusable', 'pkcs12', `the PKCS#12 file cannot be opened: ${error.code}`)
  }
  const pairs = content.keys.flatMap(({ key }) => {
    const certificate = content.certificates.find((candidate) => fits(key, candidate))
    return certificate === undefined ? [] : [{ key, certificate }]
  })
  const [pair, ...more] = pairs
  if (pair === undefined)
    throw new MaterialFailure(
      'pkcs12-unusable',
      'pkcs12',
      'the PKCS#12 file holds no key with its certificate',
    )
  if (more.length > 0)
    throw new MaterialFailure(
      'pkcs12-unusable',
      'pkcs12',
      `the PKCS#12 file holds ${pairs.length} keys; make one object for each, with certificate and key`,
    )
  return { ...pair, chain: chainAbove(pair.certificate, content.certificates) }
}

/** The intermediates above a leaf in order, without the self-issued root; order in PKCS#12 files means nothing. */
export function chainAbove(leaf: Certificate, candidates: readonly Certificate[]): Certificate[] {
  const chain: Certificate[] = []
  let current = leaf
  while (chain.length < MOST_CERTIFICATES) {
    const below = current
    const issuer = candidates.find(
      (candidate) =>
        !candidate.subject.equals(candidate.issuer) &&
        candidate.fingerprint !== leaf.fingerprint &&
        !chain.includes(candidate) &&
        candidate.subject.equals(below.issuer),
    )
    if (issuer === undefined) break
    chain.push(issuer)
    current = issuer
  }
  return chain
}

/** Certificates as PEM, one after the other. RFC 7468 5.1 */
export function toPem(certificates: readonly Certificate[]): string {
  return certificates
    .map(({ raw }) => {
      const lines = raw.toString('base64').match(/.{1,64}/g) ?? []
      return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
    })
    .join('')
}

/** A private key as PKCS#8 PEM, not encrypted. */
export function keyToPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' })
}
