/**
 * Writes EnvelopedData (RFC 5652 6.1) with AES-CBC and AuthEnvelopedData (RFC 5083) with authenticated ciphers for any number
 * of certificates. The ciphertext is not copied: the result is a list of pieces, definite-length DER.
 */
import { Oid } from '../der/oid.ts'
import { header, integer, octets, oid } from '../der/writer.ts'
import { encryptPieces } from './content-encryption.ts'
import type { WrittenCipher } from './content-parameters.ts'
import { recipientKinds, writeRecipients } from './write-recipients.ts'
import type { RecipientOptions } from './write-recipients.ts'

/** How and to whom to encrypt. */
export interface EncryptOptions extends RecipientOptions {
  readonly cipher: WrittenCipher
  /** Derive the key of the content from the one that is sent, bound to the cipher (RFC 9709). Default false. */
  readonly hkdf?: boolean
}

/**
 * Encrypts content to all recipients, or to none of them: one bad certificate fails the call.
 * @param content - the content in pieces
 * @returns a ContentInfo in DER, in pieces
 * @throws EngineError `no-recipients`, `certificate-not-for-encryption`, `unsupported-key-encryption`, `request-invalid`
 */
export function encrypt(content: readonly Buffer[], options: EncryptOptions): Buffer[] {
  recipientKinds(options.recipients)
  const { key, algorithm, pieces, length, mac } = encryptPieces(options.cipher, content, options.hkdf)
  const { infos, version } = writeRecipients(options, key)
  const tail = mac === null ? [] : [octets(mac)]
  const type = oid(mac === null ? Oid.idEnvelopedData : Oid.idCtAuthEnvelopedData)
  // RFC 5083 2.1: version 0
  return frame(
    type,
    [integer(mac === null ? version : 0), infos],
    [oid(Oid.idData), algorithm],
    pieces,
    length,
    tail,
  )
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
