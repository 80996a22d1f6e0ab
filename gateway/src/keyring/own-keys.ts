/**
 * Own S/MIME keys: made here with the request for their certificate, completed by the authority's reply, or certified by a small
 * authority of our own for pilots. That authority can certify nothing but addresses in domains of the tenant. Keeps nothing itself.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import {
  EngineError,
  isIssuedBy,
  issueCertificate,
  issueCrl,
  Oid,
  parseCertificate,
  writeCsr,
  type Certificate,
  type CrlReason,
} from '@siegel/engine'
import { fits } from '../config/certificates.ts'
import type { IssuedCertificate } from './issuing-ports.ts'
import { namedAddresses, usesOf } from './keep.ts'
import type { NewCredential } from './ports.ts'

const DAY = 86_400_000
/** Clocks of partners may be late. */
const EARLIER = 3_600_000
const MOST_CHAIN = 10

/** Why a reply or a wish is refused; for the operator. */
export class OwnKeyRefused extends Error {
  override readonly name = 'OwnKeyRefused'
  readonly code:
    'reply-fits-no-request' | 'reply-names-no-address' | 'chain-incomplete' | 'domain-not-accepted'

  /**
   * @param code - stable; its texts stand in the catalogue
   * @param detail - an argument of the text
   */
  constructor(code: OwnKeyRefused['code'], detail: string) {
    super(detail)
    this.code = code
  }
}

/** Key usages of an end user: RSA wraps keys, elliptic curves agree on them. RFC 8550 4.4.2, RFC 5480 3 */
function usagesFor(key: KeyObject): ('digitalSignature' | 'keyEncipherment' | 'keyAgreement')[] {
  return ['digitalSignature', key.asymmetricKeyType === 'ec' ? 'keyAgreement' : 'keyEncipherment']
}

function endUser(addresses: readonly string[], key: KeyObject) {
  return {
    emails: addresses,
    keyUsage: usagesFor(key),
    extendedKeyUsage: [Oid.idKpEmailProtection],
  }
}

/** The request for the certificate of a key. DER. RFC 2986 4 */
export function requestForAddresses(key: KeyObject, name: string, addresses: readonly string[]): Buffer {
  return writeCsr({ subject: { CN: name }, key, extensions: endUser(addresses, key) })
}

/** A key that awaits its certificate, as it is compared with a reply. */
export interface Awaiting {
  readonly id: string
  readonly addresses: readonly string[]
  /** PKCS#8 DER. */
  readonly privateKey: Buffer
}

/**
 * Joins an authority's reply with the key that awaits it; the chain is put in order, checked link by link and completed.
 * @param reply - certificates of the reply, in any order
 * @param further - certificates to complete the chain from: those of a file, the tenant's anchors
 * @returns the request that is done, and the entry to keep
 * @throws OwnKeyRefused
 */
export function completeReply(
  reply: readonly Certificate[],
  further: readonly Certificate[],
  awaiting: readonly Awaiting[],
  source: string,
): { readonly request: string; readonly entry: NewCredential } {
  for (const { id, addresses, privateKey } of awaiting) {
    const key = createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' })
    const leaf = reply.find((one) => fits(key, one))
    if (leaf === undefined) continue
    const named = namedAddresses(leaf)
    if (!addresses.some((address) => named.includes(address)))
      throw new OwnKeyRefused('reply-names-no-address', addresses.join(' '))
    const chain = chainOf(leaf, [...reply, ...further])
    return { request: id, entry: ownEntry(leaf, chain, privateKey, 'generated', source) }
  }
  throw new OwnKeyRefused('reply-fits-no-request', '')
}

/** The certificates above a leaf up to a self-issued one, which is left out; each has signed the one below. */
function chainOf(leaf: Certificate, candidates: readonly Certificate[]): Buffer[] {
  const chain: Certificate[] = []
  for (let below = leaf; chain.length < MOST_CHAIN;) {
    if (below.subject.equals(below.issuer)) break
    const current = below
    const issuer = candidates.find((one) => !chain.includes(one) && signed(current, one))
    if (issuer === undefined) throw new OwnKeyRefused('chain-incomplete', below.issuer.text)
    chain.push(issuer)
    below = issuer
  }
  return chain.filter(({ subject, issuer }) => !subject.equals(issuer)).map(({ raw }) => raw)
}

