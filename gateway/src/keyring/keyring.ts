/**
 * The keyring: which of our keys signs for an address, which certificates encrypt to one, which keys may open a mail.
 * Every look-up gives its reasons, for what it chose and for what it passed over. It never hands out a key of another
 * address, and never leaves the tenant. What is lost if it fails: mail goes out unsigned or in clear, or stays closed.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { toLookupAddress } from '@siegel/contract'
import { parseCertificate, type Certificate, type DecryptionKey, type SigningKey } from '@siegel/engine'
import { StoreRefused } from '../observe/failures.ts'
import type { Trust } from '../trust/trust.ts'
import { BoundedCache } from './bounded-cache.ts'
import type { Credential, CredentialOwner, CredentialStore } from './ports.ts'

/** Why a credential was chosen or not; a stable code and its arguments. */
export interface KeyReason {
  readonly code: string
  readonly arguments: Readonly<Record<string, string | number | boolean>>
}

/** The result of a look-up for signing. */
export interface SignerChoice {
  /** null when nothing is good. */
  readonly credential: string | null
  readonly fingerprint: string | null
  readonly reasons: readonly KeyReason[]
}

/** One certificate to encrypt to. */
export interface RecipientChoice {
  readonly credential: string | null
  readonly fingerprint: string | null
  readonly algorithm: 'rsa' | 'ec' | 'x25519' | 'ml-kem' | 'other' | null
  readonly reasons: readonly KeyReason[]
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

/** The keyring of one tenant. */
export interface Keyring {
  /** The key that signs for an address; only one whose certificate names that address. */
  signer(address: string, at: number, fitness?: Fitness): Promise<SignerChoice>
  /** The certificate that a recipient's mail is encrypted to. */
  recipient(address: string, at: number, fitness?: Fitness): Promise<RecipientChoice>
  /** The key behind a signer choice. Throws KeyUnavailable. */
  signingKey(credential: string): Promise<SigningKey>
  /** The certificate behind a recipient choice. Throws KeyUnavailable. */
  certificate(credential: string): Promise<Certificate>
  /** All own keys that serve one of the addresses, expired ones too: old mail must stay readable. */
  decryptionKeys(addresses: readonly string[]): Promise<DecryptionKey[]>
}

/** A key or certificate that the Plan names cannot be had. Temporary: the mail waits and an alarm is raised. */
export class KeyUnavailable extends Error {
  override readonly name = 'KeyUnavailable'
  /** What the operator must mend, where it is known. */
  readonly reason: KeyReason | null

  /**
   * @param message - for the operator
   * @param reason - what must be mended, where it is known
   * @param options - the cause
   */
  constructor(message: string, reason: KeyReason | null = null, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** A local part that needs no quotes. RFC 5321 4.1.2, RFC 6531 3.3 */
const DOT_STRING =
  /^[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+)*$/u

interface Loaded {
  readonly credential: Credential
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
}

/** What a keyring needs: its store, and the trust settings, which change at run time. */
export interface KeyringOptions {
  readonly store: CredentialStore
  /** The current trust settings; a new `version` also drops all cached look-ups. */
  readonly trust: () => Trust
}

/**
 * Look-up form of an address, the one in which the configuration keeps it: domain as A-labels, all in lower case (Exchange
 * treats local parts without regard to case, and so do certificates in practice), without quotes that are not needed:
 * `"bob"@` is the mailbox `bob@`, and its mail must not go out in clear. RFC 5321 4.1.2
 */
export function lookupForm(address: string): string {
  const plain = withoutNeedlessQuotes(address)
  return toLookupAddress(plain) ?? plain.toLowerCase()
}

function withoutNeedlessQuotes(address: string): string {
  const quoted = /^"((?:[^"\\]|\\.)*)"(@[^@]*)$/su.exec(address)
  const local = quoted?.[1]?.replaceAll(/\\(.)/gsu, '$1') ?? ''
  return DOT_STRING.test(local) ? `${local}${quoted?.[2] ?? ''}` : address
}

function load(credential: Credential): Loaded {
  return {
    credential,
    certificate: parseCertificate(credential.certificate),
    chain: credential.chain.map((der) => parseCertificate(der)),
  }
}

function algorithmOf(certificate: Certificate): RecipientChoice['algorithm'] {
  const type = certificate.publicKey.asymmetricKeyType
  if (type === 'rsa') return 'rsa'
  if (type === 'ec') return 'ec'
  if (type === 'x25519') return 'x25519'
  return type?.startsWith('ml-kem-') === true ? 'ml-kem' : 'other'
}

/** The private key of an entry. What does not unseal is no matter of retries: the operator must apply the credential anew. */
async function unsealed(
  store: CredentialStore,
  id: string,
  fingerprint: () => Promise<string>,
): Promise<Buffer | null> {
  try {
    return await store.privateKey(id)
  } catch (error) {
    if (!(error instanceof StoreRefused)) throw error
    const reason = {
      code: 'key-does-not-open',
      arguments: { fingerprint: await fingerprint(), cause: error.code },
    }
    throw new KeyUnavailable(error.message, reason, { cause: error })
  }
}

