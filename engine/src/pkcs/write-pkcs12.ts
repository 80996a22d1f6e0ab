/**
 * Writes PKCS#12 files (RFC 7292): one key with its certificates, PBES2 with AES-256, MAC with HMAC-SHA-256 or PBMAC1.
 * No outdated algorithm is ever written.
 */
import { createHash, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { Oid } from '../der/oid.ts'
import { bmp, explicit, implicit, integer, octets, oid, sequence, set, setOf } from '../der/writer.ts'
import type { Certificate } from '../x509/certificate.ts'
import { encryptWithPassword } from './pbes2.ts'
import { writeMac } from './pkcs12-mac.ts'
import type { Pkcs12MacScheme } from './pkcs12-mac.ts'

/** What to write. */
export interface WritePkcs12Options {
  /** The private key. */
  readonly key: KeyObject
  /** The key's own certificate first. */
  readonly certificates: readonly Certificate[]
  /** Text; empty is allowed. */
  readonly password: string
  /** Shown by certificate stores. */
  readonly friendlyName?: string
  /** Rounds of key derivation. Default 600000. */
  readonly iterations?: number
  /** Rounds of the MAC's key derivation. Default 100000. */
  readonly macIterations?: number
  /** Default `hmac-sha256`, which every program reads. */
  readonly mac?: Pkcs12MacScheme
}

/**
 * Returns the DER of a new file.
 * @throws EngineError `request-invalid` if the key is not private or not that of the first certificate
 */
export function writePkcs12(options: WritePkcs12Options): Buffer {
  const { key, certificates, password, iterations } = options
  const [own] = certificates
  if (key.type !== 'private') throw new EngineError('request-invalid', 'not a private key')
  if (own !== undefined && !isKeyOf(key, own))
    throw new EngineError('request-invalid', 'the key is not that of the first certificate')
  const localKeyId = own === undefined ? null : createHash('sha1').update(own.raw).digest()
  const attributes = bagAttributes(localKeyId, options.friendlyName)

  const shrouded = encryptWithPassword(key.export({ format: 'der', type: 'pkcs8' }), password, iterations)
  const keyBag = bag(
    Oid.pkcs8ShroudedKeyBag,
    sequence(shrouded.algorithm, octets(shrouded.encrypted)),
    attributes,
  )
  const certBags = certificates.map((certificate, index) =>
    bag(
      Oid.certBag,
      sequence(oid(Oid.x509Certificate), explicit(0, octets(certificate.raw))),
      index === 0 ? attributes : null,
    ),
  )
  const sealed = encryptWithPassword(sequence(...certBags), password, iterations)
  const authSafe = sequence(
    sequence(
      oid(Oid.idEncryptedData),
      explicit(
        0,
        sequence(
          integer(0),
          sequence(oid(Oid.idData), sealed.algorithm, implicit(0, octets(sealed.encrypted))),
        ),
      ),
    ),
    contentInfo(sequence(keyBag)),
  )
  return sequence(
    integer(3),
    contentInfo(authSafe),
    writeMac(authSafe, password, options.macIterations, options.mac),
  )
}

function isKeyOf(key: KeyObject, certificate: Certificate): boolean {
  return certificate.publicKey.equals(createPublicKey(key))
}

function contentInfo(content: Buffer): Buffer {
  return sequence(oid(Oid.idData), explicit(0, octets(content)))
}

function bag(type: string, value: Buffer, attributes: Buffer | null): Buffer {
  return sequence(oid(type), explicit(0, value), ...(attributes === null ? [] : [attributes]))
}

function bagAttributes(localKeyId: Buffer | null, friendlyName: string | undefined): Buffer | null {
  const parts: Buffer[] = []
  if (localKeyId !== null) parts.push(sequence(oid(Oid.localKeyId), set(octets(localKeyId))))
  if (friendlyName !== undefined) parts.push(sequence(oid(Oid.friendlyName), set(bmp(friendlyName))))
  return parts.length === 0 ? null : setOf(parts)
}
