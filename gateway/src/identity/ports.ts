/**
 * TLS identities of tenants as they are kept beside the configuration objects: certificates with their keys, what is in force for
 * which use, what follows, what went before; and what is remembered of ACME. Shapes only. What is lost if the store fails: keys
 * that no authority will give back.
 */

/** What a certificate is presented as: by the listener, or to Office 365. */
export type Use = 'server' | 'client'

/** Both uses, in the order in which they are shown. */
export const USES: readonly Use[] = ['server', 'client']

/** How a key came. */
export type Origin = 'request' | 'import' | 'acme'

/** A key of a tenant, with its certificate once there is one. */
export interface KeptCertificate {
  readonly id: string
  /** Row key of the tenant. */
  readonly tenantId: string
  readonly origin: Origin
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** The names asked for or certified, lower case. */
  readonly names: readonly string[]
  /** For people: `RSA 2048`, `P-256`. */
  readonly keyKind: string
  /** PEM; null when the key came with its certificate. */
  readonly csr: string | null
  /** PEM, leaf first; null while the certificate is awaited. */
  readonly chain: string | null
  /** Milliseconds since 1970; null like the chain. */
  readonly notBefore: number | null
  readonly notAfter: number | null
  /** SHA-256 in lower-case hexadecimal. */
  readonly fingerprint: string | null
}

/** What is in force for one use of one tenant. Names are ids of certificates. */
export interface Slot {
  readonly tenantId: string
  readonly use: Use
  readonly active: string | null
  readonly former: string | null
  readonly next: string | null
  /** When `next` takes over by itself, in milliseconds since 1970; null: by command. */
  readonly nextAt: number | null
}

/** The state of all identities at one version of the settings. */
export interface IdentityState {
  readonly version: number
  readonly certificates: readonly KeptCertificate[]
  readonly slots: readonly Slot[]
}

/** An account with an ACME server. */
export interface KeptAccount {
  /** Address of the directory. */
  readonly directory: string
  /** Address of the account; null until the server has given one. */
  readonly url: string | null
  /** PKCS#8 PEM. */
  readonly privateKey: string
}

/** How far the certificate of a tenant is with an ACME server. */
export interface KeptOrder {
  readonly tenantId: string
  readonly directory: string
  /** Address of the order under way; null when there is none. */
  readonly url: string | null
  /** The certificate that waits for it; null when there is none. */
  readonly certificateId: string | null
  /** When something is to be done next, in milliseconds since 1970. */
  readonly nextAt: number
  /** Failures since the last success. */
  readonly failures: number
  /** What stood in the way last, for the operator; null after a success. */
  readonly problem: string | null
}

/** Who did something and what, for the audit log. */
export interface Deed {
  readonly actor: string
  /** Stable code in lower case with hyphens. */
  readonly action: string
  readonly tenantId: string
  readonly detail: Readonly<Record<string, string | number | null>>
}

/** Where identities are kept. */
export interface IdentityStore {
  /** Everything but the keys. */
  state(): IdentityState
  /** A private key as PKCS#8 PEM; null when there is none. Throws StoreRefused `secret-damaged`. */
  privateKey(tenantId: string, id: string): string | null
  /** Keeps a new key, sealed, or the certificate of one that is there. */
  keep(certificate: KeptCertificate, privateKey: string | null, deed: Deed): Promise<void>
  /** Replaces the chain of a kept certificate by a more complete one, PEM; the leaf is the same. */
  keepChain(tenantId: string, id: string, chain: string): Promise<void>
  /**
   * Puts slots in force; a running gateway follows within a second.
   * Rejects with StoreRefused `configuration-moved` when the settings are no longer of that version: nothing was written.
   */
  setSlots(version: number, slots: readonly Slot[], deed: Deed): Promise<void>
  /** Removes a certificate and its key for good, and every slot's mention of it. Rejects like `setSlots`. */
  remove(version: number, tenantId: string, id: string, deed: Deed): Promise<void>
  /** The account with a server; null when there is none. */
  account(directory: string): KeptAccount | null
  /** Keeps an account, its key sealed. */
  keepAccount(account: KeptAccount): Promise<void>
  /** All orders. */
  orders(): readonly KeptOrder[]
  /** Keeps an order in place of the tenant's former one. */
  keepOrder(order: KeptOrder): Promise<void>
  /** Forgets the order of a tenant. */
  forgetOrder(tenantId: string): Promise<void>
}

/** Row ids that are given to new certificates. */
export type NewId = () => string