/** Opens the keyring of one tenant. */
export function createKeyring(options: KeyringOptions): Keyring {
  let version = -1
  const lookups = new BoundedCache<string, Loaded[]>(20_000)
  const entries = new BoundedCache<string, Loaded>(20_000)
  const keys = new BoundedCache<string, KeyObject>(2_000)
  const signing = new BoundedCache<string, SigningKey>(2_000)

  const fresh = (): Trust => {
    const trust = options.trust()
    if (trust.version !== version) {
      version = trust.version
      for (const cache of [lookups, entries, keys, signing]) cache.clear()
    }
    return trust
  }
  const find = (owner: CredentialOwner, address: string): Promise<Loaded[]> =>
    lookups.get(`${owner} ${address}`, async () => (await options.store.byAddress(owner, address)).map(load))
  const entry = (id: string): Promise<Loaded> =>
    entries.get(id, async () => {
      const credential = await options.store.byId(id)
      if (credential === null) throw new KeyUnavailable(`credential ${id} is no longer in the keyring`)
      return load(credential)
    })
  const privateKey = (id: string): Promise<KeyObject> =>
    keys.get(id, async () => {
      const der = await unsealed(options.store, id, async () => (await entry(id)).credential.fingerprint)
      if (der === null) throw new KeyUnavailable(`credential ${id} has no private key`)
      return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    })

  return {
    async signer(address, at, fitness) {
      const trust = fresh()
      const candidates = await find('own', lookupForm(address))
      const { chosen, reasons } = choose(candidates, 'sign', address, at, trust, fitness)
      return {
        credential: chosen?.credential.id ?? null,
        fingerprint: chosen?.certificate.fingerprint ?? null,
        reasons,
      }
    },
    async recipient(address, at, fitness) {
      const trust = fresh()
      const candidates = await find('partner', lookupForm(address))
      const { chosen, reasons } = choose(candidates, 'encrypt', address, at, trust, fitness)
      return {
        credential: chosen?.credential.id ?? null,
        fingerprint: chosen?.certificate.fingerprint ?? null,
        algorithm: chosen === null ? null : algorithmOf(chosen.certificate),
        reasons,
      }
    },
    signingKey(id) {
      fresh()
      return signing.get(id, async () => {
        const loaded = await entry(id)
        return { key: await privateKey(id), certificate: loaded.certificate, chain: loaded.chain }
      })
    },
    async certificate(id) {
      fresh()
      return (await entry(id)).certificate
    },
    async decryptionKeys(addresses) {
      fresh()
      const found = new Map<string, Loaded>()
      for (const address of addresses)
        for (const loaded of await find('own', lookupForm(address))) found.set(loaded.credential.id, loaded)
      const usable = [...found.values()].filter((loaded) => loaded.credential.encrypt)
      return Promise.all(
        usable.map(async (loaded) => ({
          key: await privateKey(loaded.credential.id),
          certificate: loaded.certificate,
        })),
      )
    },
  }
}

const ANY: Fitness = { refusal: () => null, rank: () => 0 }

/** Of several good candidates that fit the one that was issued last; every other one with the reason why not. */
function choose(
  candidates: readonly Loaded[],
  use: 'sign' | 'encrypt',
  address: string,
  at: number,
  trust: Trust,
  { refusal, rank }: Fitness = ANY,
): { chosen: Loaded | null; reasons: KeyReason[] } {
  const reasons: KeyReason[] = []
  if (candidates.length === 0)
    reasons.push({ code: use === 'sign' ? 'no-own-key' : 'no-certificate', arguments: { address } })
  let chosen: Loaded | null = null
  const order = (a: Loaded, b: Loaded) =>
    rank(b.certificate) - rank(a.certificate) || b.credential.notBefore - a.credential.notBefore
  for (const candidate of candidates.toSorted(order)) {
    const { credential, certificate } = candidate
    const refuse = (code: string, detail: KeyReason['arguments'] = {}) =>
      reasons.push({ code, arguments: { fingerprint: credential.fingerprint, ...detail } })
    if (use === 'sign' ? !credential.sign : !credential.encrypt) refuse('credential-not-for-this-use')
    else if (credential.distrusted) refuse('credential-distrusted')
    else {
      // An own credential is bound to its address by its certificate; a partner's may have been given further addresses.
      const verdict = trust.verdict(certificate, candidate.chain, use, use === 'sign' ? address : null, at)
      const unfit = verdict.valid ? refusal(certificate, verdict.path) : null
      if (!verdict.valid) refuse('certificate-not-valid', { reasons: verdict.reasons.join(' ') })
      else if (unfit === 'passed-over') continue
      else if (unfit !== null) refuse(unfit.code, unfit.arguments)
      else if (chosen === null) {
        chosen = candidate
        reasons.push({
          code: use === 'sign' ? 'key-chosen' : 'certificate-chosen',
          arguments: { fingerprint: credential.fingerprint },
        })
      } else refuse('credential-older')
    }
  }
  return { chosen, reasons }
}
