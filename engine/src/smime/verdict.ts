/**
 * The verdict on a message: its vocabulary, the reading of the From address, and the one place where signature, chain,
 * coverage and From come together. Signers' own status speaks of signature and chain only.
 */
import type { ByteView } from '../bytes/source.ts'
import type { MimeNode } from '../mime/entity.ts'
import { parseAddresses } from '../mime/address.ts'
import { fieldsNamed, headerValue } from '../mime/header.ts'
import type { Reason } from '../reasons.ts'
import { sameAddress } from '../x509/address.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { PathOptions } from '../x509/path-options.ts'
import type { ProtectedHeaders } from './protected-headers.ts'

/**
 * What everything depends on; time and trust come in from outside. Chains are judged as x509 does: by anchors,
 * intermediates (those inside the message are used as well), the moment `at` (signingTime decides nothing), policies and
 * revocation. With `allowWeak`, SHA-1 in the signature itself is accepted too; it stays marked as weak.
 */
export interface VerifyOptions extends Omit<PathOptions, 'purpose' | 'address'> {
  /** Also decrypt content encrypted with 3DES or RC2-128. Default: what `allowWeak` says. */
  readonly allowLegacy?: boolean
}

/** The verdict on one signer: signature and chain. */
export interface SignerVerdict {
  /** Of signature and chain alone, not of From and coverage. */
  readonly status: 'valid' | 'invalid'
  /** Empty when there is nothing to say; a valid signer may have some. */
  readonly reasons: readonly Reason[]
  /** Addresses in the signer's certificate. */
  readonly emails: readonly string[]
  /** RFC 4514 text; null when the certificate is not there. */
  readonly subject: string | null
  /** The name as text (RFC 4514); null without a certificate. */
  readonly issuer: string | null
  /** Hexadecimal. */
  readonly serial: string | null
  /** As in `sha256`. */
  readonly digest: string
  /** As in `rsa-pkcs1v15`, `ecdsa`. */
  readonly signature: string
  /** The signer's own claim, in milliseconds since 1970. */
  readonly signingTime: number | null
  /** Null if it was not found. */
  readonly certificate: Certificate | null
  /** Leaf first; empty when no chain was found. */
  readonly path: readonly Certificate[]
  /** SMIMECapabilities as signed; null when absent or when the signature is not intact. */
  readonly capabilities: Buffer | null
  /**
   * Certificates inside the message that the signer may want to be encrypted to: the preferred one first (RFC 8551 2.5.3), then the
   * signer's own, then others. Nothing of them is judged. Empty when the signature is not intact.
   */
  readonly encryption: readonly Certificate[]
}

/** What was found about a message. */
export interface Verdict {
  /** `valid` means: covered as a whole, chain good for mail, signed by the single From address. */
  readonly status: 'valid' | 'invalid' | 'unsigned' | 'partial' | 'signer-mismatch' | 'error'
  /** Why it is not valid, and what is only noted. */
  readonly reasons: readonly Reason[]
  /** Addresses in From, as far as they can be read. */
  readonly from: readonly string[]
  /** One for each SignerInfo, in their order. */
  readonly signers: readonly SignerVerdict[]
  /** How much of the message is signed. */
  readonly coverage: 'whole' | 'part' | 'none'
  /** Whether the signature was found inside, or lies around, encrypted content. */
  readonly encrypted: boolean
  /** Header fields that the signature covers (RFC 9788); null when there are none. */
  readonly protectedHeaders: ProtectedHeaders | null
}

/** The From address, or why there is no single one. */
export interface From {
  readonly addresses: readonly string[]
  /** Null when there is exactly one address. */
  readonly reason: Reason | null
}

