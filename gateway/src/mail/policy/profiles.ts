/**
 * The profiles: what each demands of keys, certificates and algorithms, as data, and what two of them demand together. Demands form a
 * lattice: of two sets of what is allowed the intersection, of two numbers the greater; so that what is demanded together is never
 * less than either demands. Pure; knows no mail, no key and no clock.
 */
import { PROFILES } from '@siegel/contract'
import { EDI_ENERGY } from './edi-energy.ts'

/** The name of one profile. */
export type ProfileName = (typeof PROFILES)[number]

/** How RSA, EC and other keys sign, from the least to the most. */
export const SIGNATURES = ['rsa-pkcs1v15', 'rsa-pss', 'ecdsa', 'eddsa', 'ml-dsa'] as const
/** Digests of signatures. */
export const DIGESTS = ['sha256', 'sha384', 'sha512'] as const
/** Content ciphers: what is authenticated is above what is not. */
export const CIPHERS = ['aes128-cbc', 'aes256-cbc', 'aes128-gcm', 'aes256-gcm'] as const
/** Key transport with RSA. */
export const TRANSPORTS = ['pkcs1v15', 'oaep-sha256', 'oaep-sha384', 'oaep-sha512'] as const
/** Curves of keys. */
export const CURVES = [
  ...(['x25519', 'x448', 'ed25519', 'ed448', 'prime256v1', 'brainpoolP256r1'] as const),
  ...(['secp384r1', 'brainpoolP384r1', 'secp521r1', 'brainpoolP512r1'] as const),
] as const
/** Classical keys of recipients; `x` are X25519 and X448. */
export const RECIPIENT_KEYS = ['rsa', 'ec', 'x'] as const

/** What is allowed of one kind of algorithms, and what is used where nothing is known of the partner. Sorted as above. */
export interface Choice<T extends string> {
  readonly allowed: readonly T[]
  readonly usual: readonly T[]
}

/** What a profile demands. */
export interface Demands {
  readonly signatures: Choice<(typeof SIGNATURES)[number]>
  readonly digests: Choice<(typeof DIGESTS)[number]>
  readonly ciphers: Choice<(typeof CIPHERS)[number]>
  readonly transports: Choice<(typeof TRANSPORTS)[number]>
  /** Of own signing keys and of recipients' certificates. */
  readonly curves: readonly (typeof CURVES)[number][]
  readonly recipients: readonly (typeof RECIPIENT_KEYS)[number][]
  /** Least length of RSA keys; 0 leaves it to trust. */
  readonly rsaBits: number
  /** Certificates, own and recipients', and the CAs' below the anchor are signed with RSASSA-PSS. */
  readonly pssChain: boolean
  /** More than one good certificate for an address is worth a word. */
  readonly oneCertificate: boolean
  /** Sign and encrypt, whatever else is asked. */
  readonly signAndEncrypt: boolean
  /** RFC 9788 may be used with partners who have shown that they read it. */
  readonly headerProtection: boolean
  /** ML-KEM and ML-DSA: 0 as any other key, 1 before others, 2 at least a layer of ML-KEM. */
  readonly postQuantum: 0 | 1 | 2
  /** What ML-KEM may stand for: 0 nothing, 1 a layer around a classical one, 2 also alone. */
  readonly kem: 0 | 1 | 2
}

const only = <T extends string>(...all: T[]): Choice<T> => ({ allowed: all, usual: all.slice(0, 1) })
const SHA2: Demands['digests'] = { allowed: DIGESTS, usual: ['sha256'] }
const OAEP: Demands['transports'] = only('oaep-sha256', 'oaep-sha384', 'oaep-sha512')
const GCM: Demands['ciphers'] = { allowed: ['aes128-gcm', 'aes256-gcm'], usual: ['aes256-gcm'] }

const COMPATIBLE: Demands = {
  signatures: { allowed: SIGNATURES, usual: ['rsa-pkcs1v15', 'ecdsa', 'eddsa', 'ml-dsa'] },
  digests: SHA2,
  ciphers: { allowed: CIPHERS, usual: ['aes256-cbc'] },
  transports: { allowed: TRANSPORTS, usual: ['pkcs1v15'] },
  curves: CURVES,
  recipients: RECIPIENT_KEYS,
  rsaBits: 0,
  pssChain: false,
  oneCertificate: false,
  signAndEncrypt: false,
  headerProtection: true,
  postQuantum: 0,
  kem: 2,
}

const MODERN: Demands = { ...COMPATIBLE, ciphers: GCM, transports: OAEP }

/** BSI TR-02102-1 (2026): post-quantum schemes together with a classical one only. */
const BSI_STRICT: Demands = {
  ...MODERN,
  signatures: { allowed: ['rsa-pss', 'ecdsa'], usual: ['rsa-pss', 'ecdsa'] },
  curves: CURVES.filter((curve) => /^(?:prime|secp|brainpool)/.test(curve)),
  recipients: ['rsa', 'ec'],
  rsaBits: 3000,
  kem: 1,
}

