/**
 * Encrypted mails that cannot be opened, each broken in one way, and all alike in size and algorithms within a family: what
 * differs between two of one family is only where opening fails. Made by hand, because no library makes them on purpose.
 */
import {
  constants,
  createCipheriv,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { issueCertificate, parseCertificate, type Certificate, type DecryptionKey } from '@siegel/engine'
import { writeAlgorithm } from '../../engine/src/der/algorithm.ts'
import { Oid } from '../../engine/src/der/oid.ts'
import { explicit, integer, nil, octets, oid, sequence, set, tlv } from '../../engine/src/der/writer.ts'

/** What a mail is broken in. */
export type Kind =
  | 'wrong key'
  | 'bad v1.5 padding'
  | 'bad OAEP'
  | 'bad CEK length'
  | 'bad CBC padding'
  | 'bad GCM tag'
  | 'truncated content'
  | 'malformed MIME inside'
  | 'malformed DER inside'

/** Algorithms in common, and the kinds that exist with them. */
export interface Family {
  readonly name: string
  readonly transport: 'v1.5' | 'oaep'
  readonly cipher: 'aes-128-cbc' | 'aes-128-gcm'
  readonly bits: 2048 | 4096
  /** The first is what all others are compared with. */
  readonly kinds: readonly Kind[]
}

const INSIDE: readonly Kind[] = ['truncated content', 'malformed MIME inside', 'malformed DER inside']
export const FAMILIES: readonly Family[] = [
  {
    name: 'RSA v1.5, AES-CBC',
    ...{ transport: 'v1.5', cipher: 'aes-128-cbc', bits: 2048 },
    kinds: ['wrong key', 'bad v1.5 padding', 'bad CEK length', 'bad CBC padding', ...INSIDE],
  },
  {
    name: 'RSA v1.5, AES-GCM',
    ...{ transport: 'v1.5', cipher: 'aes-128-gcm', bits: 2048 },
    kinds: ['wrong key', 'bad v1.5 padding', 'bad CEK length', 'bad GCM tag', ...INSIDE],
  },
  {
    name: 'RSA-OAEP, AES-GCM',
    ...{ transport: 'oaep', cipher: 'aes-128-gcm', bits: 2048 },
    kinds: ['wrong key', 'bad OAEP', 'bad CEK length', 'bad GCM tag', ...INSIDE],
  },
  {
    name: 'RSA-4096 v1.5, CBC',
    ...{ transport: 'v1.5', cipher: 'aes-128-cbc', bits: 4096 },
    kinds: ['wrong key', 'bad v1.5 padding', 'bad CBC padding', 'malformed MIME inside'],
  },
]

/** The moment of everything here, in milliseconds since 1970. */
export const NOW: number = Date.UTC(2026, 0, 15)
const DAY = 86_400_000

interface Recipient extends DecryptionKey {
  readonly certificate: Certificate
  readonly publicKey: KeyObject
}

function makeRecipient(bits: number): Recipient {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits })
  const certificate = parseCertificate(
    issueCertificate({
      subject: { CN: 'Recipient' },
      issuer: { key: privateKey },
      publicKey,
      notBefore: NOW - DAY,
      notAfter: NOW + DAY,
      extensions: { emails: ['bob@example.org'] },
    }),
  )
  return { key: privateKey, publicKey, certificate }
}

/** The recipients by the length of their keys, who can open none of these. */
export const RECIPIENTS: Readonly<Record<Family['bits'], Recipient>> = {
  2048: makeRecipient(2048),
  4096: makeRecipient(4096),
}

/** Octets of plaintext in every mail. */
const SIZE = 4096

/** Fills up to SIZE, so that every mail of a family is equally long. */
function padded(start: string): Buffer {
  const out = Buffer.alloc(SIZE, 'x')
  out.write(start, 'latin1')
  return out
}

/** A message in a message, deeper than the limit; or noise, which is no MIME entity where nothing authenticates it. */
function malformedMime(cipher: Family['cipher']): Buffer {
  if (cipher === 'aes-128-cbc') return Buffer.concat([Buffer.from([0, 1, 2]), randomBytes(SIZE - 3)])
  return padded('Content-Type: message/rfc822\r\n\r\n'.repeat(101))
}

