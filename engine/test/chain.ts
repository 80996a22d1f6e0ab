/**
 * Small certification authorities for the tests of paths: any tree of certificates, each made in one line.
 */
import { generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { parseCertificate } from '../src/x509/certificate.ts'
import type { Certificate } from '../src/x509/certificate.ts'
import { issueCertificate } from '../src/x509/issue.ts'
import type { SubjectAttributes } from '../src/x509/issue.ts'
import type { IssueExtensions } from '../src/x509/issue-extensions.ts'
import type { SignBytesOptions } from '../src/x509/sign.ts'

/** A certificate with its private key. */
export interface Holder {
  readonly key: KeyObject
  readonly certificate: Certificate
}

/** The middle of the validity of everything made here. */
export const AT = Date.UTC(2026, 2, 1, 12)
const DAY = 86_400_000

/** What may differ from an ordinary certificate. */
export interface MakeOptions {
  /** Who signs; null for self-signed. */
  readonly by?: Holder | null
  readonly key?: KeyObject
  readonly notBefore?: number
  readonly notAfter?: number
  readonly subject?: SubjectAttributes
  readonly serial?: Buffer
  readonly signature?: SignBytesOptions
}

/** Makes a certificate for a new P-256 key, or for the key given. */
export function make(name: string, extensions: IssueExtensions, options: MakeOptions = {}): Holder {
  const key = options.key ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const issuer = options.by ?? { key }
  const der = issueCertificate({
    subject: options.subject ?? { O: 'Test', CN: name },
    issuer,
    publicKey: key,
    notBefore: options.notBefore ?? AT - 100 * DAY,
    notAfter: options.notAfter ?? AT + 100 * DAY,
    extensions,
    ...(options.serial === undefined ? {} : { serial: options.serial }),
    ...(options.signature === undefined ? {} : { signature: options.signature }),
  })
  return { key, certificate: parseCertificate(der) }
}

/** A CA: a root without `by`, else an intermediate. */
export function makeCa(
  name: string,
  options: MakeOptions & { readonly extensions?: IssueExtensions } = {},
): Holder {
  return make(name, { ca: true, ...options.extensions }, options)
}

/** Somebody with a mail address. */
export function makeLeaf(
  name: string,
  by: Holder,
  extensions: IssueExtensions = {},
  options: MakeOptions = {},
): Holder {
  return make(
    name,
    {
      emails: [`${name}@example.org`],
      keyUsage: ['digitalSignature', 'keyAgreement'],
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.4'],
      ...extensions,
    },
    { by, ...options },
  )
}
