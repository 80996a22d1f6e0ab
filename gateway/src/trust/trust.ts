/**
 * The verdict on e-mail certificates: is there a good path to an authority that the tenant trusts, for this purpose and address, now,
 * and is nothing on it revoked or distrusted? Gives reasons for every "no", and for what stays unknown. What is fetched is asked of
 * the status service; nothing is fetched for a certificate whose path does not end at an authority, but that path's missing links.
 */
import {
  buildPath,
  parseCertificate,
  type Certificate,
  type PathOptions,
  type PathResult,
  type SignerVerdict,
  type Verdict,
} from '@siegel/engine'
import type { PublicRoot } from './mail-roots.ts'
import { FACTORY_TRUST, type TrustRules } from './settings.ts'
import type { Material, StatusService } from './status-service.ts'
import { validationTypeOf } from './validation-type.ts'

/** What a certificate is to be good for. */
export type CertificateUse = 'sign' | 'encrypt'

/** What was found; a stable code and its arguments. */
export interface TrustNote {
  readonly code: string
  readonly arguments: Readonly<Record<string, string>>
}

/** The verdict on one certificate. */
export interface TrustVerdict {
  readonly valid: boolean
  /** Codes, each once. */
  readonly reasons: readonly string[]
  /** What people should read of it. */
  readonly notes: readonly TrustNote[]
  /** Leaf first; the longest that was found. */
  readonly path: readonly Certificate[]
  /** When what it says of revocation ends, in milliseconds since 1970; Infinity when it rests on no such answer. */
  readonly until: number
}

/** A verdict on a mail after revocation and distrust were asked. */
export interface ReviewedVerdict {
  readonly verdict: Verdict
  /** For each signer what people should read, in their order. */
  readonly notes: readonly (readonly TrustNote[])[]
  /** Certificates of issuers that were missing: with them the mail can be verified again. */
  readonly missing: readonly Certificate[]
}

/** The trust settings of one tenant at one version of the settings. */
export interface Trust {
  /** Changes when anchors or settings change. */
  readonly version: number
  /** The tenant's anchors for e-mail. */
  readonly anchors: readonly Certificate[]
  /**
   * Judges a certificate. Rejects with nothing: what cannot be had is a reason.
   * @param chain - intermediates that came with it, untrusted
   * @param address - the mailbox it must name; null to leave that test out
   * @param at - milliseconds since 1970
   */
  verdict(
    certificate: Certificate,
    chain: readonly Certificate[],
    use: CertificateUse,
    address: string | null,
    at: number,
  ): Promise<TrustVerdict>
  /**
   * Judges the signers of a mail again, with revocation and distrust. It makes no verdict better.
   * @param decrypted - the signature was inside: then no missing link is fetched, for that would tell a stranger that it opened
   */
  review(verdict: Verdict, at: number, decrypted: boolean): Promise<ReviewedVerdict>
}

/** What trust is made from. */
export interface TrustOptions {
  /** Changes when anchors or settings change. */
  readonly version: number
  /** DER of the tenant's own authorities. */
  readonly anchors: readonly Buffer[]
  /** Left out: as the factory has it. */
  readonly rules?: TrustRules
  /** The authorities that come with Siegel. Left out: none. */
  readonly publicRoots?: () => readonly PublicRoot[]
  /** Left out: nobody is asked; revocation is unknown, and that is soft. */
  readonly status?: StatusService | null
}

/** Links of a chain that are fetched, one after the other. */
const MAX_LINKS = 4
/** Certificates of one chain whose findings are told. */
const MAX_NOTES = 8

/** Compiles a tenant's trust. */
export function createTrust(options: TrustOptions): Trust {
  return new TenantTrust(options)
}

class TenantTrust implements Trust {
  readonly version: number
  readonly anchors: readonly Certificate[]
  readonly #all: readonly Certificate[]
  /** By fingerprint of a public authority: what it has issued later is not trusted. */
  readonly #distrustAfter: ReadonlyMap<string, number>
  readonly #rules: TrustRules
  readonly #status: StatusService | null

