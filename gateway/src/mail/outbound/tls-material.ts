/**
 * What TLS connections are made from: secure contexts (our certificate, the anchors, protocols, ciphers) and sessions to
 * resume, both cached by content. A session belongs to one tenant, host, certificate and set of anchors. Holds private keys
 * inside OpenSSL's contexts only.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import type { TlsIdentity } from '../../config/ports.ts'
import type { EffectiveTls } from '../../maps/tls-policy.ts'
import type { KnownPeer } from './tls-check.ts'
import { deferred, DialogueFailed } from './verdict.ts'

/** OpenSSL cipher lists of Postfix's grades, less what gives no authentication or encryption. TLS 1.3 is not concerned. */
const CIPHERS = { high: 'HIGH:!aNULL:!eNULL', medium: 'HIGH:MEDIUM:!aNULL:!eNULL:!RC4' } as const
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g
const MAX_CONTEXTS = 200
const MAX_SESSION_KEYS = 1000
/** Sessions kept for one key: TLS 1.3 tickets are used once. RFC 8446 C.4 */
const SESSIONS_PER_KEY = 8
const SESSION_LIFETIME_MS = 2 * 3_600_000

/** Reads a file of trust anchors named in a map; rejects when it cannot. */
export type ReadAnchorFile = (path: string) => Promise<string>

const contentIds = new WeakMap<object, string>()

/** A digest of texts, computed once per array. */
function idOf(texts: readonly string[]): string {
  let id = contentIds.get(texts)
  if (id === undefined) {
    const hash = createHash('sha256')
    for (const text of texts) hash.update(`${text.length}:`).update(text)
    contentIds.set(texts, (id = hash.digest('base64url')))
  }
  return id
}

/** A digest of an identity's chain and key, computed once per object. */
export function identityId(identity: TlsIdentity | null): string {
  if (identity === null) return 'none'
  let id = contentIds.get(identity)
  if (id === undefined) contentIds.set(identity, (id = idOf([identity.chain, identity.key])))
  return id
}

/** A digest of a list of anchors. */
export function anchorsId(anchors: readonly string[]): string {
  return idOf(anchors)
}

/** A TLS session to resume. */
export interface KeptSession {
  readonly bytes: Buffer
  /** Who it was made with. */
  readonly peer: KnownPeer
  /** Milliseconds since 1970. */
  readonly until: number
}

/** Contexts and sessions of one gateway process. */
export class TlsMaterial {
  readonly #readAnchorFile: ReadAnchorFile
  readonly #contexts = new Map<string, SecureContext>()
  readonly #sessions = new Map<string, KeptSession[]>()

  /** @param readAnchorFile - reads the files that `tafile` names */
  constructor(readAnchorFile: ReadAnchorFile) {
    this.#readAnchorFile = readAnchorFile
  }

  /**
   * The context for a policy.
   * @throws DialogueFailed, temporary, when the policy's ciphers or anchors or our certificate cannot be used
   */
  async context(
    policy: EffectiveTls,
    identity: TlsIdentity | null,
    anchors: readonly string[],
  ): Promise<SecureContext> {
    const { protocols, ciphers, exclude, tafiles, floor } = policy
    const files = await this.#anchorFiles(tafiles)
    const key = JSON.stringify([
      identityId(identity),
      idOf(anchors),
      protocols,
      ciphers,
      exclude,
      files,
      floor,
    ])
    const known = this.#contexts.get(key)
    if (known !== undefined) return known
    const ca =
      files.length > 0
        ? narrowed(files, anchors, floor)
        : anchors.length > 0
          ? [...rootCertificates, ...anchors].join('\n')
          : undefined
    let context: SecureContext
    try {
      context = createSecureContext({
        ...(identity === null ? {} : { cert: identity.chain, key: identity.key }),
        ...(ca === undefined ? {} : { ca }),
        ciphers: [CIPHERS[ciphers ?? 'medium'], ...exclude.map((name) => `!${name}`)].join(':'),
        minVersion: protocols?.[0] ?? 'TLSv1.2',
        maxVersion: protocols?.at(-1) ?? 'TLSv1.3',
        // An anchor in a tafile may be an intermediate certificate, as in Postfix.
        ...(files.length > 0 ? { allowPartialTrustChain: true } : {}),
      })
    } catch (error) {
      throw unusable((error as NodeJS.ErrnoException).code ?? 'unknown')
    }
    if (this.#contexts.size >= MAX_CONTEXTS) this.#contexts.clear()
    this.#contexts.set(key, context)
    return context
  }

  /** Takes a session to resume; null when there is none. It is not given out again. */
  takeSession(key: string, now: number): KeptSession | null {
    const kept = this.#sessions.get(key)
    for (let session = kept?.pop(); session !== undefined; session = kept?.pop())
      if (session.until > now) return session
    return null
  }

  /** Keeps a session of a peer that passed the check. */
  keepSession(key: string, bytes: Buffer, peer: KnownPeer, now: number): void {
    const until = Math.min(peer.goodUntil, now + SESSION_LIFETIME_MS)
    let kept = this.#sessions.get(key)
    if (kept === undefined) {
      if (this.#sessions.size >= MAX_SESSION_KEYS) this.#sessions.clear()
      this.#sessions.set(key, (kept = []))
    }
    if (kept.length >= SESSIONS_PER_KEY) kept.shift()
    kept.push({ bytes, peer, until })
  }

  /** Forgets all sessions under a key: the hop failed when one of them was offered. */
  forgetSessions(key: string): void {
    this.#sessions.delete(key)
  }

  async #anchorFiles(paths: readonly string[]): Promise<string[]> {
    const texts: string[] = []
    for (const path of paths) {
      try {
        texts.push(await this.#readAnchorFile(path))
      } catch {
        throw unusable(`tafile ${path} cannot be read`)
      }
    }
    return texts
  }
}

/** The certificates of the files; under a floor only those that are trusted anyway. */
function narrowed(files: readonly string[], anchors: readonly string[], floor: boolean): string[] {
  const certificates = files.flatMap((text) => text.match(CERTIFICATE) ?? [])
  const trusted = floor
    ? new Set(
        [...rootCertificates, ...anchors].flatMap((text) => text.match(CERTIFICATE) ?? []).map(fingerprint),
      )
    : null
  const left = trusted === null ? certificates : certificates.filter((pem) => trusted.has(fingerprint(pem)))
  if (left.length === 0)
    throw unusable(certificates.length === 0 ? 'tafile has no certificate' : 'no anchor of tafile is trusted')
  return left
}

function fingerprint(pem: string): string {
  try {
    return new X509Certificate(pem).fingerprint256
  } catch {
    throw unusable('an anchor cannot be read')
  }
}

function unusable(cause: string): DialogueFailed {
  return new DialogueFailed(deferred('4.7.5', 'tls-policy-unusable', { cause }))
}
