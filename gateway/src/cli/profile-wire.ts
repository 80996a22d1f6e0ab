/**
 * Reads from a protected mail which algorithms are really in it, down to the parameters: by its own look at the octets, not by the
 * readers that the writers were tested with. Judges nothing.
 */
import {
  decodeBase64,
  parseCertificate,
  readContentInfo,
  scanMessage,
  type AlgorithmIdentifier,
  type Certificate,
  type Element,
  type EnvelopedData,
  type SignedData,
} from '@siegel/engine'

/** Names by dotted object identifier. */
const NAMES: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
  '2.16.840.1.101.3.4.1.2': 'aes128-cbc',
  '2.16.840.1.101.3.4.1.42': 'aes256-cbc',
  '2.16.840.1.101.3.4.1.6': 'aes128-gcm',
  '2.16.840.1.101.3.4.1.46': 'aes256-gcm',
  '1.2.840.113549.1.1.1': 'rsa-pkcs1v15',
  '1.2.840.10045.4.3.2': 'ecdsa',
  '1.2.840.10045.4.3.3': 'ecdsa',
  '1.2.840.10045.4.3.4': 'ecdsa',
  '2.16.840.1.101.3.4.3.17': 'ml-dsa-44',
  '2.16.840.1.101.3.4.3.18': 'ml-dsa-65',
  '2.16.840.1.101.3.4.3.19': 'ml-dsa-87',
  '2.16.840.1.101.3.4.4.1': 'ml-kem-512',
  '2.16.840.1.101.3.4.4.2': 'ml-kem-768',
  '2.16.840.1.101.3.4.4.3': 'ml-kem-1024',
  '2.16.840.1.101.3.4.1.5': 'aes128-wrap',
  '2.16.840.1.101.3.4.1.45': 'aes256-wrap',
}
const PSS = '1.2.840.113549.1.1.10'
const OAEP = '1.2.840.113549.1.1.7'
/** Object identifiers inside parameters, by their octets. */
const INSIDE: Readonly<Record<string, string>> = {
  '0609608648016503040201': 'sha256',
  '0609608648016503040202': 'sha384',
  '0609608648016503040203': 'sha512',
  '06092a864886f70d010108': 'mgf1',
  '06092a864886f70d010109': 'label',
}

const nameOf = (oid: string): string => NAMES[oid] ?? oid

function insideOf(element: Element | undefined): string {
  return element === undefined ? '?' : (INSIDE[element.raw.toString('hex')] ?? element.raw.toString('hex'))
}

/** The element in the explicit tag [n] of a SEQUENCE; undefined when it is left out. */
function tagged(parameters: Element | null, n: number): Element | undefined {
  return parameters
    ?.children()
    .find((each) => each.is(2, n))
    ?.children()[0]
}

/** Hash and mask generation of PSS and OAEP, whose defaults are SHA-1 (RFC 4055 3.1, 4.1). */
function hashes(parameters: Element | null): string {
  const hash = tagged(parameters, 0)
  const mgf = tagged(parameters, 1)?.children()
  const own = hash === undefined ? 'sha1' : insideOf(hash.children()[0])
  const mask = mgf === undefined ? 'mgf1-sha1' : `${insideOf(mgf[0])}-${insideOf(mgf[1]?.children()[0])}`
  return `${own} ${mask}`
}

/** A signature algorithm in words: `rsa-pss sha256 mgf1-sha256 salt 32`. */
export function signatureWords({ oid, parameters }: AlgorithmIdentifier): string {
  if (oid !== PSS) return nameOf(oid)
  const salt = tagged(parameters, 2)
  return `rsa-pss ${hashes(parameters)} salt ${salt === undefined ? 20 : salt.content.readUIntBE(0, salt.content.length)}`
}

function transportWords({ oid, parameters }: AlgorithmIdentifier): string {
  if (oid !== OAEP) return oid === '1.2.840.113549.1.1.1' ? 'pkcs1v15' : oid
  const label = tagged(parameters, 2)?.children()[1]?.content.length ?? 0
  return `oaep ${hashes(parameters)} label ${label}`
}

/** Everything that is to be seen of one mail. */
export interface SeenOnWire {
  /** Of each layer of encryption, the outermost first. */
  readonly layers: readonly {
    readonly cipher: string
    /** AuthEnvelopedData. */
    readonly authenticated: boolean
    readonly keys: readonly string[]
  }[]
  /** Null when nothing is signed. */
  readonly signer: { readonly digest: string; readonly signature: string } | null
  /** Those in the signature, the signer's first. */
  readonly certificates: readonly Certificate[]
}

/** The CMS object that a mail or entity is, or that stands in its second part; null when there is none. */
export function objectIn(mail: Buffer): Buffer | null {
  const root = scanMessage(mail)
  const node = root.type === 'multipart/signed' ? root.parts[1] : root
  if (node === undefined || !/^application\/(?:x-)?pkcs7-(?:mime|signature)$/.test(node.type)) return null
  return decodeBase64(mail.subarray(node.bodyStart, node.end))
}

/** One layer of encryption. */
export function layerOf(mail: Buffer): SeenOnWire['layers'][number] | null {
  const object = objectIn(mail)
  const info = object === null ? null : readContentInfo(object)
  if (info === null || (info.kind !== 'enveloped-data' && info.kind !== 'auth-enveloped-data')) return null
  const { kind, contentEncryption, recipients }: EnvelopedData = info
  return {
    cipher: nameOf(contentEncryption.oid),
    authenticated: kind === 'auth-enveloped-data',
    keys: recipients.map((each) =>
      each.kind === 'key-transport'
        ? transportWords(each.algorithm)
        : each.kind === 'kem'
          ? `${nameOf(each.kem.oid)} ${nameOf(each.wrap.oid)}`
          : `ecdh ${each.algorithm.oid}`,
    ),
  }
}

/** The signature of a signed mail or entity. */
export function signatureOf(mail: Buffer): Pick<SeenOnWire, 'signer' | 'certificates'> {
  const object = objectIn(mail)
  const info = object === null ? null : readContentInfo(object)
  if (info?.kind !== 'signed-data') return { signer: null, certificates: [] }
  const { signers, certificates }: SignedData = info
  const [signer] = signers
  return {
    signer:
      signer === undefined
        ? null
        : {
            digest: nameOf(signer.digestAlgorithm.oid),
            signature: signatureWords(signer.signatureAlgorithm),
          },
    certificates: certificates.map((der) => parseCertificate(der)),
  }
}
