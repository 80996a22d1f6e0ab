/**
 * Configuration objects as they are kept, the settings that are compiled from them, and the port to their store.
 * Objects are written only through `change` (siegel apply, later the API). Secrets never stand in `spec`: they are kept
 * beside it, sealed by the store.
 */
import type { Directory } from '../keyring/find/directories.ts'
import type { HarvestPolicy } from '../keyring/harvest-ports.ts'
import type { Credential } from '../keyring/ports.ts'
import type { TreatmentLevels } from '../mail/policy/levels.ts'
import type { Rule } from '../mail/policy/rules.ts'
import type { Tenant } from '../mail/tenant.ts'
import type { TrustRules } from '../trust/settings.ts'

/** A configuration object, `siegel/v1`. The pair (kind, tenant, name) names it. */
export interface ConfigObject {
  readonly kind: string
  /** Name of the tenant it belongs to; null for objects of the installation. */
  readonly tenant: string | null
  readonly name: string
  /** Valid against the contract's schema of the kind, without its secrets. */
  readonly spec: unknown
  /** Secret values by JSON pointer into the spec (RFC 6901); text, binary as base64. */
  readonly secrets: Readonly<Record<string, string>>
}

/** A keyring entry that an object brings with it; its private key is sealed by the store. */
export interface CredentialEntry extends Omit<Credential, 'tenantId'> {
  /** PKCS#8 DER; null for a partner's certificate. */
  readonly privateKey: Buffer | null
}

/** One set of changes, written in one transaction. */
export interface ConfigChange {
  /**
   * The version that the change was worked out from: it is refused when another has come since. Left out only where the
   * change does not depend on what is there.
   */
  readonly from?: number
  readonly put: readonly { readonly object: ConfigObject; readonly credentials: readonly CredentialEntry[] }[]
  readonly remove: readonly { readonly kind: string; readonly tenant: string | null; readonly name: string }[]
}

/** The store of configuration objects. */
export interface ConfigStore {
  /** All objects with their secrets unsealed, and the version they make up. */
  read(): Promise<{
    readonly version: number
    readonly objects: readonly ConfigObject[]
    /** By tenant name: the row key, and a secret of 32 bytes made with the tenant (key of the pass marker). */
    readonly tenants: ReadonlyMap<string, { readonly id: string; readonly markerKey: Buffer }>
    /** What `siegel tls-cert` has put in force; goes before the objects. */
    readonly identities: readonly ActiveIdentity[]
  }>
  /** Cheap: the current version, to notice a change made by another process within a second. */
  version(): Promise<number>
  /**
   * Writes a set of changes and returns the new version. A new Tenant object gets its row key and its sealing key here.
   * Rejects with StoreRefused: `configuration-moved` (nothing was written, work it out anew), `tenant-unknown`, `tenant-has-mail`.
   */
  change(change: ConfigChange): Promise<number>
}

/** A certificate in force that lies beside the objects. */
export interface ActiveIdentity {
  /** Row key of the tenant. */
  readonly tenantId: string
  readonly use: 'server' | 'client'
  /** PEM, leaf first. */
  readonly chain: string
  /** PKCS#8 PEM. */
  readonly key: string
}

/** A certificate chain and key for TLS, as PEM. */
export interface TlsIdentity {
  /** Leaf first, then intermediates. */
  readonly chain: string
  readonly key: string
  /** DNS names of the leaf, lower case. */
  readonly names: readonly string[]
}

/** An authority that issues certificates by ACME. Holds a secret. */
export interface AcmeIssuer {
  readonly name: string
  /** Address of the directory. */
  readonly directory: string
  /** Whom it serves. */
  readonly hosts: readonly { readonly tenantId: string; readonly fqdn: string }[]
  readonly use: 'both' | 'server' | 'client'
  readonly challenge: 'http-01' | 'dns-01'
  readonly contact: readonly string[]
  readonly termsOfServiceAgreed: boolean
  readonly externalAccount: { readonly keyId: string; readonly hmacKey: string } | null
  /** Common name of a root; null for the authority's own choice. */
  readonly preferredRoot: string | null
  readonly key: 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'p-256' | 'p-384'
}

/** All settings that a worker acts on: one immutable value per version. Holds secrets; never logged. */
export interface Settings {
  readonly version: number
  /** By row key. */
  readonly tenants: ReadonlyMap<string, Tenant>
  /** Text of the maps of the installation by name (`tls-policy`, …), in Postfix syntax. */
  readonly maps: ReadonlyMap<string, string>
  /** Server certificates for the listeners, chosen by server name; the first is the default. */
  readonly serverIdentities: readonly TlsIdentity[]
  /** Client certificate towards Office 365, by tenant row key. */
  readonly clientIdentities: ReadonlyMap<string, TlsIdentity>
  /** Address ranges (CIDR) that may connect. */
  readonly addressRanges: readonly string[]
  /** The addresses of Office 365 may connect too. */
  readonly office365Ranges: boolean
  /** Extra anchors for TLS as PEM, beside the runtime's own list. */
  readonly tlsAnchors: readonly string[]
  /** Anchors for e-mail certificates by tenant row key, DER. */
  readonly mailAnchors: ReadonlyMap<string, readonly Buffer[]>
  /** What is said of trust, by tenant row key; without an entry the factory's word holds. */
  readonly trust: ReadonlyMap<string, TrustRules>
  /** What is asked for outbound mail, by tenant row key. */
  readonly treatment: ReadonlyMap<string, TreatmentLevels>
  /** The rules that are enabled, in their order, by tenant row key. */
  readonly rules: ReadonlyMap<string, readonly Rule[]>
  /** Where certificates are looked for, by tenant row key, in the order of their names. Holds passwords. */
  readonly directories: ReadonlyMap<string, readonly Directory[]>
  /** How old the directory of people may be, in milliseconds, by tenant row key; without an entry the factory's word holds. */
  readonly directoryAges: ReadonlyMap<string, number>
  /** What becomes of the certificates in mail whose signature is valid, by tenant row key. */
  readonly harvest: ReadonlyMap<string, HarvestPolicy>
  /** In the order of their names. */
  readonly acmeIssuers: readonly AcmeIssuer[]
}
