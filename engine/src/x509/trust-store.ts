/**
 * What the trust store as a whole says of a CA for one purpose. A store that restricts a CA restricts it by name and key, in
 * whatever certificate others supply for it, and a CA that the store rejects does not come back through one that it certified
 * itself, unless the store trusts that one expressly. It builds no chains: path.ts does.
 */
import { EngineError } from '../errors.ts'
import type { Certificate } from './certificate.ts'
import { extendedKeyUsageAllows, extendedKeyUsageOf } from './purpose.ts'
import type { Purpose } from './purpose.ts'
import { isIssuedBy } from './signature.ts'
import { trustFor } from './trust-settings.ts'

/** The anchors of one search, asked about one purpose. */
export class TrustStore {
  private readonly anchors: readonly Certificate[]
  private readonly purpose: Purpose
  private readonly verdicts = new Map<string, boolean>()
  private readonly words = new Map<Certificate, 'trusted' | 'rejected' | null>()

  constructor(anchors: readonly Certificate[], purpose: Purpose) {
    this.anchors = anchors
    this.purpose = purpose
  }

  /** Whether settings beside this very certificate trust it for the purpose, whatever it says of itself. */
  trusts(certificate: Certificate): boolean {
    return this.anchors.some((anchor) => anchor.equals(certificate) && this.wordOn(anchor) === 'trusted')
  }

  /**
   * Whether the store refuses the certificate's subject and key for the purpose.
   * @param isAnchor - the certificate ends the chain, so that it is judged by its own word and not by that of its kin
   */
  rejects(certificate: Certificate, isAnchor: boolean): boolean {
    const id = `${certificate.fingerprint} ${String(isAnchor)}`
    const known = this.verdicts.get(id)
    if (known !== undefined) return known
    const verdict = this.judge(certificate, isAnchor)
    this.verdicts.set(id, verdict)
    return verdict
  }

  private judge(certificate: Certificate, isAnchor: boolean): boolean {
    const kin = this.anchors.filter((anchor) => anchor.sameEntity(certificate))
    const own = isAnchor ? kin.filter((anchor) => anchor.equals(certificate)) : kin
    // Settings that reject are about the CA; what a certificate lacks, another one of the same CA in the store may have
    if (this.rejectsExpressly(certificate)) return true
    return own.length > 0 && own.every((anchor) => this.isWithout(anchor, isAnchor))
  }

  private isWithout(anchor: Certificate, isAnchor: boolean): boolean {
    const word = this.wordOn(anchor)
    if (word !== null) return word === 'rejected'
    // Of the anchor itself path-rules.ts says that its extendedKeyUsage does not fit
    return !isAnchor && !extendedKeyUsageAllows(anchor, this.purpose)
  }

  /** Whether settings beside any certificate of this CA reject it. */
  private rejectsExpressly(certificate: Certificate): boolean {
    return this.anchors.some((anchor) => {
      const { trustSettings } = anchor
      if (trustSettings === null || !anchor.sameEntity(certificate)) return false
      return trustFor(trustSettings, extendedKeyUsageOf(this.purpose)) === 'rejected'
    })
  }

  /** The word of the settings, else that on all its issuers in the store. */
  private wordOn(anchor: Certificate): 'trusted' | 'rejected' | null {
    const known = this.words.get(anchor)
    if (known !== undefined) return known
    // Cross-certificates in a ring say nothing of each other
    this.words.set(anchor, null)
    const { trustSettings } = anchor
    const own = trustSettings === null ? null : trustFor(trustSettings, extendedKeyUsageOf(this.purpose))
    const word = own ?? (this.hangsOnRejected(anchor) ? 'rejected' : null)
    this.words.set(anchor, word)
    return word
  }

  private isRejected(anchor: Certificate): boolean {
    return this.rejectsExpressly(anchor) || this.wordOn(anchor) === 'rejected'
  }

  private hangsOnRejected(anchor: Certificate): boolean {
    if (anchor.selfIssued) return false
    const named = this.anchors.filter(
      (issuer) => issuer.subject.equals(anchor.issuer) && !issuer.sameEntity(anchor),
    )
    // Signatures only where the answer depends on them
    if (!named.some((issuer) => this.isRejected(issuer))) return false
    const issuers = named.filter((issuer) => issued(issuer, anchor))
    return issuers.length > 0 && issuers.every((issuer) => this.isRejected(issuer))
  }
}

function issued(issuer: Certificate, certificate: Certificate): boolean {
  try {
    return isIssuedBy(certificate, issuer)
  } catch (error) {
    if (error instanceof EngineError) return false
    throw error
  }
}
