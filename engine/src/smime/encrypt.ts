/**
 * Makes encrypted entities: application/pkcs7-mime with EnvelopedData or AuthEnvelopedData (RFC 8551 3.3, 3.4).
 */
import { Rope } from '../bytes/rope.ts'
import type { ByteSource } from '../bytes/source.ts'
import { encrypt, encryptSource } from '../cms/encrypt.ts'
import type { EncryptOptions } from '../cms/encrypt.ts'
import { isAuthenticated } from '../cms/content-parameters.ts'
import { encodeBase64Lines } from '../mime/encode.ts'
import { base64Source } from '../mime/recode.ts'

const head = (smimeType: string): Buffer =>
  Buffer.from(
    `Content-Type: application/pkcs7-mime; smime-type=${smimeType};\r\n name="smime.p7m"\r\n` +
      'Content-Transfer-Encoding: base64\r\n' +
      'Content-Disposition: attachment; filename="smime.p7m"\r\n\r\n',
  )
const ENVELOPED = head('enveloped-data')
// RFC 8551 3.2.2
const AUTH_ENVELOPED = head('authEnveloped-data')

/**
 * Encrypts an entity to all recipients, or to none.
 * @param entity - Content fields, empty line and body, in pieces
 * @returns a new entity in pieces: Content fields, empty line, body
 * @throws EngineError `no-recipients`, `certificate-not-for-encryption`, `unsupported-key-encryption`
 */
export function encryptEntity(entity: readonly Buffer[], options: EncryptOptions): readonly Buffer[] {
  return [headFor(options), encodeBase64Lines(encrypt(entity, options))]
}

/**
 * Encrypts an entity that is not in memory, to all recipients, or to none.
 * @param entity - it is read and encrypted whenever the result is read, with the same result
 * @returns a new entity: Content fields, empty line, body
 * @throws EngineError as `encryptEntity`
 */
export function encryptEntitySource(entity: ByteSource, options: EncryptOptions): ByteSource {
  return new Rope([headFor(options), base64Source(encryptSource(entity, options))])
}

function headFor({ cipher }: EncryptOptions): Buffer {
  return isAuthenticated(cipher) ? AUTH_ENVELOPED : ENVELOPED
}
