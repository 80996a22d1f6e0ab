/**
 * Re-encodes a BER element as DER, for the places where CMS signs or authenticates the DER form of what may have been
 * sent as BER (RFC 5652 5.4, RFC 5083 2.2). Keeps values; changes lengths, string pieces and the order of SET OF.
 */
import { Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { octetChunks } from '../der/decode.ts'
import { tlv } from '../der/writer.ts'

const CONSTRUCTED = 0x20

/** Universal types that BER may cut into pieces and DER may not. */
const STRINGS: ReadonlySet<number> = new Set([
  Tag.utf8String,
  Tag.numericString,
  Tag.printableString,
  Tag.teletexString,
  Tag.ia5String,
  Tag.visibleString,
  Tag.universalString,
  Tag.bmpString,
])

/** The element in DER. Tag numbers up to 30 only; larger ones keep their bytes. */
export function toDer(element: Element): Buffer {
  if (!element.constructed)
    return element.tag > 30 ? element.raw : tlv((element.class << 6) | element.tag, element.content)
  if (element.class === 0 && (element.tag === Tag.octetString || STRINGS.has(element.tag)))
    return tlv(element.tag, ...octetChunks(element, { implicit: true }))
  const children = element.children().map(toDer)
  // X.690 11.6
  if (element.is(0, Tag.set)) children.sort((a, b) => Buffer.compare(a, b))
  return tlv((element.class << 6) | CONSTRUCTED | element.tag, ...children)
}