const PQ: Demands = {
  ...MODERN,
  signatures: {
    allowed: ['rsa-pss', 'ecdsa', 'eddsa', 'ml-dsa'],
    usual: ['rsa-pss', 'ecdsa', 'eddsa', 'ml-dsa'],
  },
  postQuantum: 1,
}

/** Each profile by its name. */
export const DEMANDS_OF: Readonly<Record<ProfileName, Demands>> = {
  compatible: COMPATIBLE,
  modern: MODERN,
  'bsi-strict': BSI_STRICT,
  'edi-energy': {
    ...COMPATIBLE,
    signatures: only(...EDI_ENERGY.signatures),
    digests: { allowed: EDI_ENERGY.digests, usual: [EDI_ENERGY.usualDigest] },
    ciphers: { allowed: EDI_ENERGY.ciphers, usual: [EDI_ENERGY.usualCipher] },
    transports: { allowed: EDI_ENERGY.transports, usual: [EDI_ENERGY.usualTransport] },
    recipients: ['rsa'],
    rsaBits: EDI_ENERGY.rsaBits,
    pssChain: EDI_ENERGY.chain === 'rsa-pss',
    oneCertificate: EDI_ENERGY.oneCertificatePerAddress,
    signAndEncrypt: EDI_ENERGY.signAndEncrypt,
    // The subject must stay what the rules say.
    headerProtection: false,
    kem: 0,
  },
  pq: PQ,
  'pq-hybrid': { ...PQ, postQuantum: 2, kem: 1 },
}

const meet = <T extends string>(order: readonly T[], a: readonly T[], b: readonly T[]): T[] =>
  order.filter((each) => a.includes(each) && b.includes(each))

function meetChoice<T extends string>(order: readonly T[], a: Choice<T>, b: Choice<T>): Choice<T> {
  const allowed = meet(order, a.allowed, b.allowed)
  return { allowed, usual: allowed.filter((each) => a.usual.includes(each) || b.usual.includes(each)) }
}

/** What two demand together. */
export function together(a: Demands, b: Demands): Demands {
  return {
    signatures: meetChoice(SIGNATURES, a.signatures, b.signatures),
    digests: meetChoice(DIGESTS, a.digests, b.digests),
    ciphers: meetChoice(CIPHERS, a.ciphers, b.ciphers),
    transports: meetChoice(TRANSPORTS, a.transports, b.transports),
    curves: meet(CURVES, a.curves, b.curves),
    recipients: meet(RECIPIENT_KEYS, a.recipients, b.recipients),
    rsaBits: Math.max(a.rsaBits, b.rsaBits),
    pssChain: a.pssChain || b.pssChain,
    oneCertificate: a.oneCertificate || b.oneCertificate,
    signAndEncrypt: a.signAndEncrypt || b.signAndEncrypt,
    headerProtection: a.headerProtection && b.headerProtection,
    postQuantum: a.postQuantum > b.postQuantum ? a.postQuantum : b.postQuantum,
    kem: a.kem < b.kem ? a.kem : b.kem,
  }
}

function isProfile(name: string): name is ProfileName {
  return (PROFILES as readonly string[]).includes(name)
}

/** The names in a value: `modern`, `bsi-strict+pq`. A name that nobody knows is a fault of ours. */
function namesIn(value: string): ProfileName[] {
  return value.split('+').map((name) => {
    if (!isProfile(name)) throw new RangeError(`no profile ${name}`)
    return name
  })
}

function fold(names: readonly ProfileName[]): Demands {
  const [first = 'compatible', ...rest] = names
  // With itself first: so that all are sorted alike.
  return rest.reduce(
    (sum, name) => together(sum, DEMANDS_OF[name]),
    together(DEMANDS_OF[first], DEMANDS_OF[first]),
  )
}

const known = new Map<string, Demands>()

/** What a value demands. There are no more values than sets of profiles. */
export function demandsOf(value: string): Demands {
  let demands = known.get(value)
  if (demands === undefined) known.set(value, (demands = fold(namesIn(value))))
  return demands
}

/** Whether a value has a profile in it. */
export function includesProfile(value: string, name: ProfileName): boolean {
  return namesIn(value).includes(name)
}

/**
 * The value that demands what two values demand, by as few names as say it: `compatible` and `modern` are `modern`.
 * Who is named first does not matter.
 */
export function combined(a: string, b: string): string {
  const all = new Set([...namesIn(a), ...namesIn(b)])
  let names = PROFILES.filter((name) => all.has(name))
  const whole = JSON.stringify(fold(names))
  for (const name of names) {
    const rest = names.filter((each) => each !== name)
    if (rest.length > 0 && JSON.stringify(fold(rest)) === whole) names = rest
  }
  return names.join('+')
}
