/**
 * Makes signed entities: multipart/signed (RFC 8551 3.5.3) or application/pkcs7-mime with the content inside (3.5.2).
 * Takes the entity as it is to be signed, canonical and safe for 7-bit transport; that is entity.ts's and mime's work.
 */
import { Rope } from '../bytes/rope.ts'
import type { ByteSource } from '../bytes/source.ts'
import {
  signDetached,
  signDigest,
  signOpaque,
  signOpaqueDigest,
  signingDigest,
  startContentDigest,
} from '../cms/sign.ts'
import type { SignOptions, SigningKey, UsedDigest } from '../cms/sign.ts'
import { boundaryCandidate, BoundarySearch, chooseBoundary } from '../mime/boundary.ts'
import { encodeBase64Lines } from '../mime/encode.ts'
import { base64Source } from '../mime/recode.ts'

/** How to sign an entity. */
export interface SignEntityOptions extends SignOptions {
  /** application/pkcs7-mime instead of multipart/signed. */
  readonly opaque?: boolean
  /** Random letters and digits, new for each message, at least 16: the boundary is made of them. Not used when opaque. */
  readonly boundary: string
}

/** RFC 8551 3.5.3.2 */
const MICALG: Readonly<Record<UsedDigest, string>> = {
  sha256: 'sha-256',
  sha384: 'sha-384',
  sha512: 'sha-512',
  // RFC 8702 3.1 uses the registered name
  shake256: 'shake256',
}

const OPAQUE = Buffer.from(
  'Content-Type: application/pkcs7-mime; smime-type=signed-data;\r\n name="smime.p7m"\r\n' +
    'Content-Transfer-Encoding: base64\r\n' +
    'Content-Disposition: attachment; filename="smime.p7m"\r\n\r\n',
)
const SIGNATURE =
  'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\n' +
  'Content-Transfer-Encoding: base64\r\n' +
  'Content-Disposition: attachment; filename="smime.p7s"\r\n\r\n'

/**
 * Signs an entity.
 * @param entity - Content fields, empty line and body, canonical, in pieces; the pieces stand in a clear-signed result
 * @returns a new entity in pieces: Content fields, empty line, body
 * @throws EngineError `key-mismatch`, `unsupported-algorithm`
 */
export function signEntity(
  entity: readonly Buffer[],
  signer: SigningKey,
  options: SignEntityOptions,
): readonly Buffer[] {
  if (options.opaque === true) return [OPAQUE, encodeBase64Lines(signOpaque(entity, signer, options))]
  const signature = encodeBase64Lines([signDetached(entity, signer, options)])
  return around(
    entity,
    signature,
    chooseBoundary(options.boundary, entity),
    signingDigest(signer.key, options),
  )
}

/**
 * Signs an entity that is not in memory.
 * @param entity - as for `signEntity`; it is read now, to be hashed, and again when the result is read
 * @returns a new entity: Content fields, empty line, body
 * @throws EngineError as `signEntity`, and what the source throws
 */
export async function signEntitySource(
  entity: ByteSource,
  signer: SigningKey,
  options: SignEntityOptions,
): Promise<ByteSource> {
  const digest = signingDigest(signer.key, options)
  const { hash, boundary } = await readOnce(entity, digest, options.boundary)
  if (options.opaque === true) {
    const [start, end] = signOpaqueDigest(hash, entity.length, signer, options)
    return new Rope([OPAQUE, base64Source(new Rope([start, entity, end]))])
  }
  const signature = encodeBase64Lines([signDigest(hash, signer, options)])
  return new Rope(around([entity], signature, boundary, digest))
}

/** Hashes an entity and finds a boundary that does not stand in it, in one reading. */
async function readOnce(
  entity: ByteSource,
  digest: UsedDigest,
  seed: string,
): Promise<{ readonly hash: Buffer; readonly boundary: string }> {
  for (let n = 0; ; n++) {
    const boundary = boundaryCandidate(seed, n)
    const search = new BoundarySearch(boundary)
    const hash = startContentDigest(digest)
    let found = false
    for await (const chunk of entity.chunks()) {
      hash.update(chunk)
      found ||= search.found(chunk)
    }
    if (!found) return { hash: hash.digest(), boundary }
  }
}

/** A multipart/signed around an entity. */
function around<P>(
  entity: readonly P[],
  signature: Buffer,
  boundary: string,
  digest: UsedDigest,
): readonly (P | Buffer)[] {
  const start = Buffer.from(
    `Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n micalg=${MICALG[digest]};\r\n` +
      ` boundary="${boundary}"\r\n\r\n--${boundary}\r\n`,
    'latin1',
  )
  const middle = Buffer.from(`\r\n--${boundary}\r\n${SIGNATURE}`, 'latin1')
  const end = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1')
  return [start, ...entity, middle, signature, end]
}
