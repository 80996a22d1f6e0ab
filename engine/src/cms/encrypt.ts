/**
 * Writes EnvelopedData (RFC 5652 6.1) with AES-CBC and AuthEnvelopedData (RFC 5083) with authenticated ciphers for any number
 * of certificates. The ciphertext is not copied: the result is a list of pieces, definite-length DER.
 */
import { release, streamOf } from '../bytes/source.ts'
import type { ByteSource } from '../bytes/source.ts'
import { Oid } from '../der/oid.ts'
import { header, integer, octets, oid } from '../der/writer.ts'
import { encryptPieces, newContentKey } from './content-encryption.ts'
import type { ContentKey } from './content-encryption.ts'
import type { WrittenCipher } from './content-parameters.ts'
import { recipientKinds, writeRecipients } from './write-recipients.ts'
import type { RecipientOptions } from './write-recipients.ts'

/** How and to whom to encrypt. */
export interface EncryptOptions extends RecipientOptions {
  /** For the content. */
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
  const start = writeStart(options, { key, algorithm, tagLength: mac?.length ?? 0 }, length)
  return mac === null ? [start, ...pieces] : [start, ...pieces, octets(mac)]
}

/**
 * Encrypts content that is not in memory, to all recipients or to none of them.
 * @returns a ContentInfo in DER; whenever it is read the content is read and encrypted anew, with the same result
 * @throws EngineError as `encrypt`
 */
export function encryptSource(content: ByteSource, options: EncryptOptions): ByteSource {
  recipientKinds(options.recipients)
  const contentKey = newContentKey(options.cipher, options.hkdf)
  const ciphertext = contentKey.lengthOf(content.length)
  const start = writeStart(options, contentKey, ciphertext)
  const { tagLength } = contentKey
  const tail = tagLength === 0 ? 0 : octets(Buffer.alloc(tagLength)).length
  const read = async function* (): AsyncGenerator<Buffer> {
    yield start
    const encryption = contentKey.start(content.length)
    for await (const chunk of content.chunks()) {
      const part = encryption.update(chunk)
      if (part.length > 0) yield part
      release(part)
    }
    yield encryption.final()
    const mac = encryption.tag()
    if (mac !== null) yield octets(mac)
  }
  const made = streamOf(read)
  return {
    length: start.length + ciphertext + tail,
    chunks: (from, to) => made.chunks(from, to),
  }
}

/** Everything before the ciphertext. */
function writeStart(
  options: EncryptOptions,
  { key, algorithm, tagLength }: Pick<ContentKey, 'key' | 'algorithm' | 'tagLength'>,
  length: number,
): Buffer {
  const { infos, version } = writeRecipients(options, key)
  const authenticated = tagLength > 0
  const type = oid(authenticated ? Oid.idCtAuthEnvelopedData : Oid.idEnvelopedData)
  const tail = authenticated ? header(0x04, tagLength).length + tagLength : 0
  // RFC 5083 2.1: version 0
  const head = [integer(authenticated ? 0 : version), infos]
  return frame(type, head, [oid(Oid.idData), algorithm], length, tail)
}

const total = (parts: readonly Buffer[]): number => parts.reduce((sum, part) => sum + part.length, 0)

/** The headers around ciphertext and tail, of which only the lengths are known. */
function frame(
  type: Buffer,
  head: readonly Buffer[],
  info: readonly Buffer[],
  length: number,
  tail: number,
): Buffer {
  // RFC 5652 6.1: encryptedContent [0] IMPLICIT OCTET STRING
  const contentHeader = header(0x80, length)
  const infoLength = total(info) + contentHeader.length + length
  const infoHeader = header(0x30, infoLength)
  const bodyLength = total(head) + infoHeader.length + infoLength + tail
  const bodyHeader = header(0x30, bodyLength)
  const explicitHeader = header(0xa0, bodyHeader.length + bodyLength)
  const outer = header(0x30, type.length + explicitHeader.length + bodyHeader.length + bodyLength)
  return Buffer.concat([outer, type, explicitHeader, bodyHeader, ...head, infoHeader, ...info, contentHeader])
}
