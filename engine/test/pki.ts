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
export type KeyKind = 'rsa' | 'rsa-1024' | 'rsa-pss' | keyof typeof CURVES | (typeof PLAIN_KINDS)[number]

const CURVES = {
  p256: 'P-256',
  p384: 'P-384',
  p521: 'P-521',
  bp256: 'brainpoolP256r1',
  bp384: 'brainpoolP384r1',
  bp512: 'brainpoolP512r1',
} as const

const PLAIN_KINDS = [
  ...(['ed25519', 'ed448', 'x25519', 'x448'] as const),
  ...(['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87', 'ml-kem-512', 'ml-kem-768', 'ml-kem-1024'] as const),
  ...(['slh-dsa-sha2-128f', 'slh-dsa-shake-128f'] as const),
] as const

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
    case 'p384':
    case 'p521':
    case 'bp256':
    case 'bp384':
    case 'bp512':
      return generateKeyPairSync('ec', { namedCurve: CURVES[kind] })
    case 'rsa':
    case 'rsa-1024':
    case 'rsa-pss': {
      const known = rsaPairs.get(kind + label)
      if (known !== undefined) return known
      const modulusLength = kind === 'rsa-1024' ? 1024 : 2048
      const pair =
        kind === 'rsa-pss'
          ? generateKeyPairSync('rsa-pss', { modulusLength })
          : generateKeyPairSync('rsa', { modulusLength })
      rsaPairs.set(kind + label, pair)
      return pair
    }
    default:
      return generatePlain(kind)
  }
}

/** Kinds without parameters. The overloads of node:crypto take one name each. */
const generatePlain = generateKeyPairSync as unknown as (kind: (typeof PLAIN_KINDS)[number]) => KeyPair

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
  const usage = usageOf(kind)
  const certificate = parseCertificate(
    issueCertificate({
      subject: { O: 'Test', CN: name },
      issuer: { certificate: intermediate, key: intermediateKey.privateKey },
      publicKey,
      ...validity,
      extensions: {
        emails: [email],
        extendedKeyUsage: ['1.3.6.1.5.5.7.3.4'],
        keyUsage: usage,
        ...extensions,
      },
    }),
  )
  return { key: privateKey, certificate, chain: [intermediate], email }
}

function usageOf(kind: KeyKind): readonly ('digitalSignature' | 'keyEncipherment' | 'keyAgreement')[] {
  if (kind === 'rsa' || kind === 'rsa-1024') return ['digitalSignature', 'keyEncipherment']
  if (kind in CURVES) return ['digitalSignature', 'keyAgreement']
  if (kind.startsWith('ml-kem')) return ['keyEncipherment']
  return kind === 'x25519' || kind === 'x448' ? ['keyAgreement'] : ['digitalSignature']
}
