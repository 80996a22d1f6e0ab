/**
 * Looks for the certificate of an address outside the keyring: all sources at once, each with its own time. Takes only a certificate
 * that names the address, that nobody here has refused, and that the tenant's trust finds good, or for which validated DNS vouches. Says of every
 * candidate why it was taken or passed over. Never rejects for what a source says or does not say.
 */
import { buildPath, type Certificate } from '@siegel/engine'
import type { Trust, TrustVerdict } from '../../trust/trust.ts'
import { ANY_FITNESS, type Fitness, type KeyReason } from '../selection.ts'
import type { Association, FoundCertificate } from './finder.ts'
import type { Source, SourceAnswer } from './source.ts'
import { speaksOf, USAGE, wholeCertificate } from './smimea.ts'

/** A certificate that may be used. */
export interface Taken extends FoundCertificate {
  readonly source: Source
  /** What makes it good: the tenant's anchors, or a record in DNS. What DNS vouches for is never kept: the record may go. */
  readonly by: 'anchors' | 'dns'
}

/** What looking came to. */
export interface Looked {
  readonly taken: Taken | null
  /** All that may be used, the one that is taken first. */
  readonly good: readonly Taken[]
  readonly reasons: readonly KeyReason[]
}

/** What choosing needs. */
export interface FindingPorts {
  /** The sources, as the settings are now. */
  readonly sources: () => readonly Source[]
  readonly trust: () => Trust
  /** Why a certificate may not be used whatever speaks for it; null when nobody said anything. */
  readonly refusal: (fingerprint: string) => 'distrusted' | 'removed' | 'awaiting-approval' | null
}

const MOST_CANDIDATES = 64

/**
 * Looks for a certificate to encrypt to.
 * @param address - as it stands in the envelope
 * @param at - milliseconds since 1970
 * @param fitness - what is demanded of it beside that it is good; left out: nothing
 */
export async function look(
  ports: FindingPorts,
  address: string,
  at: number,
  fitness: Fitness = ANY_FITNESS,
): Promise<Looked> {
  const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase()
  const sources = ports.sources().filter(({ settings }) => settings.serves(domain))
  const answers = await Promise.all(sources.map((source) => source.ask(address)))
  const associations = answers.flatMap(({ answer }) => answer.associations)
  const reasons = answers.flatMap((answer) => answer.reasons)
  const good: Taken[] = []
  // All at once: each may wait for what is known of its revocation.
  const judgedAll = await Promise.all(
    candidatesOf(answers).map(async (candidate) => ({
      candidate,
      judged: await judge(candidate, associations, ports.trust(), address, at),
    })),
  )
  for (const { candidate, judged } of judgedAll) {
    const { certificate, source } = candidate
    const about = { fingerprint: certificate.fingerprint, source: source.settings.name }
    const refusal = ports.refusal(certificate.fingerprint)
    if (refusal !== null) {
      const others = refusal === 'removed' ? 'found-removed' : 'found-awaiting-approval'
      reasons.push({ code: refusal === 'distrusted' ? 'found-distrusted' : others, arguments: about })
      continue
    }
    if ('reasons' in judged) {
      reasons.push({ code: 'found-not-valid', arguments: { ...about, reasons: judged.reasons.join(' ') } })
      continue
    }
    const unfit = fitness.refusal(certificate, judged.path)
    if (unfit === null) good.push({ ...candidate, by: judged.by })
    else if (unfit !== 'passed-over') reasons.push(unfit)
  }
  const { rank } = fitness
  good.sort((a, b) => rank(b.certificate) - rank(a.certificate) || compare(a, b, associations))
  const [taken = null, ...others] = good
  if (taken !== null)
    reasons.push({
      code: 'found-taken',
      arguments: {
        fingerprint: taken.certificate.fingerprint,
        source: taken.source.settings.name,
        by: taken.by,
      },
    })
  for (const { certificate, source } of others)
    reasons.push({
      code: 'found-passed-over',
      arguments: { fingerprint: certificate.fingerprint, source: source.settings.name },
    })
  return { taken, good, reasons }
}

/** Each certificate once: from the source that keeps it, if there is one. */
function candidatesOf(answers: readonly SourceAnswer[]): Omit<Taken, 'by'>[] {
  const found = new Map<string, Omit<Taken, 'by'>>()
  for (const { source, answer } of answers)
    for (const { certificate, chain } of answer.certificates) {
      const known = found.get(certificate.fingerprint)
      if (known === undefined || (!known.source.settings.keep && source.settings.keep))
        found.set(certificate.fingerprint, {
          certificate,
          source,
          chain: [...(known?.chain ?? []), ...chain],
        })
    }
  return [...found.values()].slice(0, MOST_CANDIDATES)
}

/** A good certificate: what vouches for it, and its path, leaf first. */
interface Vouched {
  readonly by: 'anchors' | 'dns'
  readonly path: readonly Certificate[]
}

const NEVER: ReadonlySet<string> = new Set(['certificate-revoked', 'certificate-distrusted'])

/** What makes a certificate good; else why the tenant's trust refuses it. It must name the address in any case. */
async function judge(
  { certificate, chain }: FoundCertificate,
  associations: readonly Association[],
  trust: Trust,
  address: string,
  at: number,
): Promise<Vouched | TrustVerdict> {
  const usual = await trust.verdict(certificate, chain, 'encrypt', address, at)
  if (usual.valid) return { by: 'anchors', path: usual.path }
  // Nobody vouches for what is revoked, or what an operator distrusts.
  if (usual.reasons.some((reason) => NEVER.has(reason))) return usual
  for (const anchors of vouchedAnchors(certificate, chain, associations)) {
    const { valid, path } = buildPath(certificate, {
      anchors,
      intermediates: chain,
      at,
      purpose: 'email-encrypt',
      address: { email: address },
    })
    if (valid) return { by: 'dns', path }
  }
  return usual
}

/**
 * Anchors that validated DNS names for a certificate: the certificate itself (usage 3), or an authority (usage 2) that the record holds
 * or that came with the certificate. RFC 8162 2, RFC 6698 2.1.1
 */
function* vouchedAnchors(
  certificate: Certificate,
  chain: readonly Certificate[],
  associations: readonly Association[],
): Generator<Certificate[]> {
  for (const record of associations) {
    if (record.usage === USAGE.certificate && speaksOf(record, certificate)) yield [certificate]
    if (record.usage !== USAGE.anchor) continue
    const whole = wholeCertificate(record)
    const anchors = whole === null ? chain.filter((each) => speaksOf(record, each)) : [whole]
    if (anchors.length > 0) yield anchors
  }
}

/** What DNS speaks of goes first, then what can be kept, then the latest; the last word keeps the order the same everywhere. */
function compare(a: Taken, b: Taken, associations: readonly Association[]): number {
  const named = ({ certificate }: Taken): boolean =>
    associations.some((record) => speaksOf(record, certificate))
  return (
    Number(named(b)) - Number(named(a)) ||
    Number(a.by === 'dns') - Number(b.by === 'dns') ||
    b.certificate.notBefore - a.certificate.notBefore ||
    (a.certificate.fingerprint < b.certificate.fingerprint ? -1 : 1)
  )
}
