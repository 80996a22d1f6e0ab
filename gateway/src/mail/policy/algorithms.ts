/**
 * From what a profile demands to what is used: the algorithms for one recipient, and which keys and certificates fit. Takes what the
 * partner has shown into account, and never goes below what the profile demands. Pure.
 */
import { Oid, type Certificate } from '@siegel/engine'
import type { ShownCapabilities } from '../../keyring/capabilities.ts'
import type { Fitness } from '../../keyring/selection.ts'
import type { Profile, Reason } from '../plan.ts'
import { CURVES, demandsOf, RECIPIENT_KEYS, SIGNATURES, type Choice, type Demands } from './profiles.ts'

/** What was chosen, or why nothing could be. */
export interface ChosenAlgorithms {
  /** Null: the profiles together leave nothing over. */
  readonly profile: Profile | null
  readonly reasons: readonly Reason[]
}

function reason(code: string, args: Reason['arguments']): Reason {
  return { code, arguments: args }
}

/** The strongest of what is usual; lists are sorted from the least to the most. */
function usual<T extends string>({ allowed, usual: some }: Choice<T>): T | undefined {
  return some.at(-1) ?? allowed.at(-1)
}

/** What the profiles leave nothing over of; null when they can be met together. */
function conflictOf(demands: Demands): string | null {
  const empty = (['signatures', 'digests', 'ciphers', 'transports'] as const).find(
    (name) => demands[name].allowed.length === 0,
  )
  if (empty !== undefined) return empty
  if (demands.recipients.length === 0) return 'recipients'
  return demands.postQuantum === 2 && demands.kem === 0 ? 'post-quantum' : null
}

/**
 * The algorithms for one recipient.
 * @param value - the profiles that hold
 * @param shown - what the recipient has shown; null when nothing is known
 * @param to - the kind of the recipient's key; null when nothing is encrypted
 */
export function chooseAlgorithms(
  value: string,
  shown: ShownCapabilities | null,
  to: string | null,
): ChosenAlgorithms {
  const demands = demandsOf(value)
  const over = conflictOf(demands)
  const digest = usual(demands.digests)
  const signature = usual({
    allowed: demands.signatures.allowed.filter((each) => each.startsWith('rsa-')),
    usual: demands.signatures.usual.filter((each) => each.startsWith('rsa-')),
  })
  const cipher = usual(demands.ciphers)
  const keyTransport = usual(demands.transports)
  if (over !== null || digest === undefined || cipher === undefined || keyTransport === undefined)
    return {
      profile: null,
      reasons: [reason('profiles-conflict', { profiles: value, over: over ?? 'digests' })],
    }
  const base: Profile = { name: value, digest, pss: signature === 'rsa-pss', cipher, keyTransport }
  return to === null || shown === null ? { profile: base, reasons: [] } : withShown(base, demands, shown, to)
}

/** What the partner has shown, as far as the profile allows it. */
function withShown(
  base: Profile,
  demands: Demands,
  shown: ShownCapabilities,
  to: string,
): { readonly profile: Profile; readonly reasons: readonly Reason[] } {
  const reasons: Reason[] = []
  const mail = shown.mails.algorithms ?? ''
  const better = demands.ciphers.allowed.filter((each) => shown.ciphers.includes(each)).at(-1)
  let { cipher, keyTransport } = base
  if (better !== undefined && better !== cipher) {
    cipher = better
    reasons.push(reason('cipher-shown', { cipher, mail }))
  }
  if (shown.ciphers.length > 0 && better === undefined)
    reasons.push(
      reason('cipher-below-profile', { profile: base.name, ciphers: shown.ciphers.join(' '), mail }),
    )
  if (to === 'rsa' && keyTransport === 'pkcs1v15' && shown.oaep) {
    const oaep = demands.transports.allowed.find((each) => each !== 'pkcs1v15')
    if (oaep !== undefined) {
      keyTransport = oaep
      reasons.push(reason('oaep-shown', { mail }))
    }
  }
  const profile = { ...base, cipher, keyTransport }
  if (!shown.headerProtection || !demands.headerProtection) return { profile, reasons }
  reasons.push(reason('header-protection-shown', { mail: shown.mails.headerProtection ?? '' }))
  return { profile: { ...profile, headerProtection: true }, reasons }
}

