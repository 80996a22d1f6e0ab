/**
 * Makes encrypted entities: application/pkcs7-mime with EnvelopedData or AuthEnvelopedData (RFC 8551 3.3, 3.4).
 */
import { encrypt } from '../cms/encrypt.ts'
import type { EncryptOptions } from '../cms/encrypt.ts'
import { isAuthenticated } from '../cms/content-parameters.ts'
import { encodeBase64Lines } from '../mime/encode.ts'

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
  return [
    isAuthenticated(options.cipher) ? AUTH_ENVELOPED : ENVELOPED,
    encodeBase64Lines(encrypt(entity, options)),
  ]
}
