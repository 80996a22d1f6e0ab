/**
 * Re-encodes a BER element as DER, for the places where CMS signs or authenticates the DER form of what may have been
 * sent as BER (RFC 5652 5.4, RFC 5083 2.2). Keeps values; changes lengths, string pieces and the order of SET OF.
 */
import { Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { octetChunks } from '../der/decode.ts'
import { tlv } from '../der/writer.ts'

const CONSTRUCTED = 0x20
const NOTHING = Buffer.alloc(0)

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

/** The element in DER, as a view when it is so already. Tag numbers up to 30 only; larger ones keep their bytes. */
export function toDer(element: Element): Buffer {
  return rewritten(element) ?? element.raw
}

/** The element in DER; null when it is so already. */
function rewritten(element: Element): Buffer | null {
  const { constructed, tag, minimal } = element
  const tagClass = element.class << 6
  if (!constructed) return minimal || tag > 30 ? null : tlv(tagClass | tag, element.content)
  if (element.class === 0 && (tag === Tag.octetString || STRINGS.has(tag)))
    return tlv(tag, ...octetChunks(element, { implicit: true }))
  const elements = element.children()
  const changes = elements.map(rewritten)
  const isSet = element.is(0, Tag.set)
  if (minimal && changes.every((change) => change === null) && (!isSet || isSorted(elements))) return null
  const children = elements.map((child, at) => changes[at] ?? child.raw)
  // X.690 11.6
  if (isSet) children.sort((a, b) => Buffer.compare(a, b))
  return tlv(tagClass | CONSTRUCTED | tag, ...children)
}

function isSorted(elements: readonly Element[]): boolean {
  return elements.every((each, at) => Buffer.compare(elements[at - 1]?.raw ?? NOTHING, each.raw) <= 0)
}
