/**
 * The valid inputs that are mutated: certificates, CRLs, PKCS#12 files, CMS objects and mails of every form, made afresh.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import {
  encryptEntity,
  issueCertificate,
  issueCrl,
  parseCertificate,
  protectHeaders,
  readPrivateKey,
  signEntity,
  writePkcs12,
  type Certificate,
  type DecryptionKey,
  type EncryptOptions,
} from '@siegel/engine'

/** What an input is, and so which functions read it. */
export type SeedKind = 'certificate' | 'crl' | 'pkcs12' | 'private-key' | 'mail' | 'signed-mail' | 'cms'

/** One valid input. */
export interface Seed {
  readonly kind: SeedKind
  readonly name: string
  readonly bytes: Buffer
}

/** Everything that is needed to read the seeds. */
export interface Material {
  readonly seeds: readonly Seed[]
  readonly root: Certificate
  readonly keys: readonly DecryptionKey[]
}

/** The moment of everything here, in milliseconds since 1970. */
export const AT: number = Date.UTC(2026, 5, 1)
const DAY = 86_400_000
const validity = { notBefore: AT - 10 * DAY, notAfter: AT + 100 * DAY }

interface Person {
  readonly key: KeyObject
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
}

/** Makes a person's certificate. */
function person(name: string, pair: { privateKey: KeyObject; publicKey: KeyObject }, root: Person): Person {
  const der = issueCertificate({
    subject: { O: 'Fuzz', CN: name },
    issuer: { certificate: root.certificate, key: root.key },
    publicKey: pair.publicKey,
    ...validity,
    extensions: { emails: [`${name}@example.org`], extendedKeyUsage: ['1.3.6.1.5.5.7.3.4'] },
  })
  return { key: pair.privateKey, certificate: parseCertificate(der), chain: [] }
}

function makeRoot(): Person {
  const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = { O: 'Fuzz', CN: 'Root' }
  const der = issueCertificate({ subject, issuer: { key }, publicKey, ...validity, extensions: { ca: true } })
  return { key, certificate: parseCertificate(der), chain: [] }
}

const TEXT =
  'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nPay =31=30 to Bob\r\n'
const HTML = 'Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+UGF5IDEwPC9iPg==\r\n'
const MIXED =
  `Content-Type: multipart/mixed; boundary="m"\r\n\r\npreamble\r\n--m\r\n${TEXT}\r\n--m\r\n` +
  `Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n${TEXT}\r\n--a\r\n${HTML}\r\n--a--\r\n` +
  `--m\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx\r\n--m--\r\nepilogue\r\n`
const HEADER =
  'Received: from a by b; Mon, 1 Jun 2026 00:00:00 +0000\r\nFrom: "Alice (A)" <alice@example.org>\r\n' +
  'To: Bob <bob@example.org>, group: carol@example.org;\r\nSubject: =?utf-8?q?H=C3=A4?=\r\nMIME-Version: 1.0\r\n'

function crl(root: Person): Buffer {
  return issueCrl({
    issuer: { certificate: root.certificate, key: root.key },
    thisUpdate: AT - DAY,
    nextUpdate: AT + DAY,
    number: 7n,
    entries: [1, 2, 3].map((serial) => ({
      serial: Buffer.from([serial]),
      revocationDate: AT - DAY,
      reason: 'keyCompromise',
    })),
  })
}

function pkcs12({ key, certificate }: Person): Buffer {
  return writePkcs12({
    key,
    certificates: [certificate],
    password: 'x',
    iterations: 1000,
    macIterations: 1000,
  })
}