function signed(certificate: Certificate, issuer: Certificate): boolean {
  try {
    return isIssuedBy(certificate, issuer)
  } catch (error) {
    // An authority with a key that nobody knows has signed nothing that could be used.
    if (error instanceof EngineError) return false
    throw error
  }
}

function ownEntry(
  certificate: Certificate,
  chain: readonly Buffer[],
  privateKey: Buffer,
  origin: 'generated' | 'issued',
  source: string,
): NewCredential {
  const { notBefore, notAfter, fingerprint, raw } = certificate
  return {
    ...{ owner: 'own', addresses: namedAddresses(certificate), ...usesOf(certificate) },
    ...{ notBefore, notAfter, fingerprint, certificate: raw, chain },
    ...{ origin, state: 'active', source, privateKey },
  }
}

/**
 * Issues the certificate of an authority that certifies addresses of some domains and nothing else, and no other authority.
 * RFC 5280 4.2.1.9, 4.2.1.10
 * @param now - milliseconds since 1970
 */
export function createAuthority(
  key: KeyObject,
  name: string,
  domains: readonly string[],
  now: number,
  days: number,
): Certificate {
  return parseCertificate(
    issueCertificate({
      subject: { CN: name },
      issuer: { key },
      publicKey: key,
      notBefore: now - EARLIER,
      notAfter: now + days * DAY,
      extensions: {
        ...{ ca: true, pathLength: 0, extendedKeyUsage: [Oid.idKpEmailProtection] },
        nameConstraints: { permitted: { emails: domains } },
      },
    }),
  )
}

/** An authority with its key. */
export interface SigningAuthority {
  readonly certificate: Certificate
  readonly key: KeyObject
}

/** What is to be certified. */
export interface Wish {
  readonly name: string
  readonly addresses: readonly string[]
  /** The public key; a certificate is issued for it. */
  readonly key: KeyObject
  readonly days: number
  readonly crlUrls: readonly string[]
}

/**
 * Issues the certificate of a user.
 * @param now - milliseconds since 1970
 * @throws OwnKeyRefused `domain-not-accepted` for an address that the authority may not certify
 */
export function issueForUser(authority: SigningAuthority, wish: Wish, now: number): Certificate {
  const permitted = authority.certificate.parsed.nameConstraints?.permitted ?? []
  const domains = permitted.flatMap((name) => (name.kind === 'email' ? [name.text.toLowerCase()] : []))
  for (const address of wish.addresses) {
    const domain = address.slice(address.lastIndexOf('@') + 1)
    if (!domains.includes(domain)) throw new OwnKeyRefused('domain-not-accepted', address)
  }
  return parseCertificate(
    issueCertificate({
      subject: { CN: wish.name },
      issuer: authority,
      publicKey: wish.key,
      notBefore: now - EARLIER,
      notAfter: Math.min(now + wish.days * DAY, authority.certificate.notAfter),
      extensions: {
        ...endUser(wish.addresses, wish.key),
        ...(wish.crlUrls.length === 0 ? {} : { crlUrls: wish.crlUrls }),
      },
    }),
  )
}

/** The keyring entry of a key that the own authority has certified. */
export function issuedEntry(certificate: Certificate, key: KeyObject, source: string): NewCredential {
  const privateKey = key.export({ type: 'pkcs8', format: 'der' })
  return ownEntry(certificate, [], privateKey, 'issued', source)
}

/**
 * The authority's CRL, DER. RFC 5280 5
 * @param now - milliseconds since 1970
 * @param days - until the next one
 */
export function revocationList(
  authority: SigningAuthority,
  revoked: readonly IssuedCertificate[],
  number: number,
  now: number,
  days: number,
): Buffer {
  return issueCrl({
    issuer: authority,
    thisUpdate: now,
    nextUpdate: now + days * DAY,
    number,
    entries: revoked.map(({ serial, revokedAt, reason }) => ({
      serial: Buffer.from(serial, 'hex'),
      revocationDate: revokedAt ?? now,
      ...(reason === null ? {} : { reason: reason as CrlReason }),
    })),
  })
}
