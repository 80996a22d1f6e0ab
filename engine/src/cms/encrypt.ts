/**
 * Writes EnvelopedData (RFC 5652 6.1) with AES-CBC and AuthEnvelopedData (RFC 5083) with AES-GCM for any number of
 * certificates. The ciphertext is not copied: the result is a list of pieces, definite-length DER.
 */
import { release, streamOf } from '../bytes/source.ts'
import type { ByteSource } from '../bytes/source.ts'
import { Oid } from '../der/oid.ts'
import { header, integer, octets, oid, setOf } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { encryptPieces, newContentKey } from './content-encryption.ts'
import type { ContentKey, WrittenCipher } from './content-encryption.ts'
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
  const uses = checkRecipients(options)
  const { key, algorithm, pieces, length, mac } = encryptPieces(options.cipher, content)
  const start = writeStart(options, uses, { key, algorithm, tagLength: mac?.length ?? 0 }, length)
  return mac === null ? [start, ...pieces] : [start, ...pieces, octets(mac)]
}

/**
 * Encrypts content that is not in memory, to all recipients or to none of them.
 * @returns a ContentInfo in DER; whenever it is read the content is read and encrypted anew, with the same result
 * @throws EngineError as `encrypt`
 */
export function encryptSource(content: ByteSource, options: EncryptOptions): ByteSource {
  const uses = checkRecipients(options)
  const contentKey = newContentKey(options.cipher)
  const ciphertext = contentKey.lengthOf(content.length)
  const start = writeStart(options, uses, contentKey, ciphertext)
  const { tagLength } = contentKey
  const tail = tagLength === 0 ? 0 : octets(Buffer.alloc(tagLength)).length
  const read = async function* (): AsyncGenerator<Buffer> {
    yield start
    const encryption = contentKey.start()
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

/** For each recipient whether its key agrees keys; refuses the call if one of them may not be encrypted to. */
function checkRecipients({ recipients }: EncryptOptions): readonly boolean[] {
  if (recipients.length === 0) throw new EngineError('no-recipients', 'no recipient certificates')
  return recipients.map(checkUse)
}

/** Everything before the ciphertext. */
function writeStart(
  options: EncryptOptions,
  agreed: readonly boolean[],
  { key, algorithm, tagLength }: Pick<ContentKey, 'key' | 'algorithm' | 'tagLength'>,
  length: number,
): Buffer {
  const infos = setOf(
    options.recipients.map((certificate, at) =>
      agreed[at] === true
        ? writeKeyAgreement(certificate, key)
        : writeKeyTransport(certificate, key, options.keyTransport),
    ),
  )
  const authenticated = tagLength > 0
  // RFC 5652 6.1: version 2 when a RecipientInfo is not version 0. RFC 5083 2.1: version 0.
  const version = !authenticated && agreed.includes(true) ? VERSION_2 : VERSION_0
  const type = oid(authenticated ? Oid.idCtAuthEnvelopedData : Oid.idEnvelopedData)
  const tail = authenticated ? header(0x04, tagLength).length + tagLength : 0
  return frame(type, [version, infos], [oid(Oid.idData), algorithm], length, tail)
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
