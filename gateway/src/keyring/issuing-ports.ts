/**
 * The port to what a tenant makes of its own: keys that await their certificate, and the small authority for pilots with what it
 * issued. What is lost if it fails: a key whose certificate is on its way; so a request is kept before it is shown.
 */
import type { KeyringDeed } from './ports.ts'

/** A key that awaits its certificate. */
export interface KeyRequest {
  readonly id: string
  /** In look-up form. */
  readonly addresses: readonly string[]
  readonly keyKind: string
  /** PEM. */
  readonly csr: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** An authority of the tenant. */
export interface PilotAuthority {
  readonly id: string
  /** DER. */
  readonly certificate: Buffer
  readonly createdAt: number
}

/** What the authority issued. */
export interface IssuedCertificate {
  /** Content octets of the serial number, lower-case hex. */
  readonly serial: string
  readonly fingerprint: string
  readonly addresses: readonly string[]
  /** Milliseconds since 1970. */
  readonly issuedAt: number
  readonly notAfter: number
  readonly revokedAt: number | null
  readonly reason: string | null
}

/** The store of one tenant; keys are sealed. All reject with StorageError. */
export interface IssuingStore {
  /** A new row key. */
  newId(): string
  /** Keys that await their certificates, at most 1000, the latest first. */
  requests(): readonly KeyRequest[]
  /** PKCS#8 DER; null when there is no such request. */
  requestKey(id: string): Buffer | null
  keepRequest(request: KeyRequest, privateKey: Buffer, deed: KeyringDeed): Promise<void>
  /** False when there is none. */
  removeRequest(id: string, deed: KeyringDeed): Promise<boolean>
  /** The latest authority; null when there is none. */
  authority(): PilotAuthority | null
  /** PKCS#8 DER; null when there is no such authority. */
  authorityKey(id: string): Buffer | null
  keepAuthority(authority: PilotAuthority, privateKey: Buffer, deed: KeyringDeed): Promise<void>
  keepIssued(authorityId: string, issued: IssuedCertificate, deed: KeyringDeed): Promise<void>
  /** What was issued, at most 100,000; all, or only what is revoked. */
  issued(authorityId: string, revokedOnly: boolean): readonly IssuedCertificate[]
  /** False when nothing of that serial number is to be revoked. */
  revoke(authorityId: string, serial: string, reason: string, deed: KeyringDeed): Promise<boolean>
  /** The number of the next CRL, each once. RFC 5280 5.2.3 */
  nextCrlNumber(authorityId: string): Promise<number>
}
