/**
 * Reads what an authority or an operator gives as TLS certificate: PEM with any number of blocks, DER, PKCS#12. Finds the one that
 * a key belongs to and puts its chain in order, completed from what is at hand. Fetches nothing and judges nothing.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import {
  buildPath,
  EngineError,
  isIssuedBy,
  readCertificates,
  readPem,
  readPkcs12,
  readPrivateKey,
  type Certificate,
  type PathResult,
} from '@siegel/engine'

/** What cannot be used. The message is for the operator and holds no secret. */
export class MaterialRefused extends Error {
  override readonly name = 'MaterialRefused'
}

/** Certificates and keys of files, in their order. */
export interface Material {
  readonly certificates: readonly Certificate[]
  readonly keys: readonly KeyObject[]
}

const MOST_CERTIFICATES = 64
/** What buildPath takes between leaf and anchor. */
const DEEPEST = 8

/**
 * Reads a file.
 * @param password - of a PKCS#12 file or an encrypted key; empty when there is none
 * @throws MaterialRefused
 */
export function readMaterial(bytes: Buffer, password: string): Material {
  try {
    const found = read(bytes, password)
    if (found.certificates.length > MOST_CERTIFICATES)
      throw new MaterialRefused(`more than ${MOST_CERTIFICATES} certificates in one file`)
    found.certificates.forEach(({ publicKey }) => publicKey)
    return found
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw new MaterialRefused(`the file cannot be read: ${error.message} (${error.code})`)
  }
}

function read(bytes: Buffer, password: string): Material {
  if (bytes[0] !== 0x30) return readText(bytes, password)
  try {
    return { certificates: readCertificates(bytes), keys: [] }
  } catch (error) {
    // Not a certificate in DER: then PKCS#12, whose complaint is the one to be told.
    if (!(error instanceof EngineError)) throw error
    return ofPkcs12(bytes, password)
  }
}

function ofPkcs12(bytes: Buffer, password: string): Material {
  const { certificates, keys } = readPkcs12(bytes, password)
  return { certificates, keys: keys.map(({ key }) => key) }
}

function readText(bytes: Buffer, password: string): Material {
  const labels = readPem(bytes).map(({ label }) => label)
  if (labels.includes('PKCS12')) return ofPkcs12(bytes, password)
  if (labels.length === 0) throw new MaterialRefused('the file holds neither PEM nor DER nor PKCS#12')
  const isCertificate = labels.some((label) => label.endsWith('CERTIFICATE'))
  const isKey = labels.some((label) => label.endsWith('PRIVATE KEY'))
  return {
    certificates: isCertificate ? readCertificates(bytes) : [],
    keys: isKey ? [readPrivateKey(bytes, password === '' ? undefined : password)] : [],
  }
}

/** Whether a key belongs to a certificate. */
export function belongs(key: KeyObject, { publicKey }: Certificate): boolean {
  return (key.type === 'private' ? createPublicKey(key) : key).equals(publicKey)
}

/** The authorities to judge by. */
export interface Anchors {
  /** Those that everybody trusts. */
  readonly publicRoots: readonly Certificate[]
  /** Own ones, `TlsAnchor` objects. */
  readonly own: readonly Certificate[]
}

/** A chain in order. */
export interface OrderedChain {
  /** As it is sent: leaf first, without the root. */
  readonly sent: readonly [Certificate, ...Certificate[]]
  /** Where it ends; null when it leads to no root. */
  readonly anchor: Certificate | null
  readonly anchorIs: 'public' | 'own' | null
  /** Why it leads nowhere; empty when it does not. */
  readonly obstacles: readonly string[]
  /** Whether the given ones stood in another order. */
  readonly reordered: boolean
  /** How many were not given. */
  readonly completed: number
  /** How many given ones are not sent. */
  readonly leftOut: number
}

/**
 * Puts a chain in order and completes it.
 * @param given - certificates that came with the leaf, the leaf among them or not
 * @param atHand - further certificates that may complete the chain
 * @param now - milliseconds since 1970
 */
export function orderChain(
  leaf: Certificate,
  given: readonly Certificate[],
  atHand: readonly Certificate[],
  anchors: Anchors,
  now: number,
): OrderedChain {
  const others = given.filter((one) => !one.equals(leaf))
  const path = (roots: readonly Certificate[]): PathResult =>
    buildPath(leaf, {
      anchors: roots,
      intermediates: [...others, ...atHand],
      // Whether it is valid today is for check.ts; here only what belongs together counts.
      at: Math.min(Math.max(now, leaf.notBefore), leaf.notAfter),
      ...{ purpose: 'any', revocation: 'none', allowWeak: true },
    })
  const open = path(anchors.publicRoots)
  const own = open.valid ? null : path(anchors.own)
  const found = open.valid ? open : own?.valid === true ? own : null
  const sent: [Certificate, ...Certificate[]] = [leaf]
  const whole = found?.path ?? [leaf, ...issuersOf(leaf, [...others, ...atHand])]
  // A root is not sent: who trusts it has it. RFC 8446 4.4.2
  sent.push(...whole.slice(1).filter((one) => !one.selfIssued))
  const wanted = sent.slice(1).filter((one) => others.some((other) => other.equals(one)))
  const asGiven = others.filter((one) => sent.some((other) => other.equals(one)))
  const leafFirst = given.length === 0 || given[0]?.equals(leaf) === true || given.length === others.length
  return {
    sent,
    anchor: found === null ? null : (found.path.at(-1) ?? null),
    anchorIs: found === null ? null : open.valid ? 'public' : 'own',
    obstacles: found === null ? open.reasons : [],
    reordered: !leafFirst || wanted.some((one, index) => asGiven[index]?.equals(one) !== true),
    completed: sent.length - 1 - wanted.length,
    leftOut: others.length - wanted.length,
  }
}

/** The issuers that are there, as far as they go. */
function issuersOf(leaf: Certificate, candidates: readonly Certificate[]): Certificate[] {
  const chain: Certificate[] = []
  let current = leaf
  while (chain.length < DEEPEST && !current.selfIssued) {
    const below = current
    const issuer = candidates.find((one) => !chain.includes(one) && !one.equals(below) && signs(one, below))
    if (issuer === undefined) break
    chain.push(issuer)
    current = issuer
  }
  return chain
}

function signs(issuer: Certificate, certificate: Certificate): boolean {
  if (!issuer.subject.equals(certificate.issuer)) return false
  try {
    return isIssuedBy(certificate, issuer)
  } catch (error) {
    if (error instanceof EngineError) return false
    throw error
  }
}