const MALFORMED_DER =
  'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\n'

function plaintext(kind: Kind, cipher: Family['cipher']): Buffer {
  if (kind === 'malformed MIME inside') return malformedMime(cipher)
  if (kind === 'malformed DER inside') return padded(`${MALFORMED_DER}MIAGCSqGSIb3DQEHA6CAMIACAQA`)
  return padded('Content-Type: text/plain\r\n\r\n')
}

function encryptedKey(kind: Kind, { transport, bits }: Family, contentKey: Buffer): Buffer {
  const { publicKey } = RECIPIENTS[bits]
  const raw = (block: Buffer) => publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block)
  if (kind === 'bad v1.5 padding' || kind === 'bad OAEP')
    return raw(Buffer.concat([Buffer.from([0, 1]), randomBytes(bits / 8 - 2)]))
  const key =
    kind === 'bad CEK length' ? randomBytes(24) : kind === 'wrong key' ? randomBytes(16) : contentKey
  return transport === 'oaep'
    ? publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, key)
    : publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, key)
}

const SHA256 = writeAlgorithm(Oid.sha256, nil())
const TRANSPORTS = {
  'v1.5': writeAlgorithm(Oid.rsaEncryption, nil()),
  oaep: writeAlgorithm(
    Oid.idRsaesOaep,
    sequence(explicit(0, SHA256), explicit(1, writeAlgorithm(Oid.idMgf1, SHA256))),
  ),
} as const

/** Encrypts, and breaks what the kind says of the content. */
function content(kind: Kind, cipher: Family['cipher'], key: Buffer) {
  const iv = randomBytes(cipher === 'aes-128-cbc' ? 16 : 12)
  const plain = plaintext(kind, cipher)
  if (cipher === 'aes-128-gcm') {
    const aead = createCipheriv('aes-128-gcm', key, iv)
    const body = Buffer.concat([aead.update(plain), aead.final()])
    const tag = aead.getAuthTag()
    if (kind === 'bad GCM tag') tag.writeUInt8(tag.readUInt8(3) ^ 1, 3)
    const algorithm = writeAlgorithm(Oid.aes128Gcm, sequence(octets(iv), integer(16)))
    return { algorithm, body: kind === 'truncated content' ? body.subarray(0, -5) : body, tag }
  }
  const cbc = createCipheriv('aes-128-cbc', key, iv)
  if (kind === 'bad CBC padding') cbc.setAutoPadding(false)
  const last = kind === 'bad CBC padding' ? [Buffer.alloc(16, 0x99)] : []
  const body = Buffer.concat([cbc.update(Buffer.concat([plain, ...last])), cbc.final()])
  const algorithm = writeAlgorithm(Oid.aes128Cbc, octets(iv))
  return { algorithm, body: kind === 'truncated content' ? body.subarray(0, -5) : body, tag: null }
}

/** One mail of a family, broken in one way. */
export function brokenMail(family: Family, kind: Kind): Buffer {
  const { transport, cipher, bits } = family
  const { certificate } = RECIPIENTS[bits]
  const key = randomBytes(16)
  const { algorithm, body, tag } = content(kind, cipher, key)
  const encrypted = encryptedKey(kind, family, key)
  const entry = sequence(integer(0), certificate.issuerAndSerial, TRANSPORTS[transport], octets(encrypted))
  const info = sequence(oid(Oid.idData), algorithm, tlv(0x80, body))
  const data = sequence(integer(0), set(entry), info, ...(tag === null ? [] : [octets(tag)]))
  const type = tag === null ? Oid.idEnvelopedData : Oid.idCtAuthEnvelopedData
  const cms = sequence(oid(type), explicit(0, data))
  const lines = cms.toString('base64').match(/.{1,64}/g) ?? []
  const smimeType = tag === null ? 'enveloped-data' : 'authEnveloped-data'
  const head = [
    ...['From: alice@example.org', 'To: bob@example.org', 'MIME-Version: 1.0'],
    `Content-Type: application/pkcs7-mime; smime-type=${smimeType}`,
    ...['Content-Transfer-Encoding: base64', ''],
  ]
  return Buffer.from([...head, ...lines, ''].join('\r\n'))
}
