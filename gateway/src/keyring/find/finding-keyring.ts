/**
 * A keyring that looks outside for what it does not have. What is found, good, and to be kept goes into the keyring's store and is
 * an entry like others; what is not kept is named by a word that holds its address, so that a plan that names it can be carried
 * out later, also by another process, which then looks again. Looks for nothing else than certificates to encrypt to.
 */
import type { Certificate } from '@siegel/engine'
import { BoundedCache } from '../bounded-cache.ts'
import { keepCertificate } from '../keep.ts'
import {
  algorithmOf,
  KeyUnavailable,
  type Keyring,
  type KeyReason,
  type RecipientChoice,
} from '../keyring.ts'
import type { KeyringStore } from '../ports.ts'
import type { Fitness } from '../selection.ts'
import { look, type FindingPorts, type Taken } from './finding.ts'

/** What it is made from. */
export interface FindingKeyringOptions extends FindingPorts {
  readonly keyring: Keyring
  /** Where what is found is kept; null: nothing is. */
  readonly store: KeyringStore | null
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Begins the word for a certificate that lies nowhere. */
const TRANSIENT = 'found '
const MOST_TRANSIENT = 5000
/** Who keeps it, for the audit log. */
const ACTOR = 'gateway'

/** Makes a keyring that looks outside, too. */
export function createFindingKeyring(options: FindingKeyringOptions): Keyring {
  const { keyring, store } = options
  const transient = new BoundedCache<string, Certificate>(MOST_TRANSIENT)

  const take = async (taken: Taken): Promise<{ credential: string } | { refused: KeyReason }> => {
    const { certificate, chain, source, by } = taken
    const { name, keep } = source.settings
    if (!keep || by === 'dns' || store === null) return { credential: '' }
    const kept = await keepCertificate(store, {
      certificate,
      chain: chain.map(({ raw }) => raw),
      origin: 'found',
      state: 'active',
      source: `CertificateDirectory ${name}`,
      actor: ACTOR,
    })
    if (kept === null || kept.outcome === 'removed-before')
      return {
        refused: { code: 'found-removed', arguments: { fingerprint: certificate.fingerprint, source: name } },
      }
    return { credential: kept.id }
  }
  const recipient = async (
    address: string,
    at: number,
    fitness?: Fitness,
    outside = true,
  ): Promise<RecipientChoice> => {
    const known = await keyring.recipient(address, at, fitness)
    if (known.credential !== null || !outside || options.sources().length === 0) return known
    const { taken, reasons } = await look(options, address, at, fitness)
    const all = [...known.reasons, ...reasons]
    if (taken === null) return { ...known, reasons: all }
    const done = await take(taken)
    if ('refused' in done) return { ...known, reasons: [...all, done.refused] }
    const { fingerprint } = taken.certificate
    const credential = done.credential === '' ? `${TRANSIENT}${fingerprint} ${address}` : done.credential
    if (done.credential === '') void transient.get(credential, () => Promise.resolve(taken.certificate))
    return { credential, fingerprint, algorithm: algorithmOf(taken.certificate), reasons: all }
  }
  const lookAgain = async (credential: string): Promise<Certificate> => {
    const [fingerprint = '', ...rest] = credential.slice(TRANSIENT.length).split(' ')
    const { good } = await look(options, rest.join(' '), options.now())
    const same = good.find(({ certificate }) => certificate.fingerprint === fingerprint)
    if (same !== undefined) return same.certificate
    throw new KeyUnavailable(`certificate ${fingerprint} is no longer found`)
  }
  return {
    recipient,
    signer: (address, at, fitness) => keyring.signer(address, at, fitness),
    signingKey: (id) => keyring.signingKey(id),
    decryptionKeys: (addresses) => keyring.decryptionKeys(addresses),
    async certificate(id) {
      if (!id.startsWith(TRANSIENT)) return keyring.certificate(id)
      const certificate = await transient.get(id, () => lookAgain(id))
      const [fingerprint] = id.slice(TRANSIENT.length).split(' ')
      if (options.refusal(fingerprint ?? '') !== null)
        throw new KeyUnavailable(`certificate ${fingerprint ?? ''} may no longer be used`)
      return certificate
    },
  }
}
