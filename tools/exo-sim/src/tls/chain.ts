// Judges a peer's certificate chain against a set of trusted roots: signatures, dates, CA flags, hash strength.
// It never fetches an intermediate (Exchange Online does not either): what the peer did not send does not exist.
import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { isRevoked } from './revocation.ts'
import type { RevocationList } from './revocation.ts'

/** Why a chain is refused, in the words of Exchange's `Message=` texts. */
type ChainProblem = 'UntrustedRoot' | 'CertificateExpired' | 'WeakSignature' | 'WrongUsage' | 'Revoked'

/** Outcome of {@link judgeChain}. */
export type ChainVerdict = { trusted: true } | { trusted: false; problem: ChainProblem }

/** PEM text, or several. */
export type PemSource = string | Buffer | readonly (string | Buffer)[]

/** Splits a PEM bundle into certificates. */
export function readBundle(source: PemSource): X509Certificate[] {
  const texts = typeof source === 'string' || Buffer.isBuffer(source) ? [source] : source
  const blocks = texts.flatMap(
    (text) => text.toString().match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [],
  )
  return blocks.map((block) => new X509Certificate(block))
}

/** What the judge needs besides the chain itself. */
export interface ChainTerms {
  /** Trusted roots. */
  anchors: readonly X509Certificate[]
  /** The time that dates are compared with. */
  at: Date
  /** Extended key usage that the leaf must carry, if it carries any: an OID. */
  usage?: string | undefined
  /** Revocation lists. */
  lists?: readonly RevocationList[] | undefined
}

const LONGEST_CHAIN = 10

/** Judges `chain`, leaf first, in any order after it (RFC 5280 6.1, without name constraints and policies). */
export function judgeChain(chain: readonly X509Certificate[], terms: ChainTerms): ChainVerdict {
  const leaf = chain[0]
  if (!leaf) return { trusted: false, problem: 'UntrustedRoot' }
  // The types say that `keyUsage` is always there; without the extension it is undefined.
  const usages = leaf.keyUsage as readonly string[] | undefined
  if (terms.usage !== undefined && usages !== undefined && !usages.includes(terms.usage)) {
    return { trusted: false, problem: 'WrongUsage' }
  }
  let current = leaf
  for (let depth = 0; depth < LONGEST_CHAIN; depth++) {
    const here = current
    if (terms.at < here.validFromDate || terms.at > here.validToDate) {
      return { trusted: false, problem: 'CertificateExpired' }
    }
    if (terms.anchors.some((anchor) => anchor.fingerprint256 === here.fingerprint256))
      return { trusted: true }
    if (/md5|md2|sha1(?!\d)/i.test(here.signatureAlgorithm ?? '')) {
      return { trusted: false, problem: 'WeakSignature' }
    }
    const anchor = terms.anchors.find((candidate) => issued(candidate, here))
    if (anchor) {
      if (isRevoked(here, anchor, terms.lists ?? [], terms.at)) return { trusted: false, problem: 'Revoked' }
      const dated = terms.at >= anchor.validFromDate && terms.at <= anchor.validToDate
      return dated ? { trusted: true } : { trusted: false, problem: 'CertificateExpired' }
    }
    const next = chain.find((candidate) => candidate !== here && candidate.ca && issued(candidate, here))
    if (!next) return { trusted: false, problem: 'UntrustedRoot' }
    if (isRevoked(here, next, terms.lists ?? [], terms.at)) return { trusted: false, problem: 'Revoked' }
    current = next
  }
  return { trusted: false, problem: 'UntrustedRoot' }
}

function issued(issuer: X509Certificate, subject: X509Certificate): boolean {
  return subject.checkIssued(issuer) && subject.verify(issuer.publicKey)
}

/** The chain that the peer presented, leaf first; empty when it presented nothing. */
export function presentedChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  let next = socket.getPeerX509Certificate()
  while (next && chain.length < LONGEST_CHAIN) {
    const here = next
    if (chain.some((seen) => seen.fingerprint256 === here.fingerprint256)) break
    chain.push(here)
    next = here.issuerCertificate
  }
  return chain
}
