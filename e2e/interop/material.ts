/**
 * Keys, certificates and mails of one run: a root, an intermediate, and a person for each kind of key, all made afresh. Throw-away
 * keys only; nothing outlives the run's folder.
 */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { issueCertificate, parseCertificate, writePem } from '@siegel/engine'
import type { Certificate } from '@siegel/engine'
import { KEY_KINDS } from './rows.ts'
import type { KeyKind } from './rows.ts'

/** A person with one key. */
export interface Person {
  readonly name: string
  readonly email: string
  readonly key: KeyObject
  readonly certificate: Certificate
  /** Files in PEM: certificate, private key (PKCS #8). */
  readonly certificateFile: string
  readonly keyFile: string
}

/** Everything of one run. */
export interface Material {
  readonly folder: string
  readonly root: Certificate
  readonly rootKey: KeyObject
  readonly intermediate: Certificate
  readonly intermediateKey: KeyObject
  /** Files in PEM. */
  readonly rootFile: string
  readonly intermediateFile: string
  readonly intermediateKeyFile: string
  readonly password: string
  person(kind: KeyKind): Person
  /** A new file with these bytes. */
  file(bytes: Buffer | string, extension?: string): string
  /** A new folder with a short name: sockets are made in some. */
  newFolder(name: string): string
  /** The MIME entity that is signed and encrypted: CRLF, 7-bit. */
  readonly entity: Buffer
  /** A word of the entity that no other run has. */
  readonly token: string
  close(): void
}

const DAY = 86_400_000

function makeKeys(kind: KeyKind): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  switch (kind) {
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 2048 })
    case 'p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    case 'p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' })
    case 'p521':
      return generateKeyPairSync('ec', { namedCurve: 'P-521' })
    case 'brainpool256':
    case 'brainpool384':
    case 'brainpool512':
      return generateKeyPairSync('ec', { namedCurve: `brainpoolP${kind.slice(-3)}r1` })
    case 'ed25519':
      return generateKeyPairSync('ed25519')
    case 'ed448':
      return generateKeyPairSync('ed448')
    case 'x25519':
      return generateKeyPairSync('x25519')
    case 'x448':
      return generateKeyPairSync('x448')
    case 'ml-dsa-44':
      return generateKeyPairSync('ml-dsa-44')
    case 'ml-dsa-65':
      return generateKeyPairSync('ml-dsa-65')
    case 'ml-dsa-87':
      return generateKeyPairSync('ml-dsa-87')
    case 'slh-dsa-sha2-128s':
      return generateKeyPairSync('slh-dsa-sha2-128s')
    case 'ml-kem-512':
      return generateKeyPairSync('ml-kem-512')
    case 'ml-kem-768':
      return generateKeyPairSync('ml-kem-768')
    case 'ml-kem-1024':
      return generateKeyPairSync('ml-kem-1024')
  }
}

/** RFC 5480 3, RFC 8410 5, RFC 9881 5, RFC 9935 5: what a key of this kind may be used for. */
function usage(kind: KeyKind) {
  if (kind === 'rsa') return ['digitalSignature', 'keyEncipherment'] as const
  if (kind.startsWith('ml-kem')) return ['keyEncipherment'] as const
  if (kind.startsWith('x')) return ['keyAgreement'] as const
  if (/^p\d|brainpool/.test(kind)) return ['digitalSignature', 'keyAgreement'] as const
  return ['digitalSignature'] as const
}

/** Makes the material of one run. */
export function makeMaterial(): Material {
  const folder = mkdtempSync(join(tmpdir(), 'si-'))
  let files = 0
  const file = (bytes: Buffer | string, extension = 'bin'): string => {
    const path = join(folder, `${files++}.${extension}`)
    writeFileSync(path, bytes)
    return path
  }
  const newFolder = (name: string): string => {
    const path = join(folder, name)
    mkdirSync(path, { mode: 0o700 })
    return path
  }
  const pemOf = (certificate: Certificate) => file(writePem('CERTIFICATE', certificate.raw), 'pem')
  const keyPem = (key: KeyObject) => file(key.export({ type: 'pkcs8', format: 'pem' }), 'pem')
  const validity = { notBefore: Date.now() - DAY, notAfter: Date.now() + 30 * DAY }
  const rootKeys = makeKeys('rsa')
  const root = parseCertificate(
    issueCertificate({
      subject: { O: 'Interop', CN: 'Root' },
      issuer: { key: rootKeys.privateKey },
      publicKey: rootKeys.publicKey,
      ...validity,
      extensions: { ca: true },
    }),
  )
  const middleKeys = makeKeys('rsa')
  const intermediate = parseCertificate(
    issueCertificate({
      subject: { O: 'Interop', CN: 'Intermediate' },
      issuer: { certificate: root, key: rootKeys.privateKey },
      publicKey: middleKeys.publicKey,
      ...validity,
      extensions: { ca: true, pathLength: 0 },
    }),
  )
  const people = new Map<KeyKind, Person>(
    KEY_KINDS.map((kind) => {
      const { privateKey, publicKey } = makeKeys(kind)
      const name = `person-${kind}`
      const email = `${kind}@interop.example`
      const certificate = parseCertificate(
        issueCertificate({
          subject: { O: 'Interop', CN: name },
          issuer: { certificate: intermediate, key: middleKeys.privateKey },
          publicKey,
          // Small: NSS keeps serial numbers of a CRL to be written in 64 bits.
          serial: Buffer.concat([Buffer.of(0x40), randomBytes(6)]),
          ...validity,
          extensions: {
            emails: [email],
            extendedKeyUsage: ['1.3.6.1.5.5.7.3.4'],
            keyUsage: usage(kind),
          },
        }),
      )
      const person = {
        name,
        email,
        key: privateKey,
        certificate,
        certificateFile: pemOf(certificate),
        keyFile: keyPem(privateKey),
      }
      return [kind, person]
    }),
  )
  const token = randomUUID()
  return {
    folder,
    root,
    rootKey: rootKeys.privateKey,
    intermediate,
    intermediateKey: middleKeys.privateKey,
    rootFile: pemOf(root),
    intermediateFile: pemOf(intermediate),
    intermediateKeyFile: keyPem(middleKeys.privateKey),
    password: randomBytes(9).toString('base64url'),
    person(kind) {
      const found = people.get(kind)
      if (found === undefined) throw new Error(`nobody has a key of kind ${kind}`)
      return found
    },
    file,
    newFolder,
    entity: Buffer.from(
      `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello ${token},\r\n\r\nthis is text.  \r\n-- \r\nInterop\r\n`,
    ),
    token,
    close() {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