/** Reads From. Exactly one field with exactly one mailbox counts (the Sender field never does). */
export function readFrom(bytes: ByteView, root: MimeNode): From {
  const fields = fieldsNamed(root.headers, 'from')
  const lists = fields.map((field) => parseAddresses(headerValue(bytes, field)))
  const addresses = lists.flatMap((list) => list.mailboxes.map((mailbox) => mailbox.address))
  if (fields.length === 0) return { addresses, reason: 'from-missing' }
  if (fields.length > 1) return { addresses, reason: 'from-multiple' }
  if (lists.some((list) => list.ambiguous)) return { addresses, reason: 'from-ambiguous' }
  // RFC 6854 allows a group here; readers differ in what they show of it
  if (lists.some((list) => list.mailboxes.some(({ group }) => group !== null)))
    return { addresses, reason: 'from-ambiguous' }
  if (addresses.length === 0) return { addresses, reason: 'from-missing' }
  return { addresses, reason: addresses.length === 1 ? null : 'from-multiple' }
}

/** The From address when there is one and only one. */
export function singleFrom(from: From | null): string | null {
  return from?.reason === null ? (from.addresses[0] ?? null) : null
}

/** The parts of a verdict before it is drawn. */
export interface Findings {
  /** Null for a bare CMS object, which has no From. */
  readonly from: From | null
  readonly signers: readonly SignerVerdict[]
  readonly coverage: 'whole' | 'part'
  readonly encrypted: boolean
  readonly protectedHeaders: ProtectedHeaders | null
  /** Reasons that are not any signer's. */
  readonly reasons: readonly Reason[]
  /** True when the structure alone forbids a good verdict. */
  readonly broken: boolean
}

/** Draws the verdict. */
export function conclude(findings: Findings): Verdict {
  const { from, signers, coverage, encrypted, protectedHeaders, broken } = findings
  const reasons = new Set<Reason>([...findings.reasons, ...signers.flatMap((signer) => signer.reasons)])
  const verdict = (status: Verdict['status']): Verdict => ({
    status,
    reasons: [...reasons],
    from: from?.addresses ?? [],
    signers,
    coverage,
    encrypted,
    protectedHeaders,
  })
  if (broken || !allSigned(signers)) return verdict('invalid')
  if (coverage === 'part') return verdict('partial')
  if (from === null) return verdict('valid')
  const mismatch = from.reason ?? mismatchOf(from.addresses[0] ?? '', signers, protectedHeaders)
  if (mismatch === null) return verdict('valid')
  reasons.add(mismatch)
  return verdict('signer-mismatch')
}

/**
 * At least one signer is good and none is bad, but for signatures in algorithms that nobody here can check beside one that
 * can be (RFC 5652 5.1 has several SignerInfos for that).
 */
function allSigned(signers: readonly SignerVerdict[]): boolean {
  const unknown = (signer: SignerVerdict) =>
    signer.reasons.length > 0 &&
    signer.reasons.every((reason) => reason === 'unsupported-algorithm' || reason === 'unsupported-digest')
  return (
    signers.some((signer) => signer.status === 'valid') &&
    signers.every((signer) => signer.status === 'valid' || unknown(signer))
  )
}

function mismatchOf(
  from: string,
  signers: readonly SignerVerdict[],
  protectedHeaders: ProtectedHeaders | null,
): Reason | null {
  const holds = signers.some(
    (signer) => signer.status === 'valid' && signer.emails.some((email) => sameAddress(email, from)),
  )
  if (!holds) return 'signer-address-mismatch'
  // RFC 9788 4.4: a signed From that is not the one that is shown
  const fields = protectedHeaders?.fields.filter(({ name }) => name.toLowerCase() === 'from') ?? []
  const inner = protectedHeaders?.from ?? ''
  return fields.length === 0 || sameAddress(inner, from) ? null : 'protected-from-mismatch'
}

/** A verdict without any signature. */
export function unsigned(from: From | null, encrypted: boolean, reasons: readonly Reason[]): Verdict {
  return {
    status: 'unsigned',
    reasons,
    from: from?.addresses ?? [],
    signers: [],
    coverage: 'none',
    encrypted,
    protectedHeaders: null,
  }
}

/** A verdict on what could not be read. */
export function unreadable(from: From | null, reason: Reason): Verdict {
  return { ...unsigned(from, false, [reason]), status: 'error' }
}
