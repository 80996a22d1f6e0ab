/**
 * Judges a TLS certificate before it is put in force: name, dates, uses, key, signatures, chain. Each finding has a remedy. Knows
 * what Exchange Online wants; asks nobody whether the certificate is revoked (`siegel exchange verify` does).
 */
import { keyStrength, Oid, type Certificate } from '@siegel/engine'
import { namesHost } from '../config/tenant-conflicts.ts'
import { finding, type IdentityFinding } from './findings.ts'
import type { OrderedChain } from './material.ts'
import { USES, type Use } from './ports.ts'

const DAY = 86_400_000
/** From when on a certificate ends soon, at most; short ones are judged by their lifetime. */
const SOON = 30 * DAY

/** Signatures that Exchange Online refuses: MD2, MD5 and SHA-1 with RSA, SHA-1 with DSA and ECDSA. */
const OLD_SIGNATURES: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.2',
  '1.2.840.113549.1.1.4',
  '1.2.840.113549.1.1.5',
  '1.2.840.10040.4.3',
  '1.2.840.10045.4.1',
])

/** What to judge by. */
export interface CheckInput {
  readonly chain: OrderedChain
  /** The host that the certificate is for. */
  readonly host: string
  readonly uses: readonly Use[]
  /** When it is to be in force, in milliseconds since 1970. */
  readonly at: number
}

/** How long before its end a certificate should have a successor, in milliseconds. */
export function noticeBefore({ notBefore, notAfter }: { notBefore: number; notAfter: number }): number {
  return Math.min(SOON, (notAfter - notBefore) / 4)
}

/** Whether a certificate allows a use by its extended key usage. RFC 5280 4.2.1.12 */
export function allowsUse({ extendedKeyUsage }: Certificate, use: Use): boolean {
  const wanted = use === 'server' ? Oid.idKpServerAuth : Oid.idKpClientAuth
  return (
    extendedKeyUsage === null ||
    extendedKeyUsage.includes(wanted) ||
    extendedKeyUsage.includes(Oid.anyExtendedKeyUsage)
  )
}

/**
 * The uses that a renewed certificate takes over: one with clientAuth towards Office 365 is not replaced by one without, since what
 * Office 365 insists on is not known.
 * @param before - what is presented to Office 365 now; null when there is nothing
 */
export function usesTaken(leaf: Certificate | null, before: Certificate | null): readonly Use[] {
  const loses = leaf !== null && before !== null && allowsUse(before, 'client') && !allowsUse(leaf, 'client')
  return loses ? ['server'] : USES
}

/** A subject for people. */
function subjectOf(certificate: Certificate): string {
  return certificate.subject.text === '' ? `serial ${certificate.serialHex}` : certificate.subject.text
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

function dates(leaf: Certificate, at: number): IdentityFinding {
  const until = day(leaf.notAfter)
  if (leaf.notAfter <= at) return finding('bad', 'expired', { until })
  if (leaf.notBefore > at) return finding('bad', 'not-yet-valid', { from: day(leaf.notBefore) })
  if (leaf.notAfter - at < noticeBefore(leaf)) return finding('warning', 'ends-soon', { until })
  return finding('good', 'valid', { until })
}

function uses(leaf: Certificate, wanted: readonly Use[]): IdentityFinding[] {
  const found: IdentityFinding[] = []
  if (wanted.includes('server'))
    found.push(
      allowsUse(leaf, 'server') ? finding('good', 'server-usage') : finding('bad', 'server-usage-missing'),
    )
  if (wanted.includes('client'))
    found.push(
      allowsUse(leaf, 'client')
        ? finding('good', 'client-usage')
        : finding('warning', 'client-usage-missing'),
    )
  // RFC 8446 4.4.2.2: the key signs the handshake
  if (leaf.keyUsage !== null && !leaf.keyUsage.has('digitalSignature'))
    found.push(finding('bad', 'key-usage-refused'))
  if (leaf.basicConstraints?.ca === true) found.push(finding('bad', 'is-authority'))
  return found
}

function key(leaf: Certificate, wanted: readonly Use[]): IdentityFinding {
  const { grade, detail } = keyStrength(leaf)
  const type = leaf.publicKey.asymmetricKeyType
  if (grade !== 'good' || (type !== 'rsa' && type !== 'ec'))
    return finding('bad', 'key-refused', { key: detail })
  return type === 'ec' && wanted.includes('server')
    ? finding('warning', 'key-not-rsa', { key: detail })
    : finding('good', 'key-good', { key: detail })
}

function chain({ sent, anchor, anchorIs, obstacles, ...how }: OrderedChain): IdentityFinding[] {
  const old = sent.find((one) => OLD_SIGNATURES.has(one.signatureAlgorithm.oid) && !one.selfIssued)
  const root = anchor === null ? '' : subjectOf(anchor)
  const last = sent.at(-1) ?? sent[0]
  return [
    anchorIs === null
      ? finding('bad', 'chain-incomplete', { issuer: last.issuer.text, cause: obstacles.join(', ') })
      : anchorIs === 'own'
        ? finding('warning', 'chain-private', { root })
        : finding('good', 'chain-public', { root, length: String(sent.length) }),
    ...(old === undefined ? [] : [finding('bad', 'signature-old', { subject: subjectOf(old) })]),
    ...(how.reordered ? [finding('good', 'chain-reordered')] : []),
    ...(how.completed > 0 ? [finding('good', 'chain-completed', { count: String(how.completed) })] : []),
    ...(how.leftOut > 0 ? [finding('good', 'chain-reduced', { count: String(how.leftOut) })] : []),
  ]
}

/** Everything that is to be said of a certificate. */
export function checkIdentity(input: CheckInput): IdentityFinding[] {
  const [leaf] = input.chain.sent
  const names = leaf.dnsNames.map((name) => name.toLowerCase())
  return [
    namesHost(names, input.host)
      ? finding('good', 'names-host', { host: input.host })
      : finding('bad', 'name-missing', { host: input.host, names: names.join(', ') || '-' }),
    dates(leaf, input.at),
    ...uses(leaf, input.uses),
    key(leaf, input.uses),
    ...chain(input.chain),
  ]
}
