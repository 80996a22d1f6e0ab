/**
 * What a certificate points to, and what of an answer may be kept. Pure. An answer is refused when it is not signed as it must be, so
 * that nobody on the way can put rubbish, or something older, in the place of what is there.
 */
import { createHash } from 'node:crypto'
import {
  authorityAccessOf,
  crlStatus,
  distributionPointsOf,
  EngineError,
  isIssuedBy,
  judgeOcspResponse,
  parseCertificate,
  parseCrl,
  parseOcspResponse,
  readCertificates,
  readContentInfo,
  writeOcspRequest,
  type Certificate,
  type Crl,
  type OcspResponse,
} from '@siegel/engine'
import type { GuardedRequest } from './guarded-fetch.ts'
import type { SourceKind } from './ports.ts'

/** A place to ask for a certificate, the first of `chain`; its issuer is the second, where it is known. */
export interface Source {
  readonly key: string
  readonly kind: SourceKind
  readonly url: string
  readonly chain: readonly Certificate[]
}

/** An answer that may be used, and until when. Times in milliseconds since 1970. */
export type Answer = {
  readonly fetchedAt: number
  readonly refreshAt: number
  readonly expiresAt: number
} & (
  | { readonly kind: 'crl'; readonly crl: Crl }
  | { readonly kind: 'ocsp'; readonly response: OcspResponse }
  | { readonly kind: 'issuer'; readonly certificates: readonly Certificate[] }
)

const MINUTE = 60_000
const HOUR = 3_600_000
const DAY = 86_400_000

/** Addresses of one kind in one certificate that are tried. */
const MAX_URLS = 4
/** Certificates in one answer that are looked at. */
const MAX_ISSUERS = 16
/** The most octets that are taken of an answer. */
const OCTETS: Readonly<Record<SourceKind, number>> = {
  crl: 16 * 1024 * 1024,
  ocsp: 128 * 1024,
  issuer: 256 * 1024,
}
/** However long an answer says that it holds: after this it is fetched again, and after that it is worth nothing. */
const LONGEST: Readonly<Record<SourceKind, readonly [refresh: number, use: number]>> = {
  crl: [12 * HOUR, 10 * DAY],
  ocsp: [4 * HOUR, 7 * DAY],
  issuer: [30 * DAY, 90 * DAY],
}
/** Without a next update newer information is always to be had. RFC 6960 4.2.2.1 */
const WITHOUT_END = MINUTE

/** What could be asked about a certificate. An extension that cannot be read counts for none. */
export function sourcesOf(kind: SourceKind, chain: readonly Certificate[]): readonly Source[] {
  const [certificate, issuer] = chain
  if (certificate === undefined || (kind === 'ocsp' && issuer === undefined)) return []
  const urls = readable(() => urlsOf(kind, certificate)).filter((url) => /^http:\/\//i.test(url))
  return [...new Set(urls)].slice(0, MAX_URLS).map((url) => ({
    key: keyOf(kind, url, certificate, issuer),
    ...{ kind, url, chain },
  }))
}

function urlsOf(kind: SourceKind, certificate: Certificate): readonly string[] {
  if (kind === 'ocsp') return authorityAccessOf(certificate).ocsp
  if (kind === 'issuer') return authorityAccessOf(certificate).issuers
  // RFC 5280 4.2.1.13
  return distributionPointsOf(certificate).flatMap(({ name }) =>
    name?.kind === 'full' ? name.names.flatMap((each) => (each.kind === 'uri' ? [each.text] : [])) : [],
  )
}

function readable<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read()
  } catch (error) {
    if (error instanceof EngineError) return []
    throw error
  }
}

function keyOf(kind: SourceKind, url: string, certificate: Certificate, issuer?: Certificate): string {
  if (kind === 'crl') return `crl ${url}`
  // An answer is about one certificate, whoever shares the address.
  const about = createHash('sha256').update(certificate.issuer.raw).update(certificate.serial)
  if (issuer !== undefined && kind === 'ocsp') about.update(issuer.spki)
  return `${kind} ${about.digest('hex').slice(0, 32)} ${url}`
}

/** How a source is asked. */
export function requestOf({ kind, url, chain }: Source): GuardedRequest {
  const [certificate, issuer] = chain
  const octets = OCTETS[kind]
  if (kind !== 'ocsp' || certificate === undefined || issuer === undefined) return { url, octets }
  // RFC 6960 A.1
  const body = { bytes: writeOcspRequest([{ certificate, issuer }]), type: 'application/ocsp-request' }
  return { url, octets, body }
}

/**
 * Reads an answer and says until when it may be used.
 * @param known - what is there already; an older answer does not replace it
 * @throws EngineError if it is not what it must be
 */
