/**
 * Adds signers to SignedData that exists already: what others signed keeps its octets, and their signatures with it. For
 * content signed by several people, or in two algorithms at once (RFC 5652 5.1).
 */
import { octetChunks, toOid } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, readElement } from '../der/reader.ts'
import { explicit, integer, oid, sequence, setOf, tlv } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { newSigner } from './sign.ts'
import type { SignOptions, SigningKey } from './sign.ts'

/**
 * Signs the same content once more.
 * @param signed - a ContentInfo with SignedData, BER or DER
 * @param content - the detached content in pieces; null when the object holds its content
 * @returns a new ContentInfo with all old signers and the new one
 * @throws EngineError `content-missing`, `cms-malformed`, `asn1-malformed`, `key-mismatch`, `unsupported-algorithm`
 */
export function addSigner(
  signed: Buffer,
  content: readonly Buffer[] | null,
  signer: SigningKey,
  options: SignOptions,
): Buffer {
  const outer = new Cursor(readElement(signed, { ber: true }))
  if (toOid(outer.universal(Tag.oid, 'contentType')) !== Oid.idSignedData)
    throw new EngineError('cms-malformed', 'not SignedData')
  const cursor = new Cursor(new Cursor(outer.next('content')).universal(Tag.sequence, 'SignedData'))
  const version = cursor.universal(Tag.integer, 'version').content.at(-1) ?? 1
  const digests = cursor.universal(Tag.set, 'digestAlgorithms').children()
  const encapsulated = cursor.universal(Tag.sequence, 'encapContentInfo')
  const certificates = cursor.optional(2, 0)?.children() ?? []
  const crls = cursor.optional(2, 1)
  const signers = cursor.universal(Tag.set, 'signerInfos').children()
  const added = newSigner(contentOf(encapsulated.children()[1] ?? null, content), signer, options)
  const raws = (elements: readonly { readonly raw: Buffer }[]): Buffer[] => elements.map(({ raw }) => raw)
  return sequence(
    oid(Oid.idSignedData),
    explicit(
      0,
      sequence(
        integer(Math.max(version, added.version)),
        setOf(unique([...raws(digests), added.digestAlgorithm])),
        encapsulated.raw,
        tlv(
          0xa0,
          ...unique([...raws(certificates), ...[signer.certificate, ...signer.chain].map(({ raw }) => raw)]),
        ),
        ...(crls === null ? [] : [crls.raw]),
        setOf([...raws(signers), added.signerInfo]),
      ),
    ),
  )
}

function contentOf(
  wrapped: ConstructorParameters<typeof Cursor>[0] | null,
  content: readonly Buffer[] | null,
): readonly Buffer[] {
  if (wrapped !== null) return octetChunks(new Cursor(wrapped).universal(Tag.octetString, 'eContent'))
  if (content === null) throw new EngineError('content-missing', 'no content to sign')
  return content
}

function unique(parts: readonly Buffer[]): Buffer[] {
  return parts.filter((part, at) => parts.findIndex((each) => each.equals(part)) === at)
}
