/**
 * Writes EnvelopedData (RFC 5652 6.1) with AES-CBC and AuthEnvelopedData (RFC 5083) with AES-GCM for any number of
 * certificates. The ciphertext is not copied: the result is a list of pieces, definite-length DER.
 */
import { Oid } from '../der/oid.ts'
import { header, integer, octets, oid, setOf } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { encryptPieces } from './content-encryption.ts'
import type { WrittenCipher } from './content-encryption.ts'
import { writeKeyAgreement } from './key-agreement.ts'
import { writeKeyTransport } from './key-transport.ts'
import type { WrittenTransport } from './key-transport.ts'

/** How and to whom to encrypt. */
export interface EncryptOptions {
  /** One RecipientInfo each; at least one. RSA, EC or X25519 keys. */
  readonly recipients: readonly Certificate[]
  readonly cipher: WrittenCipher
  /** For RSA keys. */
  readonly keyTransport: WrittenTransport
}

const VERSION_0 = integer(0)
const VERSION_2 = integer(2)

/**
 * Encrypts content to all recipients, or to none of them: one bad certificate fails the call.
 * @param content - the content in pieces
 * @returns a ContentInfo in DER, in pieces
 * @throws EngineError `no-recipients`, `certificate-not-for-encryption`, `unsupported-key-encryption`
 */
export function encrypt(content: readonly Buffer[], options: EncryptOptions): Buffer[] {
  if (options.recipients.length === 0) throw new EngineError('no-recipients', 'no recipient certificates')
  const agreed = options.recipients.map(checkUse)
  const { key, algorithm, pieces, length, mac } = encryptPieces(options.cipher, content)
  const infos = setOf(
    options.recipients.map((certificate, at) =>
      agreed[at] === true
        ? writeKeyAgreement(certificate, key)
        : writeKeyTransport(certificate, key, options.keyTransport),
    ),
  )
  // RFC 5652 6.1: version 2 when a RecipientInfo is not version 0. RFC 5083 2.1: version 0.
  const version = mac === null && agreed.includes(true) ? VERSION_2 : VERSION_0
  const tail = mac === null ? [] : [octets(mac)]
  const type = oid(mac === null ? Oid.idEnvelopedData : Oid.idCtAuthEnvelopedData)
  return frame(type, [version, infos], [oid(Oid.idData), algorithm], pieces, length, tail)
}

/** Whether the certificate's key agrees keys (else it transports them); refused if it may do neither. */
function checkUse(certificate: Certificate): boolean {
  const agrees = certificate.publicKey.asymmetricKeyType !== 'rsa'
  const { keyUsage } = certificate
  // RFC 8550 4.4.2; some EC certificates name the wrong one of the two
  const allowed =
    keyUsage === null || keyUsage.has('keyEncipherment') || (agrees && keyUsage.has('keyAgreement'))
  if (!allowed)
    throw new EngineError('certificate-not-for-encryption', `key usage of ${certificate.subject.text}`)
  return agrees
}

const total = (parts: readonly Buffer[]): number => parts.reduce((sum, part) => sum + part.length, 0)

/** Puts headers around the pieces: all lengths are known, so nothing is copied. */
function frame(
  type: Buffer,
  head: readonly Buffer[],
  info: readonly Buffer[],
  pieces: readonly Buffer[],
  length: number,
  tail: readonly Buffer[],
): Buffer[] {
  // RFC 5652 6.1: encryptedContent [0] IMPLICIT OCTET STRING
  const contentHeader = header(0x80, length)
  const infoLength = total(info) + contentHeader.length + length
  const infoHeader = header(0x30, infoLength)
  const bodyLength = total(head) + infoHeader.length + infoLength + total(tail)
  const bodyHeader = header(0x30, bodyLength)
  const explicitHeader = header(0xa0, bodyHeader.length + bodyLength)
  const outer = header(0x30, type.length + explicitHeader.length + bodyHeader.length + bodyLength)
  const start = Buffer.concat([
    outer,
    type,
    explicitHeader,
    bodyHeader,
    ...head,
    infoHeader,
    ...info,
    contentHeader,
  ])
  return [start, ...pieces, ...tail]
}
