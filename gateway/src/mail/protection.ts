/**
 * Signs and encrypts an entity as a profile of a Plan says: the one place that turns a Profile into options of the engine, used by
 * treatment and by the self-test of profiles. Chooses nothing, reads no clock, writes nowhere.
 */
import { randomBytes } from 'node:crypto'
import {
  encryptEntity,
  encryptEntitySource,
  signEntity,
  signEntitySource,
  type ByteSource,
  type Certificate,
  type SignEntityOptions,
  type SigningKey,
} from '@siegel/engine'
import type { Profile } from './plan.ts'

/** Who signs and to whom it is encrypted. */
export interface Protection {
  readonly signer: SigningKey | null
  /** Null leaves it in clear. */
  readonly recipients: readonly Certificate[] | null
  /** Of a further layer inside; null for one layer. */
  readonly inner: readonly Certificate[] | null
  readonly profile: Profile
  /** signingTime, in milliseconds since 1970. */
  readonly now: number
}

function signing({ digest, pss }: Profile, at: number): SignEntityOptions {
  return { digest, pss, at, boundary: randomBytes(12).toString('hex') }
}

/** The layers of encryption, the inmost first. */
function layersOf({ recipients, inner }: Protection): (readonly Certificate[])[] {
  return recipients === null ? [] : [...(inner === null ? [] : [inner]), recipients]
}

/**
 * Protects an entity: signed first, then encrypted.
 * @param entity - canonical, safe for 7-bit transport where it is signed
 * @returns a new entity in pieces
 * @throws EngineError those of `signEntity` and `encryptEntity`
 */
export function protectEntity(entity: readonly Buffer[], protection: Protection): readonly Buffer[] {
  const { signer, profile, now } = protection
  let pieces = signer === null ? entity : signEntity(entity, signer, signing(profile, now))
  for (const recipients of layersOf(protection))
    pieces = encryptEntity(pieces, { recipients, cipher: profile.cipher, keyTransport: profile.keyTransport })
  return pieces
}

/**
 * The same for an entity that is not in memory.
 * @throws EngineError as `protectEntity`, and what the source throws
 */
export async function protectEntitySource(entity: ByteSource, protection: Protection): Promise<ByteSource> {
  const { signer, profile, now } = protection
  let source = signer === null ? entity : await signEntitySource(entity, signer, signing(profile, now))
  for (const recipients of layersOf(protection))
    source = encryptEntitySource(source, {
      recipients,
      cipher: profile.cipher,
      keyTransport: profile.keyTransport,
    })
  return source
}