/** The curve of a key, or the name of what is as good as one; null for keys without. */
function curveOf({
  publicKey: { asymmetricKeyType: type, asymmetricKeyDetails },
}: Certificate): string | null {
  if (type === 'ec') return asymmetricKeyDetails?.namedCurve ?? 'unknown'
  return /^(?:x|ed)(?:25519|448)$/.test(type ?? '') ? (type ?? null) : null
}

/** Whether RSA, chain and curve are as demanded; null when they are, else what was demanded. */
function wantingOf(demands: Demands, certificate: Certificate, path: readonly Certificate[]): string | null {
  const { publicKey } = certificate
  const bits = publicKey.asymmetricKeyDetails?.modulusLength
  if (bits !== undefined && bits < demands.rsaBits) return `RSA ≥ ${demands.rsaBits}`
  const curve = curveOf(certificate)
  if (curve !== null && !takesAnyCurve(demands) && !(demands.curves as readonly string[]).includes(curve))
    return demands.curves.join(', ')
  // The anchor's own signature proves nothing.
  const signed = path.length > 1 ? path.slice(0, -1) : []
  if (demands.pssChain && !signed.every((each) => each.signatureAlgorithm.oid === Oid.idRsassaPss))
    return 'RSASSA-PSS in the chain'
  return null
}

/** The schemes that a key can sign with. */
function schemesOf({ publicKey }: Certificate): readonly string[] {
  const type: string = publicKey.asymmetricKeyType ?? ''
  if (type === 'rsa') return ['rsa-pkcs1v15', 'rsa-pss']
  if (type === 'rsa-pss') return ['rsa-pss']
  if (type === 'ec') return ['ecdsa']
  return type.startsWith('ed') ? ['eddsa'] : type.startsWith('ml-dsa-') ? ['ml-dsa'] : []
}

const isPostQuantum = ({ publicKey }: Certificate): boolean => /^ml-/.test(publicKey.asymmetricKeyType ?? '')

const takesAnyCurve = ({ curves }: Demands): boolean => curves.length === CURVES.length

/** Whether the profiles ask nothing of keys and certificates beyond what trust asks. */
export function takesAny(value: string): boolean {
  const demands = demandsOf(value)
  return (
    demands.signatures.allowed.length === SIGNATURES.length &&
    demands.recipients.length === RECIPIENT_KEYS.length &&
    takesAnyCurve(demands) &&
    demands.rsaBits === 0 &&
    !demands.pssChain &&
    demands.postQuantum === 0 &&
    demands.kem === 2
  )
}

/** Which own keys the profiles take to sign with; those of ML-DSA first where they are wished for. */
export function signerFitness(value: string): Fitness {
  const demands = demandsOf(value)
  return {
    rank: (certificate) => (demands.postQuantum > 0 && isPostQuantum(certificate) ? 1 : 0),
    refusal: (certificate, path) => {
      const { allowed } = demands.signatures
      const demand = schemesOf(certificate).some((scheme) => (allowed as readonly string[]).includes(scheme))
        ? wantingOf(demands, certificate, path)
        : allowed.join(', ')
      return demand === null ? null : reason('key-below-profile', { profile: value, demand })
    },
  }
}

/** The kind of a recipient's key, as the profiles name them. */
function recipientKeyOf({ publicKey }: Certificate): string {
  const type: string = publicKey.asymmetricKeyType ?? ''
  return type.startsWith('ml-kem-') ? 'ml-kem' : /^x\d/.test(type) ? 'x' : type
}

/** Which certificates the profiles take to encrypt to: any kind, one of ML-KEM, or a classical one. */
export function recipientFitness(value: string, kind: 'any' | 'ml-kem' | 'classical'): Fitness {
  const demands = demandsOf(value)
  return {
    rank: () => 0,
    refusal: (certificate, path) => {
      const key = recipientKeyOf(certificate)
      if (kind !== 'any' && (key === 'ml-kem') !== (kind === 'ml-kem')) return 'passed-over'
      // A layer around a classical one may be of ML-KEM where it may not stand alone.
      const taken =
        key === 'ml-kem'
          ? demands.kem === 2 || (kind === 'ml-kem' && demands.kem === 1)
          : (demands.recipients as readonly string[]).includes(key)
      const demand = taken ? wantingOf(demands, certificate, path) : demands.recipients.join(', ')
      return demand === null ? null : reason('certificate-below-profile', { profile: value, demand })
    },
  }
}
