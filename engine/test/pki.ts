/**
 * A certification authority for the engine's tests: a root, an intermediate, and people with keys of every kind, made
 * afresh in each test process. Nothing here is secret and nothing is kept.
 */
import { generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { parseCertificate } from '../src/x509/certificate.ts'
import type { Certificate } from '../src/x509/certificate.ts'
import { issueCertificate } from '../src/x509/issue.ts'
import type { IssueExtensions } from '../src/x509/issue-extensions.ts'

/** A key with its certificate and the intermediate that issued it. */
export interface Person {
  readonly key: KeyObject
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
  readonly email: string
}

/** Kinds of keys that people have. */
export type KeyKind = 'rsa' | 'rsa-1024' | 'p256' | 'p384' | 'p521' | 'ed25519' | 'x25519' | 'ml-dsa-65'

/** The moment at which everything here is valid. */
export const NOW = Date.UTC(2026, 0, 15, 12)
const DAY = 86_400_000

interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const rsaPairs = new Map<string, KeyPair>()

/** A new key pair; RSA keys are dear and are shared by all who ask for the same `label`. */
export function makeKey(kind: KeyKind, label = 'shared'): KeyPair {
  switch (kind) {
    case 'p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    case 'p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' })
    case 'p521':
      return generateKeyPairSync('ec', { namedCurve: 'P-521' })
    case 'ed25519':
      return generateKeyPairSync('ed25519')
    case 'x25519':
      return generateKeyPairSync('x25519')
    case 'ml-dsa-65':
      return generateKeyPairSync('ml-dsa-65')
    case 'rsa':
    case 'rsa-1024': {
      const known = rsaPairs.get(kind + label)
      if (known !== undefined) return known
      const pair = generateKeyPairSync('rsa', { modulusLength: kind === 'rsa' ? 2048 : 1024 })
      rsaPairs.set(kind + label, pair)
      return pair
    }
  }
}

const validity = { notBefore: NOW - 30 * DAY, notAfter: NOW + 300 * DAY }

const rootKey = makeKey('p256')
/** The trust anchor. */
export const root: Certificate = parseCertificate(
  issueCertificate({
    subject: { O: 'Test', CN: 'Root' },
    issuer: { key: rootKey.privateKey },
    publicKey: rootKey.publicKey,
    ...validity,
    extensions: { ca: true },
  }),
)

const intermediateKey = makeKey('p256')
/** Issued by the root; issues everybody. */
export const intermediate: Certificate = parseCertificate(
  issueCertificate({
    subject: { O: 'Test', CN: 'Intermediate' },
    issuer: { certificate: root, key: rootKey.privateKey },
    publicKey: intermediateKey.publicKey,
    ...validity,
    extensions: { ca: true, pathLength: 0 },
  }),
)

/** Issues a certificate to somebody. */
export function makePerson(
  name: string,
  kind: KeyKind,
  extensions: IssueExtensions = {},
  label = 'shared',
): Person {
  const { privateKey, publicKey } = makeKey(kind, label)
  const email = `${name}@example.org`
  const usage =
    kind === 'x25519' ? (['keyAgreement'] as const) : USAGES[kind.startsWith('rsa') ? 'rsa' : kind]
  const certificate = parseCertificate(
    issueCertificate({
      subject: { O: 'Test', CN: name },
      issuer: { certificate: intermediate, key: intermediateKey.privateKey },
      publicKey,
      ...validity,
      extensions: {
        emails: [email],
        extendedKeyUsage: ['1.3.6.1.5.5.7.3.4'],
        ...(usage === undefined ? {} : { keyUsage: [...usage] }),
        ...extensions,
      },
    }),
  )
  return { key: privateKey, certificate, chain: [intermediate], email }
}

const USAGES: Readonly<Record<string, readonly ('digitalSignature' | 'keyEncipherment' | 'keyAgreement')[]>> =
  {
    rsa: ['digitalSignature', 'keyEncipherment'],
    p256: ['digitalSignature', 'keyAgreement'],
    p384: ['digitalSignature', 'keyAgreement'],
    p521: ['digitalSignature', 'keyAgreement'],
    ed25519: ['digitalSignature'],
    'ml-dsa-65': ['digitalSignature'],
  }
