/**
 * The keyring: which of our keys signs for an address, which certificates encrypt to one, which keys may open a mail.
 * Every look-up gives its reasons, for what it chose and for what it passed over. It never hands out a key of another
 * address, and never leaves the tenant. What is lost if it fails: mail goes out unsigned or in clear, or stays closed.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { toLookupAddress } from '@siegel/contract'
import { parseCertificate, type Certificate, type DecryptionKey, type SigningKey } from '@siegel/engine'
import { StoreRefused } from '../observe/failures.ts'
import type { CertificateUse, Trust } from '../trust/trust.ts'
import { BoundedCache } from './bounded-cache.ts'
import type { Credential, CredentialOwner, CredentialStore } from './ports.ts'
import { select, type Fitness, type KeyReason, type LoadedCandidate } from './selection.ts'
import { Verdicts } from './verdicts.ts'

export type { KeyReason }

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

/** The keyring of one tenant. */
export interface Keyring {
  /** The key that signs for an address; only one whose certificate names that address. */
  signer(address: string, at: number, fitness?: Fitness): Promise<SignerChoice>
  /**
   * The certificate that a recipient's mail is encrypted to.
   * @param outside - whether it is also looked for outside the keyring, where there are directories; default: yes
   */
  recipient(address: string, at: number, fitness?: Fitness, outside?: boolean): Promise<RecipientChoice>
  /** The key behind a signer choice. Throws KeyUnavailable. */
  signingKey(credential: string): Promise<SigningKey>
  /** The certificate behind a recipient choice. Throws KeyUnavailable. */
  certificate(credential: string): Promise<Certificate>
  /**
   * All own keys that serve one of the addresses, or by the directory another one of the same user; expired ones too: old mail must stay
   * readable.
   */
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

interface Loaded<Entry extends Credential = Credential> {
  readonly credential: Entry
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
}

/** What a keyring needs: its store, and the trust settings, which change at run time. */
export interface KeyringOptions {
  readonly store: CredentialStore
  /** The current trust settings; a new `version` also drops all cached look-ups. */
  readonly trust: () => Trust
  /** The further addresses, look-up form, whose keys open the mail of an address, by the directory; default: none. */
  readonly servedWith?: (address: string) => readonly string[]
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

/** The kind of a certificate's key. */
export function algorithmOf(certificate: Certificate): RecipientChoice['algorithm'] {
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

function named(chosen: Loaded | null): Pick<SignerChoice, 'credential' | 'fingerprint'> {
  return {
    credential: chosen?.credential.id ?? null,
    fingerprint: chosen?.certificate.fingerprint ?? null,
  }
}

/** What a tenant's keyring remembers at most: a parsed entry takes about 10 kB, and reading it again less than a millisecond. */
const MOST_LOOKUPS = 4000
const MOST_ENTRIES = 1000
const MOST_LINKS = 500

/** Opens the keyring of one tenant. */
export function createKeyring(options: KeyringOptions): Keyring {
  return new TenantKeyring(options)
}

class TenantKeyring implements Keyring {
  readonly #options: KeyringOptions
  readonly #lookups = new BoundedCache<string, LoadedCandidate[]>(MOST_LOOKUPS)
  readonly #entries = new BoundedCache<string, Loaded>(MOST_ENTRIES)
  /** Intermediates by their DER: a few authorities issue nearly all, so each is parsed and its own signature verified once. */
  readonly #links = new BoundedCache<string, Certificate>(MOST_LINKS)
  readonly #keys = new BoundedCache<string, KeyObject>(2_000)
  readonly #signing = new BoundedCache<string, SigningKey>(2_000)
  readonly #verdicts = new Verdicts(MOST_LOOKUPS)
  #settingsVersion = -1
  #entriesVersion = -1

  constructor(options: KeyringOptions) {
    this.#options = options
  }

  async signer(address: string, at: number, fitness?: Fitness): Promise<SignerChoice> {
    const { chosen, reasons } = await this.#choose('own', 'sign', address, at, fitness)
    return { ...named(chosen), reasons }
  }

  async recipient(address: string, at: number, fitness?: Fitness): Promise<RecipientChoice> {
    const { chosen, reasons } = await this.#choose('partner', 'encrypt', address, at, fitness)
    const algorithm = chosen === null ? null : algorithmOf(chosen.certificate)
    return { ...named(chosen), algorithm, reasons }
  }

  signingKey(id: string): Promise<SigningKey> {
    this.#fresh()
    return this.#signing.get(id, async () => {
      const { certificate, chain } = await this.#entry(id)
      return { key: await this.#privateKey(id), certificate, chain }
    })
  }

  async certificate(id: string): Promise<Certificate> {
    this.#fresh()
    return (await this.#entry(id)).certificate
  }

  async decryptionKeys(addresses: readonly string[]): Promise<DecryptionKey[]> {
    this.#fresh()
    const found = new Map<string, Loaded>()
    const asked = addresses.map(lookupForm)
    const served = asked.flatMap((address) => this.#options.servedWith?.(address) ?? [])
    for (const address of new Set([...asked, ...served]))
      for (const loaded of await this.#find('own', address))
        if (loaded.credential.encrypt) found.set(loaded.credential.fingerprint, loaded)
    return Promise.all(
      [...found.values()].map(async ({ credential, certificate }) => ({
        key: await this.#privateKey(credential.id),
        certificate,
      })),
    )
  }

  async #choose(
    owner: CredentialOwner,
    use: CertificateUse,
    address: string,
    at: number,
    fitness: Fitness | undefined,
  ) {
    const trust = this.#fresh()
    const candidates = await this.#find(owner, lookupForm(address))
    // An own credential is bound to its address by its certificate; a partner's may have been given further addresses.
    const bound = use === 'sign' ? address : null
    const verdict = ({ certificate, chain }: LoadedCandidate) =>
      this.#verdicts.get(`${use} ${certificate.fingerprint} ${bound ?? ''}`, at, certificate, () =>
        trust.verdict(certificate, chain, use, bound, at),
      )
    return select(candidates, { use, address, ...(fitness === undefined ? {} : { fitness }) }, verdict)
  }

  /** Drops what is no longer true. What was changed by any process is seen here at once. */
  #fresh(): Trust {
    const trust = this.#options.trust()
    if (trust.version !== this.#settingsVersion) {
      this.#settingsVersion = trust.version
      for (const cache of [this.#lookups, this.#entries, this.#keys, this.#signing, this.#verdicts])
        cache.clear()
    }
    const version = this.#options.store.version()
    if (version !== this.#entriesVersion) {
      this.#entriesVersion = version
      this.#lookups.clear()
    }
    return trust
  }

  #find(owner: CredentialOwner, address: string): Promise<LoadedCandidate[]> {
    return this.#lookups.get(`${owner} ${address}`, async () =>
      Promise.all((await this.#options.store.byAddress(owner, address)).map((one) => this.#load(one))),
    )
  }

  #entry(id: string): Promise<Loaded> {
    return this.#entries.get(id, async () => {
      const credential = await this.#options.store.byId(id)
      if (credential === null) throw new KeyUnavailable(`credential ${id} is no longer in the keyring`)
      return this.#load(credential)
    })
  }

  async #load<Entry extends Credential>(credential: Entry): Promise<Loaded<Entry>> {
    const chain = credential.chain.map((der) =>
      this.#links.get(der.toString('latin1'), () => Promise.resolve(parseCertificate(der))),
    )
    return {
      credential,
      certificate: parseCertificate(credential.certificate),
      chain: await Promise.all(chain),
    }
  }

  #privateKey(id: string): Promise<KeyObject> {
    return this.#keys.get(id, async () => {
      const fingerprint = async () => (await this.#entry(id)).credential.fingerprint
      const der = await unsealed(this.#options.store, id, fingerprint)
      if (der === null) throw new KeyUnavailable(`credential ${id} has no private key`)
      return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    })
  }
}
