/**
 * What the keyring keeps and the port to its store. A credential is a certificate with or without its private key.
 * What is lost if it fails: mail goes out unsigned or unencrypted, or cannot be read; so every look-up says why it found
 * nothing, and a broken entry is an error, never "not found".
 */

/** own: ours, with its private key. partner: a certificate of somebody outside. */
export type CredentialOwner = 'own' | 'partner'

/** One entry of the keyring. */
export interface Credential {
  /** 26 characters. */
  readonly id: string
  readonly tenantId: string
  readonly kind: 'smime'
  readonly owner: CredentialOwner
  /** Addresses it serves, in look-up form (domain in lower case, local part in lower case). */
  readonly addresses: readonly string[]
  readonly sign: boolean
  readonly encrypt: boolean
  /** Milliseconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string
  /** DER of the certificate. */
  readonly certificate: Buffer
  /** DER of the intermediates that go with it, leaf side first. */
  readonly chain: readonly Buffer[]
  readonly distrusted: boolean
}

/** The keyring's store of one tenant; there is no way to ask across tenants. */
export interface CredentialStore {
  /** All entries that serve an address (look-up form), in no order, at most 100. */
  byAddress(owner: CredentialOwner, address: string): Promise<Credential[]>
  /** One entry; null when unknown. */
  byId(id: string): Promise<Credential | null>
  /** The unsealed PKCS#8 DER private key of an own entry; null when the entry has none. Throws when it cannot be unsealed. */
  privateKey(id: string): Promise<Buffer | null>
}
