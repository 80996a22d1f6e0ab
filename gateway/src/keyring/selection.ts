/**
 * Which of several entries serves an address: purpose, distrust, approval and the verdict rule entries out; of the good ones a
 * pinned one goes first, then the better algorithm, then the one that was issued last. The order is total, so that every process
 * chooses the same. Says of every entry why it was taken or passed over. Pure; looks nothing up.
 */
import type { Certificate } from '@siegel/engine'
import type { TrustVerdict } from '../trust/trust.ts'
import type { Candidate } from './ports.ts'

/** Why a credential was chosen or not; a stable code and its arguments. */
export interface KeyReason {
  readonly code: string
  readonly arguments: Readonly<Record<string, string | number | boolean>>
}

/** What is demanded of a certificate beside that it is valid. */
export interface Fitness {
  /**
   * Why a certificate is not used; `null` when it may be, `passed-over` when it is not looked for and nothing need be said.
   * @param path - leaf first, anchor last
   */
  readonly refusal: (
    certificate: Certificate,
    path: readonly Certificate[],
  ) => KeyReason | 'passed-over' | null
  /** Of several that fit the one with the greatest goes first; of equal ones the newest. */
  readonly rank: (certificate: Certificate) => number
}

/** An entry that was read. */
export interface LoadedCandidate {
  readonly credential: Candidate
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
}

/** RSA keys that are shorter come behind all others. */
const SHORT_RSA = 2048

/** 0 for what everybody can use, 1 for keys that are short or of a kind that few know. */
function weakness({ publicKey: key }: Certificate): number {
  if (key.asymmetricKeyType === 'rsa')
    return (key.asymmetricKeyDetails?.modulusLength ?? 0) < SHORT_RSA ? 1 : 0
  return key.asymmetricKeyType === 'ec' || key.asymmetricKeyType === 'x25519' ? 0 : 1
}

/** Demands nothing. */
export const ANY_FITNESS: Fitness = { refusal: () => null, rank: () => 0 }

/** What distinguishes two good entries, in the order in which it counts; each with the reason for the one that is passed over. */
const RULES: readonly {
  readonly reason: string
  /** Below zero: `a` goes first. */
  readonly compare: (a: LoadedCandidate, b: LoadedCandidate, rank: Fitness['rank']) => number
}[] = [
  {
    reason: 'credential-not-pinned',
    compare: (a, b) => Number(b.credential.pinned) - Number(a.credential.pinned),
  },
  {
    reason: 'credential-less-fitting',
    compare: (a, b, rank) => rank(b.certificate) - rank(a.certificate),
  },
  { reason: 'credential-weaker', compare: (a, b) => weakness(a.certificate) - weakness(b.certificate) },
  { reason: 'credential-older', compare: (a, b) => b.credential.notBefore - a.credential.notBefore },
  { reason: 'credential-ends-earlier', compare: (a, b) => b.credential.notAfter - a.credential.notAfter },
  {
    reason: 'credential-equal',
    compare: (a, b) => compareText(a.credential.fingerprint, b.credential.fingerprint),
  },
  // The same certificate from two sources.
  { reason: 'credential-same', compare: (a, b) => compareText(a.credential.id, b.credential.id) },
]

/** Reasons of entries that are good and not taken. */
export const PASSED_OVER: ReadonlySet<string> = new Set(RULES.map(({ reason }) => reason))

function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** The first rule that tells two entries apart. */
function difference(
  a: LoadedCandidate,
  b: LoadedCandidate,
  rank: Fitness['rank'],
): { reason: string; order: number } {
  for (const { reason, compare } of RULES) {
    const order = compare(a, b, rank)
    if (order !== 0) return { reason, order }
  }
  return { reason: 'credential-same', order: 0 }
}

/** What was found of an entry. */
interface Found {
  /** Why it is out; null when it is good. */
  readonly refused: KeyReason | 'passed-over' | null
  /** What its verdict says beside. */
  readonly notes: readonly KeyReason[]
}

async function judge(
  { credential, certificate }: LoadedCandidate,
  use: 'sign' | 'encrypt',
  fits: Fitness['refusal'],
  verdict: () => Promise<TrustVerdict>,
): Promise<Found> {
  const refuse = (code: string, detail: KeyReason['arguments'] = {}, notes: Found['notes'] = []): Found => ({
    refused: { code, arguments: { fingerprint: credential.fingerprint, ...detail } },
    notes,
  })
  if (!(use === 'sign' ? credential.sign : credential.encrypt)) return refuse('credential-not-for-this-use')
  if (credential.distrusted) return refuse('credential-distrusted')
  if (credential.state !== 'active') return refuse('credential-awaits-approval')
  const { valid, reasons, notes, path } = await verdict()
  if (!valid) return refuse('certificate-not-valid', { reasons: reasons.join(' ') }, notes)
  return { refused: fits(certificate, path), notes }
}

/** What is looked for. */
export interface Wanted {
  readonly use: 'sign' | 'encrypt'
  /** As it was asked for; for the reason when there is nothing. */
  readonly address: string
  /** What is demanded beside; left out: nothing. */
  readonly fitness?: Fitness
}

/**
 * Chooses an entry.
 * @param candidates - all that serve the address, in any order
 * @param verdict - judges an entry; asked only for those that nothing else rules out
 */
export async function select(
  candidates: readonly LoadedCandidate[],
  { use, address, fitness: { refusal, rank } = ANY_FITNESS }: Wanted,
  verdict: (candidate: LoadedCandidate) => Promise<TrustVerdict>,
): Promise<{ readonly chosen: LoadedCandidate | null; readonly reasons: readonly KeyReason[] }> {
  if (candidates.length === 0)
    return {
      chosen: null,
      reasons: [{ code: use === 'sign' ? 'no-own-key' : 'no-certificate', arguments: { address } }],
    }
  const reasons: KeyReason[] = []
  let chosen: LoadedCandidate | null = null
  for (const candidate of candidates.toSorted((a, b) => difference(a, b, rank).order)) {
    const { refused, notes } = await judge(candidate, use, refusal, () => verdict(candidate))
    const { fingerprint, pinned } = candidate.credential
    if (refused === 'passed-over') continue
    if (refused !== null) reasons.push(refused, ...notes)
    else if (chosen === null) {
      chosen = candidate
      reasons.push({ code: use === 'sign' ? 'key-chosen' : 'certificate-chosen', arguments: { fingerprint } })
      if (pinned) reasons.push({ code: 'credential-pinned', arguments: { fingerprint } })
      reasons.push(...notes)
    } else {
      const { reason: code } = difference(chosen, candidate, rank)
      reasons.push({ code, arguments: { fingerprint } })
    }
  }
  return { chosen, reasons }
}
