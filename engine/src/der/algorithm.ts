/**
 * AlgorithmIdentifier, read and written. Whether the parameters fit the algorithm is for the one who uses it.
 */
import { toOid } from './decode.ts'
import { Cursor, Tag, malformed } from './reader.ts'
import type { Element } from './reader.ts'
import { oid as writeOid, sequence } from './writer.ts'

/** An algorithm with its parameters (RFC 5280 4.1.1.2). */
export interface AlgorithmIdentifier {
  /** Dotted object identifier. */
  readonly oid: string
  /** The parameters element; null when absent, which is not the same as an ASN.1 NULL. */
  readonly parameters: Element | null
  /** The whole DER. */
  readonly raw: Buffer
}

/** @throws EngineError `asn1-malformed` */
export function readAlgorithm(element: Element): AlgorithmIdentifier {
  if (!element.is(0, Tag.sequence)) throw malformed('AlgorithmIdentifier is not a SEQUENCE')
  const cursor = new Cursor(element)
  const oid = toOid(cursor.next('algorithm'))
  const parameters = cursor.peek() === null ? null : cursor.next('parameters')
  cursor.done('AlgorithmIdentifier')
  return { oid, parameters, raw: element.raw }
}

/** An AlgorithmIdentifier from a dotted identifier and encoded parameters, which are left out if null. */
export function writeAlgorithm(oid: string, parameters: Buffer | null = null): Buffer {
  return parameters === null ? sequence(writeOid(oid)) : sequence(writeOid(oid), parameters)
}
