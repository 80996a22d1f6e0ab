/**
 * Makes signed entities: multipart/signed (RFC 8551 3.5.3) or application/pkcs7-mime with the content inside (3.5.2).
 * Takes the entity as it is to be signed, canonical and safe for 7-bit transport; that is entity.ts's and mime's work.
 */
import { signDetached, signOpaque, signingDigest } from '../cms/sign.ts'
import type { SignOptions, SigningKey, UsedDigest } from '../cms/sign.ts'
import { chooseBoundary } from '../mime/boundary.ts'
import { encodeBase64Lines } from '../mime/encode.ts'

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
  const boundary = chooseBoundary(options.boundary, entity)
  const micalg = MICALG[signingDigest(signer.key, options)]
  const start = Buffer.from(
    `Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n micalg=${micalg};\r\n` +
      ` boundary="${boundary}"\r\n\r\n--${boundary}\r\n`,
    'latin1',
  )
  const middle = Buffer.from(`\r\n--${boundary}\r\n${SIGNATURE}`, 'latin1')
  const end = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1')
  return [start, ...entity, middle, signature, end]
}
