/**
 * Keys, certificates and keyring entries for tests of the keyring and of what uses it. For tests only; keys live in memory.
 */
import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { issueCertificate, parseCertificate, type Certificate, type IssueExtensions } from '@siegel/engine'
import type { CredentialEntry } from '../../config/ports.ts'
import { lookupForm } from '../keyring.ts'
import type { CredentialOwner } from '../ports.ts'

const DAY = 86_400_000

/** A key with its certificate. */
export interface Made {
  readonly key: KeyObject
  readonly certificate: Certificate
}

/** What a certificate is to look like. */
export interface MadeOptions {
  readonly emails?: readonly string[]
  /** Milliseconds since 1970; default: a day ago. */
  readonly notBefore?: number
  /** Milliseconds since 1970; default: in a year. */
  readonly notAfter?: number
  readonly rsa?: boolean
  /** A key pair in place of a fresh one. */
  readonly keys?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
  /** RSASSA-PSS for the issuer's signature. */
  readonly pss?: boolean
  readonly extensions?: IssueExtensions
}

/** A certificate; without an issuer it is self-signed. */
export function make(name: string, issuer: Made | null, options: MadeOptions = {}): Made {
  const { emails = [], notBefore = Date.now() - DAY, notAfter = Date.now() + 365 * DAY } = options
  const { publicKey, privateKey } =
    options.keys ??
    (options.rsa === true
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' }))
  const der = issueCertificate({
    subject: { CN: name },
    issuer: issuer === null ? { key: privateKey } : { certificate: issuer.certificate, key: issuer.key },
    publicKey,
    notBefore,
    notAfter,
    ...(options.pss === true ? { signature: { pss: true } } : {}),
    extensions: { ...(emails.length === 0 ? {} : { emails }), ...options.extensions },
  })
  return { key: privateKey, certificate: parseCertificate(der) }
}

/** A root for e-mail certificates. */
export function makeRoot(name = 'Mail Root'): Made {
  return make(name, null, {
    notBefore: Date.now() - 3650 * DAY,
    notAfter: Date.now() + 3650 * DAY,
    extensions: { ca: true },
  })
}

/** A keyring entry of a certificate. */
export function entryOf(
  { key, certificate }: Made,
  owner: CredentialOwner,
  rest: Partial<Pick<CredentialEntry, 'addresses' | 'sign' | 'encrypt' | 'distrusted' | 'chain'>> = {},
): CredentialEntry {
  return {
    id: randomBytes(13).toString('hex').toUpperCase(),
    kind: 'smime',
    owner,
    addresses: certificate.emails.map(lookupForm),
    sign: owner === 'own',
    encrypt: true,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    fingerprint: certificate.fingerprint,
    certificate: certificate.raw,
    chain: [],
    distrusted: false,
    privateKey: owner === 'own' ? key.export({ type: 'pkcs8', format: 'der' }) : null,
    ...rest,
  }
}
