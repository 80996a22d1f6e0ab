/**
 * GeneralName, the many-typed name of subjectAltName and name constraints (RFC 5280 4.2.1.6).
 * Text is taken as it stands, octet by octet: whether it is a good address or host name is for address.ts.
 */
import { toOctets, toOid } from '../der/decode.ts'
import { Cursor, Tag, malformed } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { Name } from './name.ts'

/** One GeneralName. `text` holds one character per octet. */
export type GeneralName =
  | {
      /** Which form it is. */
      readonly kind: 'email' | 'dns' | 'uri'
      /** The characters as they stand, one for each octet. */
      readonly text: string
    }
  | {
      /** Which form it is. */
      readonly kind: 'ip'
      /** Of an address 4 or 16 octets, of a constraint twice as many. */
      readonly bytes: Buffer
    }
  | {
      /** Which form it is. */
      readonly kind: 'directory'
      /** A distinguished name. */
      readonly name: Name
    }
  | {
      /** Which form it is. */
      readonly kind: 'other'
      /** Dotted. */
      readonly oid: string
      /** The value as it stands. */
      readonly value: Element
    }
  | {
      /** Which form it is. */
      readonly kind: 'unsupported'
      /** The tag in GeneralName: 3, 5 or 8. */
      readonly tag: number
    }

/**
 * Reads one GeneralName.
 * @throws EngineError `asn1-malformed`
 */
export function readGeneralName(element: Element): GeneralName {
  if (element.class !== 2) throw malformed('GeneralName has a wrong tag')
  switch (element.tag) {
    case 0:
      return readOtherName(element)
    case 1:
      return { kind: 'email', text: plainText(element) }
    case 2:
      return { kind: 'dns', text: plainText(element) }
    case 4: {
      // A CHOICE is always tagged explicitly (X.680 31.2.7)
      const cursor = new Cursor(element)
      const name = new Name(cursor.next('directoryName'))
      cursor.done('directoryName')
      return { kind: 'directory', name }
    }
    case 6:
      return { kind: 'uri', text: plainText(element) }
    case 7:
      return { kind: 'ip', bytes: toOctets(element, { implicit: true }) }
    case 3:
    case 5:
    case 8:
      return { kind: 'unsupported', tag: element.tag }
    default:
      throw malformed('GeneralName of an unknown kind')
  }
}

function plainText(element: Element): string {
  if (element.constructed) throw malformed('IA5String must be primitive')
  return element.content.toString('latin1')
}

function readOtherName(element: Element): GeneralName {
  const cursor = new Cursor(element)
  const oid = toOid(cursor.next('otherName type'))
  const wrapper = cursor.optional(2, 0)
  if (wrapper === null) throw malformed('otherName without a value')
  cursor.done('otherName')
  const inner = new Cursor(wrapper)
  const value = inner.next('otherName value')
  inner.done('otherName value')
  return { kind: 'other', oid, value }
}

/**
 * Reads GeneralNames: at least one.
 * @throws EngineError `asn1-malformed`
 */
export function readGeneralNames(element: Element): readonly GeneralName[] {
  if (!element.is(0, Tag.sequence)) throw malformed('GeneralNames is not a SEQUENCE')
  const names = element.children().map(readGeneralName)
  if (names.length === 0) throw malformed('GeneralNames is empty')
  return names
}