  constructor({ version, anchors, rules = FACTORY_TRUST, publicRoots, status = null }: TrustOptions) {
    this.version = version
    this.#rules = rules
    this.#status = status
    const roots = rules.publicAuthorities ? (publicRoots?.() ?? []) : []
    const own = anchors.map((anchor) => parseCertificate(anchor))
    this.#all = [...own, ...roots.map(({ certificate }) => certificate)]
    const named = new Set(own.map(({ fingerprint }) => fingerprint))
    this.#distrustAfter = new Map(
      roots.flatMap(({ certificate: { fingerprint }, distrustAfter }) =>
        // What the tenant itself has named is trusted as it stands.
        distrustAfter === null || named.has(fingerprint) ? [] : [[fingerprint, distrustAfter] as const],
      ),
    )
    this.anchors = this.#all.filter((anchor) => !this.#isDistrusted(anchor))
  }

  async verdict(
    certificate: Certificate,
    chain: readonly Certificate[],
    use: CertificateUse,
    address: string | null,
    at: number,
  ): Promise<TrustVerdict> {
    const wanted = {
      ...{ at, purpose: use === 'sign' ? ('email-sign' as const) : ('email-encrypt' as const) },
      ...(address === null ? {} : { address: { email: address } }),
    }
    let base = this.#search(certificate, chain, wanted)
    if (lacksLink(base)) {
      const links = await this.#missingLinks(base)
      if (links.length > 0) base = this.#search(certificate, [...chain, ...links], wanted)
    }
    // With our own keys unknown is soft: to sign reveals nothing.
    return this.#judged(certificate, base, wanted, use === 'encrypt')
  }

  async review(verdict: Verdict, at: number, decrypted: boolean): Promise<ReviewedVerdict> {
    const notes: (readonly TrustNote[])[] = []
    const missing: Certificate[] = []
    const signers: SignerVerdict[] = []
    for (const signer of verdict.signers) {
      const { certificate, path } = signer
      // Without a path the signature itself is not intact: then nobody is asked about anything.
      if (certificate === null || path.length === 0) notes.push([])
      else if (signer.status === 'valid') {
        const wanted = { at, purpose: 'email-sign' as const }
        const base = this.#search(certificate, path.slice(1), wanted)
        const judged = await this.#judged(certificate, base, wanted, true)
        signers.push(reviewed(signer, judged))
        notes.push(judged.notes)
        continue
      } else {
        const links = decrypted || !signer.reasons.includes('issuer-not-found') ? [] : path
        if (links.length > 0) missing.push(...(await this.#missingLinks({ path: links })))
        notes.push(this.#notesOf(certificate, [], null))
      }
      signers.push(signer)
    }
    const worse = signers.some(({ status }, index) => status !== verdict.signers[index]?.status)
    const reasons = [
      ...verdict.reasons.filter((reason) => reason !== 'revocation-unknown'),
      ...signers.flatMap((signer) => signer.reasons),
    ]
    return {
      verdict: {
        ...verdict,
        signers,
        status: worse ? 'invalid' : verdict.status,
        reasons: [...new Set(reasons)],
      },
      notes,
      missing,
    }
  }

  /** A path, revocation apart. */
  #search(
    certificate: Certificate,
    chain: readonly Certificate[],
    wanted: Omit<PathOptions, 'anchors'>,
  ): PathResult {
    const intermediates = chain.filter((link) => !this.#isDistrusted(link))
    const anchors = this.anchors.filter(
      ({ fingerprint }) => certificate.notBefore <= (this.#distrustAfter.get(fingerprint) ?? Infinity),
    )
    return buildPath(certificate, { ...wanted, anchors, intermediates, revocation: 'none' })
  }

  /** The path with distrust and revocation. */
  async #judged(
    certificate: Certificate,
    base: PathResult,
    wanted: Omit<PathOptions, 'anchors'>,
    strict: boolean,
  ): Promise<TrustVerdict> {
    const { path, reasons } = base
    const distrusted = [...path, ...this.#distrustedIssuersOf(path)].find((one) => this.#isDistrusted(one))
    if (distrusted !== undefined) {
      const note = this.#noteOn('certificate-distrusted', distrusted, {})
      const notes = [note, ...this.#notesOf(certificate, [], null)]
      return { valid: false, reasons: [...new Set([...reasons, note.code])], notes, path, until: Infinity }
    }
    const { revocation, patienceMs } = this.#rules
    if (!base.valid || revocation === 'off')
      return {
        valid: base.valid,
        reasons,
        notes: this.#notesOf(certificate, [], null),
        path,
        until: Infinity,
      }
    const material = (await this.#status?.material(path, patienceMs)) ?? null
    const result = buildPath(certificate, {
      ...wanted,
      anchors: path.slice(-1),
      intermediates: path.slice(1, -1),
      crls: material?.crls ?? [],
      ocspResponses: material?.ocspResponses ?? [],
      revocation: revocation === 'hard' && strict ? 'require' : 'prefer',
    })
    const notes = this.#notesOf(certificate, result.findings, material)
    return {
      valid: result.valid,
      reasons: result.reasons,
      notes,
      path,
      until: material?.expiresAt ?? Infinity,
    }
  }

  #notesOf(
    certificate: Certificate,
    findings: PathResult['findings'],
    material: Material | null,
  ): readonly TrustNote[] {
    const notes: TrustNote[] = []
    const causes = [...new Set((material?.failures ?? []).map(({ url, cause }) => `${url} ${cause}`.trim()))]
    for (const { reason, certificate: about, detail } of findings.slice(0, MAX_NOTES)) {
      const one = about ?? certificate
      if (reason === 'certificate-revoked') notes.push(this.#noteOn('certificate-revoked', one, { detail }))
      // Where a private authority offers nothing, nothing is missing; `hard` refuses it all the same.
      else if (
        reason === 'revocation-unknown' &&
        (material?.offered === true || this.#rules.revocation === 'hard')
      )
        notes.push(
          this.#noteOn('revocation-unknown', one, { detail: [detail, ...causes].join('; ').slice(0, 500) }),
        )
    }
    const type = validationTypeOf(certificate)
    if (type !== null)
      notes.push({
        code: 'certificate-validation',
        arguments: { type: type.type, generation: type.generation },
      })
    return notes
  }

  #noteOn(
    code: string,
    { fingerprint, subject }: Certificate,
    more: Readonly<Record<string, string>>,
  ): TrustNote {
    return { code, arguments: { certificate: fingerprint, subject: subject.text.slice(0, 200), ...more } }
  }

  /** Follows a chain upwards from where it ends. */
  async #missingLinks({ path }: Pick<PathResult, 'path'>): Promise<readonly Certificate[]> {
    const { fetchIssuers, patienceMs } = this.#rules
    const end = performance.now() + patienceMs
    const links: Certificate[] = []
    let last = path.at(-1)
    for (let count = 0; fetchIssuers && last !== undefined && count < MAX_LINKS; count++) {
      const left = Math.max(0, end - performance.now())
      const found: readonly Certificate[] = (await this.#status?.issuersOf(last, left)) ?? []
      links.push(...found)
      last = found.find(({ selfIssued }) => !selfIssued)
      if (found.some(({ issuer }) => this.anchors.some((anchor) => anchor.subject.equals(issuer)))) break
    }
    return links
  }

  /** Where a path ends short of an authority because that one is distrusted. */
  #distrustedIssuersOf(path: readonly Certificate[]): readonly Certificate[] {
    const last = path.at(-1)
    if (last === undefined || this.anchors.length === this.#all.length) return []
    return this.#all.filter((anchor) => anchor.subject.equals(last.issuer) && this.#isDistrusted(anchor))
  }

  #isDistrusted({ fingerprint, issuer, subject }: Certificate): boolean {
    const { distrusted, distrustedIssuers } = this.#rules
    return (
      distrusted.has(fingerprint) ||
      (distrustedIssuers.size > 0 &&
        (distrustedIssuers.has(issuer.text) || distrustedIssuers.has(subject.text)))
    )
  }
}

function lacksLink({ valid, reasons }: PathResult): boolean {
  return !valid && reasons.includes('issuer-not-found')
}

/** The signer's verdict after the second look. What came with the mail may have said more than we could find. */
function reviewed(signer: SignerVerdict, { valid, reasons }: TrustVerdict): SignerVerdict {
  const vouched = !signer.reasons.includes('revocation-unknown')
  const others = reasons.filter((reason) => reason !== 'revocation-unknown' || !vouched)
  const good = valid || (others.length === 0 && reasons.length > 0)
  const kept = signer.reasons.filter((reason) => reason !== 'revocation-unknown')
  return {
    ...signer,
    status: good ? 'valid' : 'invalid',
    reasons: [...new Set([...kept, ...others])] as SignerVerdict['reasons'],
  }
}
