/**
 * Certificates of a small PKI for tests: root, intermediate, and leaves that differ in one thing each.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import {
  issueCertificate,
  Oid,
  parseCertificate,
  type Certificate,
  type IssueExtensions,
} from '@siegel/engine'
import { keyToPem, toPem } from '../../config/certificates.ts'

/** A certificate with its key. */
export interface TestCertificate {
  readonly certificate: Certificate
  readonly key: KeyObject
  readonly pem: string
  readonly keyPem: string
}

/** How a leaf differs from a good one. */
export interface LeafOptions {
  readonly name?: string
  /** Milliseconds since 1970. */
  readonly from?: number
  readonly until?: number
  readonly extensions?: Partial<IssueExtensions>
  readonly key?: KeyObject
  readonly issuer?: TestCertificate
}

const DAY = 86_400_000

/** An RSA key. */
export function rsaKey(bits = 2048): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: bits }).privateKey
}

/** A P-256 key. */
export function ecKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/** A PKI that is good around a moment. */
export class TestPki {
  readonly #now: number
  readonly root: TestCertificate
  readonly intermediate: TestCertificate

  /** @param now - milliseconds since 1970 */
  constructor(now: number) {
    this.#now = now
    this.root = this.#issue('Test Root', { ca: true }, ecKey(), null, now - 10 * DAY, now + 4000 * DAY)
    this.intermediate = this.#issue(
      'Test Issuing CA',
      { ca: true },
      ecKey(),
      this.root,
      now - 10 * DAY,
      now + 3000 * DAY,
    )
  }

  /** A TLS certificate for a host. */
  leaf(host: string, options: LeafOptions = {}): TestCertificate {
    const { key = ecKey(), issuer = this.intermediate, name = host } = options
    const extensions = {
      dnsNames: [host],
      keyUsage: ['digitalSignature'] as const,
      extendedKeyUsage: [Oid.idKpServerAuth, Oid.idKpClientAuth],
      ...options.extensions,
    }
    const from = options.from ?? this.#now - DAY
    return this.#issue(name, extensions, key, issuer, from, options.until ?? this.#now + 200 * DAY)
  }

  #issue(
    name: string,
    extensions: IssueExtensions,
    key: KeyObject,
    issuer: TestCertificate | null,
    notBefore: number,
    notAfter: number,
  ): TestCertificate {
    const der = issueCertificate({
      subject: { CN: name },
      issuer: issuer === null ? { key } : { certificate: issuer.certificate, key: issuer.key },
      publicKey: key,
      ...{ notBefore, notAfter, extensions },
    })
    const certificate = parseCertificate(der)
    return { certificate, key, pem: toPem([certificate]), keyPem: keyToPem(key) }
  }
}