/** Makes all seeds. */
export function makeMaterial(): Material {
  const root = makeRoot()
  const alice = person('alice', generateKeyPairSync('ec', { namedCurve: 'P-256' }), root)
  const bob = person('bob', generateKeyPairSync('rsa', { modulusLength: 2048 }), root)
  const carol = person('carol', generateKeyPairSync('ec', { namedCurve: 'P-384' }), root)
  const mail = (...entity: readonly (Buffer | string)[]) =>
    Buffer.concat([HEADER, ...entity].map((piece) => Buffer.from(piece)))
  const sign = (entity: string, opaque: boolean, who: Person = alice) =>
    Buffer.concat(signEntity([Buffer.from(entity)], who, { at: AT, opaque, boundary: '0123456789abcdef' }))
  const seal = (entity: Buffer | string, to: Person, cipher: EncryptOptions['cipher']) => {
    const options = { recipients: [to.certificate], cipher, keyTransport: 'oaep-sha256' as const }
    return Buffer.concat(encryptEntity([Buffer.from(entity)], options))
  }
  const hidden = protectHeaders(mail(TEXT), 'cipher', true)
  const bodyOf = (entity: Buffer) =>
    Buffer.from(entity.toString('latin1').split('\r\n\r\n')[1] ?? '', 'base64')
  const key = (who: Person) => who.key.export({ type: 'pkcs8', format: 'der' })
  const seeds: Seed[] = [
    { kind: 'certificate', name: 'rsa certificate', bytes: bob.certificate.raw },
    { kind: 'certificate', name: 'root certificate', bytes: root.certificate.raw },
    { kind: 'crl', name: 'crl', bytes: crl(root) },
    { kind: 'pkcs12', name: 'pkcs12', bytes: pkcs12(alice) },
    { kind: 'private-key', name: 'pkcs8', bytes: key(bob) },
    { kind: 'mail', name: 'plain', bytes: mail(TEXT) },
    { kind: 'mail', name: 'mixed', bytes: mail(MIXED) },
    { kind: 'signed-mail', name: 'clear signed', bytes: mail(sign(MIXED, false)) },
    { kind: 'signed-mail', name: 'opaque signed', bytes: mail(sign(TEXT, true)) },
    {
      kind: 'signed-mail',
      name: 'signed with rsa',
      bytes: mail(sign(TEXT, false, { ...bob, certificate: bob.certificate })),
    },
    { kind: 'mail', name: 'encrypted gcm', bytes: mail(seal(sign(TEXT, false), bob, 'aes256-gcm')) },
    { kind: 'mail', name: 'encrypted cbc', bytes: mail(seal(TEXT, carol, 'aes256-cbc')) },
    {
      kind: 'mail',
      name: 'hidden header',
      bytes: Buffer.concat([...hidden.outer, seal(Buffer.concat(hidden.entity), carol, 'aes128-gcm')]),
    },
    { kind: 'cms', name: 'signed data', bytes: bodyOf(sign(TEXT, true)) },
    { kind: 'cms', name: 'enveloped data', bytes: bodyOf(seal(TEXT, carol, 'aes128-cbc')) },
    { kind: 'cms', name: 'auth enveloped data', bytes: bodyOf(seal(TEXT, bob, 'aes128-gcm')) },
  ]
  return { seeds, root: root.certificate, keys: [alice, bob, carol] }
}

/** What can be kept in a file, so that a run can be repeated. */
interface Kept {
  readonly root: string
  readonly seeds: readonly { readonly kind: SeedKind; readonly name: string; readonly bytes: string }[]
  readonly keys: readonly { readonly key: string; readonly certificate: string }[]
}

/** The material as text. */
export function writeMaterial({ root, seeds, keys }: Material): string {
  const kept: Kept = {
    root: root.raw.toString('base64'),
    seeds: seeds.map(({ kind, name, bytes }) => ({ kind, name, bytes: bytes.toString('base64') })),
    keys: keys.map(({ key, certificate }) => ({
      key: key.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
      certificate: certificate?.raw.toString('base64') ?? '',
    })),
  }
  return JSON.stringify(kept)
}

/** The material from its text. */
export function readMaterial(text: string): Material {
  const kept = JSON.parse(text) as Kept // written above
  const bytes = (base64: string) => Buffer.from(base64, 'base64')
  return {
    root: parseCertificate(bytes(kept.root)),
    seeds: kept.seeds.map((seed) => ({ ...seed, bytes: bytes(seed.bytes) })),
    keys: kept.keys.map(({ key, certificate }) => ({
      key: readPrivateKey(bytes(key)),
      certificate: parseCertificate(bytes(certificate)),
    })),
  }
}
