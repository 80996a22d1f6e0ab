/**
 * RSAES-OAEP-params (RFC 4055 4.1), read strictly and written: hash, mask generation hash and label, each with its default.
 * A broken structure is an error and never another scheme.
 */
import { readAlgorithm, writeAlgorithm } from '../der/algorithm.ts'
import type { AlgorithmIdentifier } from '../der/algorithm.ts'
import { toNull, toOctets } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { explicit, nil, octets, sequence } from '../der/writer.ts'
import { EngineError } from '../errors.ts'
import { digestOf } from './algorithms.ts'

const HASHES = {
  sha1: Oid.sha1,
  sha224: Oid.sha224,
  sha256: Oid.sha256,
  sha384: Oid.sha384,
  sha512: Oid.sha512,
} as const

/** Hashes of OAEP, as node:crypto names them. */
export type OaepHash = keyof typeof HASHES

/** OAEP with all its parameters. */
export interface Oaep {
  readonly scheme: 'oaep'
  readonly hash: OaepHash
  readonly mgfHash: OaepHash
  readonly label: Buffer
}

const NO_LABEL: Buffer = Buffer.alloc(0)

/** OAEP with these hashes. */
export function oaepWith(hash: OaepHash, mgfHash: OaepHash = hash, label: Buffer = NO_LABEL): Oaep {
  return { scheme: 'oaep', hash, mgfHash, label }
}

/**
 * Reads the parameters. They must be there, though all fields may be left out.
 * @throws EngineError `unsupported-key-encryption`, `cms-malformed`, `asn1-malformed`
 */
export function readOaep(parameters: Element | null): Oaep {
  if (!parameters?.is(0, Tag.sequence))
    throw new EngineError('cms-malformed', 'RSAES-OAEP without its parameters')
  const cursor = new Cursor(parameters)
  const hashField = cursor.optional(2, 0)
  const mgfField = cursor.optional(2, 1)
  const labelField = cursor.optional(2, 2)
  cursor.done('RSAES-OAEP-params')
  const hash = hashField === null ? 'sha1' : hashName(inside(hashField, 'hashFunc'))
  let mgfHash: OaepHash = 'sha1'
  if (mgfField !== null) {
    const mgf = inside(mgfField, 'maskGenFunc')
    if (mgf.oid !== Oid.idMgf1 || mgf.parameters === null)
      throw new EngineError('unsupported-key-encryption', `mask generation ${mgf.oid}`)
    mgfHash = hashName(readAlgorithm(mgf.parameters))
  }
  return oaepWith(hash, mgfHash, labelField === null ? NO_LABEL : readLabel(labelField))
}

function readLabel(field: Element): Buffer {
  const source = inside(field, 'pSourceFunc')
  if (source.oid !== Oid.idPSpecified || source.parameters === null)
    throw new EngineError('unsupported-key-encryption', `label source ${source.oid}`)
  return toOctets(source.parameters)
}

function inside(element: Element, what: string): AlgorithmIdentifier {
  const cursor = new Cursor(element)
  const algorithm = readAlgorithm(cursor.next(what))
  cursor.done(what)
  return algorithm
}

function isOaepHash(name: string | undefined): name is OaepHash {
  return name !== undefined && Object.hasOwn(HASHES, name)
}

function hashName(algorithm: AlgorithmIdentifier): OaepHash {
  // RFC 4055 2.1: NULL or absent
  if (algorithm.parameters !== null) toNull(algorithm.parameters)
  const name = digestOf(algorithm.oid)?.name
  if (!isOaepHash(name))
    throw new EngineError('unsupported-key-encryption', `OAEP with hash ${algorithm.oid}`)
  return name
}

/** The AlgorithmIdentifier of RSAES-OAEP; DER leaves out what is the default. */
export function writeOaep({ hash, mgfHash, label }: Oaep): Buffer {
  const digest = (name: OaepHash): Buffer => writeAlgorithm(HASHES[name], nil())
  const parts: Buffer[] = []
  if (hash !== 'sha1') parts.push(explicit(0, digest(hash)))
  if (mgfHash !== 'sha1') parts.push(explicit(1, writeAlgorithm(Oid.idMgf1, digest(mgfHash))))
  if (label.length > 0) parts.push(explicit(2, writeAlgorithm(Oid.idPSpecified, octets(label))))
  return writeAlgorithm(Oid.idRsaesOaep, sequence(...parts))
}