export function readAnswer(
  source: Source,
  content: Buffer,
  fetchedAt: number,
  known: Answer | null = null,
): Answer {
  if (source.kind === 'crl') return readCrl(source, content, fetchedAt, known)
  if (source.kind === 'ocsp') return readOcsp(source, content, fetchedAt, known)
  const certificates = readIssuers(source, content)
  return { kind: 'issuer', certificates, ...times('issuer', fetchedAt, fetchedAt, Infinity) }
}

function times(kind: SourceKind, fetchedAt: number, from: number, end: number) {
  const [refresh, use] = LONGEST[kind]
  const expiresAt = Math.min(end, fetchedAt + use)
  // Before the end, so that nobody waits for it: at three quarters of its time
  const early = from + (end - from) * 0.75
  return {
    fetchedAt,
    expiresAt,
    refreshAt: Math.min(expiresAt, fetchedAt + refresh, Math.max(early, fetchedAt)),
  }
}

function readCrl({ chain }: Source, content: Buffer, fetchedAt: number, known: Answer | null): Answer {
  const [certificate, ...above] = chain
  const crl = parseCrl(content)
  if (crl.nextUpdate !== null && crl.nextUpdate <= fetchedAt) throw refused('the CRL has expired')
  if (known?.kind === 'crl' && crl.thisUpdate < known.crl.thisUpdate)
    throw refused('the CRL is older than the one that is there')
  const signers = above.filter(({ subject }) => subject.equals(crl.issuer))
  // A CRL of somebody who stands not in the chain is judged when it is used. RFC 5280 5.2.5
  if (signers.length > 0 && !signers.some((signer) => crl.isSignedBy(signer)))
    throw refused('the signature of the CRL is wrong')
  if (certificate !== undefined) {
    const signerOf = () => signers.find((signer) => crl.isSignedBy(signer)) ?? 'another issuer'
    // The first look at the entries, which fails if they are damaged.
    crlStatus(certificate, { crls: [crl], at: fetchedAt, allowWeak: false, signerOf })
  }
  return {
    kind: 'crl',
    crl,
    ...times('crl', fetchedAt, crl.thisUpdate, crl.nextUpdate ?? fetchedAt + WITHOUT_END),
  }
}

function readOcsp({ chain }: Source, content: Buffer, fetchedAt: number, known: Answer | null): Answer {
  const [certificate = null, issuer] = chain
  const response = parseOcspResponse(content)
  if (issuer === undefined) throw refused('no issuer')
  const { status, detail, answer } = judgeOcspResponse(response, { certificate, issuer, at: fetchedAt })
  if (status === 'invalid' || answer === null) throw refused(`OCSP: ${detail}`)
  const before = known?.kind === 'ocsp' ? thisUpdateOf(known.response, chain) : -Infinity
  if (answer.thisUpdate < before) throw refused('the OCSP answer is older than the one that is there')
  const end = answer.nextUpdate ?? fetchedAt + WITHOUT_END
  return { kind: 'ocsp', response, ...times('ocsp', fetchedAt, answer.thisUpdate, end) }
}

function thisUpdateOf(response: OcspResponse, [certificate, issuer]: readonly Certificate[]): number {
  if (certificate === undefined || issuer === undefined) return -Infinity
  return Math.max(-Infinity, ...response.answersFor(certificate, issuer).map(({ thisUpdate }) => thisUpdate))
}

/** RFC 5280 4.2.2.1: one certificate in DER, or a bundle of them. Only whoever did issue the certificate counts. */
function readIssuers({ chain }: Source, content: Buffer): readonly Certificate[] {
  const [certificate] = chain
  const issued = bundle(content)
    .slice(0, MAX_ISSUERS)
    .filter((issuer) => {
      if (certificate?.issuer.equals(issuer.subject) !== true) return false
      return readable(() => (isIssuedBy(certificate, issuer) ? [issuer] : [])).length > 0
    })
  if (issued.length === 0) throw refused('no certificate of the issuer in the answer')
  return issued
}

function bundle(content: Buffer): readonly Certificate[] {
  const certificates = readable(() => readCertificates(content))
  if (certificates.length > 0) return certificates
  const info = readContentInfo(content)
  return info.kind !== 'signed-data'
    ? []
    : info.certificates.slice(0, MAX_ISSUERS).flatMap((der) => readable(() => [parseCertificate(der)]))
}

function refused(message: string): EngineError {
  return new EngineError('crl-malformed', message)
}

/** A chain as it is kept. */
export function writeChain(chain: readonly Certificate[]): Buffer {
  return Buffer.concat(chain.map(({ raw }) => raw))
}
