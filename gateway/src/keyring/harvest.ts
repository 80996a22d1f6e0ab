/**
 * Harvest: keeps the certificate that a sender outside wants to be encrypted to, from mail whose signature is valid: it covers the
 * whole mail, its chain is good, and the signer is the one From address. A side matter: whatever fails here, the mail goes on. It never
 * takes what comes from an older mail than one that was harvested before, and takes only so much a day.
 */
import { sameAddress, type Certificate, type Verdict } from '@siegel/engine'
import type { Log } from '../observe/log.ts'
import type { Trust } from '../trust/trust.ts'
import type { HarvestPolicy, HarvestStore } from './harvest-ports.ts'
import { keepCertificate, usesOf } from './keep.ts'
import { lookupForm, type KeyReason } from './keyring.ts'
import type { KeyringStore } from './ports.ts'

/** What harvesting of one tenant is made from. */
export interface HarvestOptions {
  readonly policy: () => HarvestPolicy
  readonly trust: () => Trust
  /** Whether a domain is the tenant's own: its people's certificates come from its keyring. */
  readonly isOwn: (domain: string) => boolean
  readonly keyring: KeyringStore
  readonly store: HarvestStore
  readonly log: Log
}

/** Where the verdict comes from. */
export interface HarvestedMail {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly receivedAt: number
}

/** Takes certificates of one tenant's inbound mail. Never rejects. */
export interface Harvester {
  /** @returns what was taken or left, to be traced; nothing when there is nothing to tell */
  take(verdict: Verdict, mail: HarvestedMail): Promise<readonly KeyReason[]>
}

/** Bounds: who signs well may still be a nuisance. */
const MOST_A_DAY = 20_000
const MOST_OF_ADDRESS_A_DAY = 3
const MOST_OF_ADDRESS = 50
const DAY_MS = 86_400_000
const ACTOR = 'gateway'

/** Makes a harvester. */
export function createHarvester(options: HarvestOptions): Harvester {
  return {
    async take(verdict, mail) {
      try {
        return await harvest(options, verdict, mail)
      } catch (error) {
        options.log.error('harvest-failed', {
          mail: mail.id,
          error: error instanceof Error ? error.message : 'failed',
        })
        return []
      }
    },
  }
}

async function harvest(
  options: HarvestOptions,
  verdict: Verdict,
  mail: HarvestedMail,
): Promise<readonly KeyReason[]> {
  const [from] = verdict.from
  const policy = options.policy()
  if (policy === 'never' || verdict.status !== 'valid' || from === undefined) return []
  const address = lookupForm(from)
  if (options.isOwn(address.slice(address.lastIndexOf('@') + 1))) return []
  const signer = verdict.signers.find(
    ({ status, emails }) => status === 'valid' && emails.some((email) => sameAddress(email, from)),
  )
  if (signer === undefined) return []
  const certificate = await chosenOf(options.trust(), signer, from, mail.receivedAt)
  if (certificate === null) return []
  const signedAt = Math.min(signer.signingTime ?? mail.receivedAt, mail.receivedAt)
  const { fingerprint } = certificate
  const about = { address, fingerprint }
  const known = options.store.harvested(address)
  const same = known.find((each) => each.fingerprint === fingerprint)
  if (same !== undefined) {
    // One line a day is enough to know that it is still the one in use.
    if (signedAt - same.signedAt > DAY_MS) await options.store.note(address, { ...same, signedAt })
    return []
  }
  if (known.some((each) => each.signedAt > signedAt)) return [{ code: 'harvest-older', arguments: about }]
  const since = mail.receivedAt - DAY_MS
  if (
    known.length >= MOST_OF_ADDRESS ||
    known.filter(({ at }) => at >= since).length >= MOST_OF_ADDRESS_A_DAY ||
    options.store.countSince(since) >= MOST_A_DAY
  )
    return [{ code: 'harvest-too-many', arguments: about }]
  const refusal = options.store.refusal(fingerprint)
  if (refusal === 'distrusted' || refusal === 'removed')
    return [{ code: refusal === 'removed' ? 'harvest-removed' : 'harvest-distrusted', arguments: about }]
  const kept = await keepCertificate(options.keyring, {
    certificate,
    chain: signer.encryption
      .filter((each) => each !== certificate && each.basicConstraints?.ca === true)
      .map(({ raw }) => raw),
    origin: 'harvested',
    state: policy === 'trusted' ? 'active' : 'awaiting-approval',
    source: `mail ${mail.id}`,
    actor: ACTOR,
  })
  await options.store.note(address, { fingerprint, signedAt, at: mail.receivedAt })
  if (kept === null || kept.outcome === 'known') return []
  return [{ code: policy === 'trusted' ? 'harvested' : 'harvested-for-approval', arguments: about }]
}

/** Certificates of one signer that are looked at. */
const MOST_CANDIDATES = 8

/** The first of the signer's that names the address, may encrypt, and has a good chain. RFC 8551 2.5.3 */
async function chosenOf(
  trust: Trust,
  { encryption, path }: Verdict['signers'][number],
  from: string,
  at: number,
): Promise<Certificate | null> {
  const chain = [...encryption, ...path]
  for (const certificate of encryption.slice(0, MOST_CANDIDATES))
    if (
      certificate.basicConstraints?.ca !== true &&
      certificate.emails.some((email) => sameAddress(email, from)) &&
      usesOf(certificate).encrypt &&
      (await trust.verdict(certificate, chain, 'encrypt', from, at)).valid
    )
      return certificate
  return null
}
