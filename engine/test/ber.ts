/**
 * Writes a CMS object as old gateways and streaming programs do: indefinite lengths around, and the content in pieces.
 */
import { readElement } from '../src/der/reader.ts'
import type { Element } from '../src/der/reader.ts'
import { tlv } from '../src/der/writer.ts'

const END = Buffer.alloc(2)
/** Levels that hold structure of CMS itself; what lies deeper has to stay DER. */
const LEVELS = 5

/** The same object in BER. @param piece - octets of each piece of its content */
export function asBer(der: Buffer, piece: number): Buffer {
  return rewritten(readElement(der, { ber: true }), 1, piece)
}

function rewritten(element: Element, level: number, piece: number): Buffer {
  const identifier = (element.class << 6) | 0x20 | element.tag
  if (!element.constructed) {
    const isContent = level >= 5 && (element.is(0, 4) || element.is(2, 0)) && element.length > 0
    if (!isContent) return element.raw
    const pieces: Buffer[] = []
    for (let at = 0; at < element.length; at += piece)
      pieces.push(tlv(0x04, element.content.subarray(at, Math.min(at + piece, element.length))))
    // A piece that is cut into pieces itself.
    const nested = Buffer.concat([Buffer.from([0x24, 0x80]), ...pieces.slice(1), END])
    return Buffer.concat([Buffer.from([identifier, 0x80]), ...pieces.slice(0, 1), nested, END])
  }
  // Certificates and sets of signers and recipients keep their form.
  if (level > LEVELS || (level === 4 && !element.is(0, 16))) return element.raw
  const children = element.children().map((child) => rewritten(child, level + 1, piece))
  return Buffer.concat([Buffer.from([identifier, 0x80]), ...children, END])
}
