/**
 * Distinguished names: parsed, shown as RFC 4514 text, compared as RFC 5280 7.1 says.
 * It refuses to be lenient about structure; a value that is no valid string is shown in hexadecimal and compared bytewise.
 */
import { EngineError } from '../errors.ts'
import { toOid, toText } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, malformed, readElement } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'

/** One attribute of a relative distinguished name. */
export interface NameAttribute {
  /** Dotted attribute type. */
  readonly oid: string
  /** The value as it stands. */
  readonly value: Element
  /** The value as text; null if it is no valid character string. */
  readonly text: string | null
}

/** Attribute types shown by a short name. RFC 4514 3 has the first nine; the others are in general use. */
const SHORT: Readonly<Record<string, string>> = {
  [Oid.idAtCommonName]: 'CN',
  [Oid.idAtLocalityName]: 'L',
  [Oid.idAtStateOrProvinceName]: 'ST',
  [Oid.idAtOrganizationName]: 'O',
  [Oid.idAtOrganizationalUnitName]: 'OU',
  [Oid.idAtCountryName]: 'C',
  [Oid.idAtStreetAddress]: 'STREET',
  [Oid.idDomainComponent]: 'DC',
  [Oid.idAtUid]: 'UID',
  [Oid.idAtSurname]: 'SN',
  [Oid.idAtGivenName]: 'GN',
  [Oid.idAtInitials]: 'initials',
  [Oid.idAtTitle]: 'title',
  [Oid.idAtSerialNumber]: 'serialNumber',
  [Oid.idAtPseudonym]: 'pseudonym',
  [Oid.idAtOrganizationIdentifier]: 'organizationIdentifier',
  [Oid.idEmailAddress]: 'emailAddress',
}

/** A distinguished name. */
export class Name {
  /** The DER as it stands. */
  readonly raw: Buffer
  /** The relative distinguished names in the order of the encoding, most significant first. */
  readonly rdns: readonly (readonly NameAttribute[])[]
  private rendered: string | null = null
  private keys: readonly string[] | null = null

  /** @throws EngineError `asn1-malformed` */
  constructor(element: Element) {
    if (!element.is(0, Tag.sequence)) throw malformed('Name is not a SEQUENCE')
    this.raw = element.raw
    this.rdns = element.children().map(readRdn)
  }

  /** All attributes in the order of the encoding. */
  get attributes(): readonly NameAttribute[] {
    return this.rdns.flat()
  }

  /** Whether there is no attribute at all. */
  get empty(): boolean {
    return this.rdns.length === 0
  }

  /** The name as text, least significant part first (RFC 4514 2). */
  get text(): string {
    this.rendered ??= [...this.rdns]
      .reverse()
      .map((rdn) => rdn.map(renderAttribute).join('+'))
      .join(',')
    return this.rendered
  }

  /** One key per relative distinguished name; equal keys mean equal names. */
  get rdnKeys(): readonly string[] {
    this.keys ??= this.rdns.map(keyOf)
    return this.keys
  }

  /** Whether both name the same (RFC 5280 7.1: case, width and white space of strings do not count). */
  equals(other: Name): boolean {
    return this.raw.equals(other.raw) || (this.rdns.length === other.rdns.length && this.within(other))
  }

  /** Whether this name lies in the subtree that `base` names (RFC 5280 4.2.1.10, directoryName). */
  within(base: Name): boolean {
    if (base.rdns.length > this.rdns.length) return false
    const own = this.rdnKeys
    return base.rdnKeys.every((key, index) => key === own[index])
  }
}

/**
 * The key of one relative distinguished name that stands alone (RFC 5280 4.2.1.13, nameRelativeToCRLIssuer).
 * @param element - its SET; the tag is not looked at, because it is implicit there
 * @throws EngineError `asn1-malformed`
 */
export function relativeKey(element: Element): string {
  return keyOf(readAttributes(element))
}

/**
 * Parses a Name from its DER.
 * @throws EngineError `asn1-malformed`
 */
export function parseName(bytes: Buffer): Name {
  return new Name(readElement(bytes))
}

function readRdn(rdn: Element): readonly NameAttribute[] {
  if (!rdn.is(0, Tag.set)) throw malformed('RelativeDistinguishedName is not a SET')
  return readAttributes(rdn)
}

function readAttributes(rdn: Element): readonly NameAttribute[] {
  const attributes = rdn.children()
  if (attributes.length === 0) throw malformed('RelativeDistinguishedName is empty')
  return attributes.map((attribute) => {
    if (!attribute.is(0, Tag.sequence)) throw malformed('AttributeTypeAndValue is not a SEQUENCE')
    const cursor = new Cursor(attribute)
    const oid = toOid(cursor.next('attribute type'))
    const value = cursor.next('attribute value')
    cursor.done('AttributeTypeAndValue')
    return { oid, value, text: textOf(value) }
  })
}

function textOf(value: Element): string | null {
  try {
    return toText(value)
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

function renderAttribute(attribute: NameAttribute): string {
  const short = SHORT[attribute.oid]
  // RFC 4514 2.4: without a string form the value is shown as #hex of its encoding
  if (short === undefined || attribute.text === null)
    return `${short ?? attribute.oid}=#${attribute.value.raw.toString('hex')}`
  return `${short}=${escapeValue(attribute.text)}`
}

/** RFC 4514 2.4; control characters and other invisible ones are escaped too, so that no terminal is fooled. */
function escapeValue(text: string): string {
  if (/^[\w.@-]+(?: [\w.@-]+)*$/.test(text)) return text
  return text
    .replace(/["+,;<>\\]/g, '\\$&')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapeOctets)
}

function escapeOctets(character: string): string {
  return [...Buffer.from(character, 'utf8')]
    .map((octet) => `\\${octet.toString(16).padStart(2, '0')}`)
    .join('')
}

function keyOf(rdn: readonly NameAttribute[]): string {
  return rdn.map(attributeKey).sort().join('\u0001')
}

function attributeKey(attribute: NameAttribute): string {
  const { oid, text, value } = attribute
  return text === null ? `${oid}#${value.raw.toString('hex')}` : `${oid}=${prepared(text)}`
}

/** RFC 4518 2: map, normalise, fold case, and make runs of spaces insignificant. */
function prepared(text: string): string {
  if (/^[a-z0-9.@-]*$/.test(text)) return text
  // Of printable ASCII, where most names end, mapping and normal form change nothing
  if (/^[!-~]+(?: [!-~]+)*$/.test(text)) return text.toLowerCase()
  const mapped = text
    .replace(/[\t\n\v\f\r\u0085]/g, ' ')
    .replace(/[\p{Cc}\p{Cf}\u034f\u180b-\u180d\ufe00-\ufe0f\ufffc]/gu, '')
  return mapped.toLowerCase().normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ')
}
