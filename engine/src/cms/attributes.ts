/**
 * Signed and authenticated attributes (RFC 5652 5.3, 11): read strictly, written in DER. An attribute that may occur once
 * and occurs twice, or has another number of values than one, is refused and never picked from.
 */
import { toOid } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { oid, sequence, set, tlv } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { toDer } from './der-form.ts'

/** One attribute (RFC 5652 5.3). */
export interface Attribute {
  /** Dotted. */
  readonly type: string
  /** In their order. */
  readonly values: readonly Element[]
}

/** A set of attributes and the two byte strings that a signer may have signed. */
export interface AttributeSet {
  /** In their order. */
  readonly attributes: readonly Attribute[]
  /** The DER SET OF, which is what the standard signs (RFC 5652 5.4). */
  readonly der: Buffer
  /** The same in the order of the sender, for senders that sign without sorting. Equal to `der` when sorted. */
  readonly unsorted: Buffer
}

/** Attributes a verdict depends on. Each may occur once, with one value (RFC 5652 11, RFC 5035 3, RFC 6211 2, RFC 8551 2.5). */
const ONCE: ReadonlySet<string> = new Set([
  Oid.idContentType,
  Oid.idMessageDigest,
  Oid.idSigningTime,
  Oid.smimeCapabilities,
  Oid.idAaEncrypKeyPref,
  Oid.idAaSigningCertificate,
  Oid.idAaSigningCertificateV2,
  Oid.idAaCmsAlgorithmProtect,
])

/** Bound on attributes per signer; more are refused. */
const MAX_ATTRIBUTES = 100

/**
 * Reads an implicitly tagged SET OF Attribute.
 * @throws EngineError `cms-malformed` when it is empty or too large, `attribute-duplicate`, `asn1-malformed`
 */
export function readAttributes(element: Element): AttributeSet {
  const children = element.children()
  // RFC 5652 5.3: SET SIZE (1..MAX)
  if (children.length === 0) throw new EngineError('cms-malformed', 'an empty set of attributes')
  if (children.length > MAX_ATTRIBUTES)
    throw new EngineError('cms-malformed', `more than ${MAX_ATTRIBUTES} attributes`)
  const attributes = children.map(readAttribute)
  const seen = new Set<string>()
  for (const { type, values } of attributes) {
    if (!ONCE.has(type)) continue
    if (seen.has(type)) throw new EngineError('attribute-duplicate', `attribute ${type} occurs twice`)
    seen.add(type)
    if (values.length !== 1)
      throw new EngineError('attribute-duplicate', `attribute ${type} has ${values.length} values`)
  }
  const encoded = children.map(toDer)
  const unsorted = tlv(0x31, ...encoded)
  const sorted = encoded.every((each, at) => at === 0 || Buffer.compare(encoded[at - 1] ?? each, each) <= 0)
  return {
    attributes,
    unsorted,
    der: sorted ? unsorted : tlv(0x31, ...encoded.sort((a, b) => Buffer.compare(a, b))),
  }
}

function readAttribute(element: Element): Attribute {
  const cursor = new Cursor(element)
  const type = toOid(cursor.universal(Tag.oid, 'attrType'))
  const values = cursor.universal(Tag.set, 'attrValues').children()
  cursor.done('Attribute')
  return { type, values }
}

/** The single value of an attribute; null when it is absent. */
export function attributeValue(attributes: AttributeSet, type: string): Element | null {
  return attributes.attributes.find((attribute) => attribute.type === type)?.values[0] ?? null
}

/** One attribute with one value, in DER. */
export function writeAttribute(type: string, value: Buffer): Buffer {
  return sequence(oid(type), set(value))
}
