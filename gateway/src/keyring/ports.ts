/**
 * What the keyring keeps and the port to its store. A credential is a certificate with or without its private key.
 * What is lost if it fails: mail goes out unsigned or unencrypted, or cannot be read; so every look-up says why it found
 * nothing, and a broken entry is an error, never "not found".
 */

/** own: ours, with its private key. partner: a certificate of somebody outside. */
export type CredentialOwner = 'own' | 'partner'

/** Where an entry comes from. configured: a configuration object; generated: a key made here; issued: by our own authority. */
export type CredentialOrigin = 'configured' | 'imported' | 'harvested' | 'found' | 'generated' | 'issued'

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
  /** By its object, or because the tenant distrusts this certificate wherever it comes from. */
  readonly distrusted: boolean
}

/** An entry that a look-up found for an address. */
export interface Candidate extends Credential {
  /** An operator has pinned it to the address that was asked for. */
  readonly pinned: boolean
  readonly state: 'active' | 'awaiting-approval'
  readonly origin: CredentialOrigin
}

/** The keyring's store of one tenant; there is no way to ask across tenants. */
export interface CredentialStore {
  /** Cheap: moves with every change that is made by no configuration object, in any process. */
  version(): number
  /**
   * The entries that serve an address (look-up form) or are pinned to it, removed ones left out; at most 100: pinned ones
   * first, then the latest.
   */
  byAddress(owner: CredentialOwner, address: string): Promise<Candidate[]>
  /** One entry; null when unknown or removed. */
  byId(id: string): Promise<Credential | null>
  /** The unsealed PKCS#8 DER private key of an own entry; null when the entry has none. Throws when it cannot be unsealed. */
  privateKey(id: string): Promise<Buffer | null>
}

/** Who changes something and what the audit log is to say of it. */
export interface KeyringDeed {
  readonly actor: string
  /** Stable code in lower case with hyphens. */
  readonly action: string
  /** Without secrets. */
  readonly detail: Readonly<Record<string, unknown>>
}

/** An entry to be kept that no configuration object brings. */
export interface NewCredential extends Omit<Credential, 'id' | 'tenantId' | 'kind' | 'distrusted'> {
  readonly origin: Exclude<CredentialOrigin, 'configured'>
  readonly state: 'active' | 'awaiting-approval'
  /** File and line, id of a mail, URL: for people. */
  readonly source: string
  /** PKCS#8 DER of an own key; null for a partner's certificate. */
  readonly privateKey: Buffer | null
}

/**
 * What became of an entry that was to be kept. One certificate has one entry for each owner: `known` changes nothing; `merged` has
 * got further addresses or its chain; `approved` and `restored` were waiting or removed and are active now. `removed-before`: an
 * operator took it out, and only a deliberate import brings it back.
 */
export type KeptOutcome = 'added' | 'known' | 'merged' | 'approved' | 'restored' | 'removed-before'

/** The outcome for one entry. */
export interface Kept {
  readonly id: string
  readonly outcome: KeptOutcome
}

/** An entry as lists show it. */
export interface ListedCredential extends Credential {
  readonly origin: CredentialOrigin
  readonly state: 'active' | 'awaiting-approval' | 'removed'
  /** Milliseconds since 1970; 0 for an entry of an object. */
  readonly addedAt: number
  readonly removedAt: number | null
  readonly source: string
  /** Addresses that it is pinned to. */
  readonly pins: readonly string[]
  /** Why it is distrusted; empty when no reason was given or it is not. */
  readonly distrustReason: string
}

/** Which entries a list is to show; what is left out does not count. */
export interface CredentialFilter {
  /** In look-up form; `@domain` stands for all addresses of a domain. */
  readonly address?: string
  readonly owner?: CredentialOwner
  readonly origin?: CredentialOrigin
  readonly state?: ListedCredential['state']
  readonly fingerprint?: string
  /** Milliseconds since 1970. */
  readonly expiresBefore?: number
  readonly distrusted?: boolean
}

/** One page of a list. */
export interface CredentialPage {
  readonly entries: readonly ListedCredential[]
  /** Where the next page begins; null at the end. */
  readonly next: string | null
}

/** One line of the report of an import: what was not taken, or was there already. */
export interface ImportFinding {
  /** Number of the entry in the file, from 1. */
  readonly entry: number
  /** Line, or name inside the archive. */
  readonly place: string
  readonly code: string
  readonly detail: string
}

/** How far the import of a file has come. */
export interface ImportState {
  /** SHA-256 of the file, lower-case hex. */
  readonly digest: string
  readonly name: string
  /** Entries that were worked through. */
  readonly entries: number
  readonly added: number
  readonly known: number
  readonly refused: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly finishedAt: number | null
}

/** A step of an import, written in the transaction of the entries that it brings. */
export interface ImportStep {
  readonly digest: string
  /** Entries worked through with this step. */
  readonly entries: number
  /** What was refused in this step. */
  readonly refused: readonly ImportFinding[]
  /** Where each of the entries stands in the file, in their order. */
  readonly places: readonly Pick<ImportFinding, 'entry' | 'place'>[]
}

/**
 * Changes of one tenant's keyring that are made by no configuration object, each with its entry in the audit log and in force in
 * every process within a second. `siegel export` and `apply --prune` know nothing of these entries. Methods that name an entry
 * give false when there is none that it could be done to; all reject with StorageError.
 */
export interface KeyringStore {
  /** Keeps entries in one transaction; at most 1000. Outcomes in their order. */
  add(entries: readonly NewCredential[], deed: KeyringDeed, step?: ImportStep): Promise<Kept[]>
  /** A page of entries in the order of their ids. */
  list(filter: CredentialFilter, after: string | null, limit: number): Promise<CredentialPage>
  /** One entry by id, removed ones too; null when unknown. */
  get(id: string): Promise<ListedCredential | null>
  /** Distrusts a certificate, whatever entries hold it now or later. */
  distrust(fingerprint: string, reason: string, deed: KeyringDeed): Promise<boolean>
  /** Takes that back. False too when only an object distrusts it. */
  trust(fingerprint: string, deed: KeyringDeed): Promise<boolean>
  /** Pins a certificate to an address: it goes before all others there, also when it does not name the address. */
  pin(owner: CredentialOwner, address: string, fingerprint: string, deed: KeyringDeed): Promise<boolean>
  unpin(owner: CredentialOwner, address: string, fingerprint: string, deed: KeyringDeed): Promise<boolean>
  /** Takes an entry that is of no object out of use; it can be restored for 90 days. */
  remove(id: string, deed: KeyringDeed): Promise<boolean>
  restore(id: string, deed: KeyringDeed): Promise<boolean>
  /** Puts an entry that awaits approval in use. */
  approve(id: string, deed: KeyringDeed): Promise<boolean>
  /** What is known of the import of a file. */
  importState(digest: string): ImportState | null
  /** Begins the import of a file anew; what an earlier one found is forgotten, what it brought stays. */
  beginImport(digest: string, name: string): Promise<void>
  /** Marks an import as complete. */
  endImport(digest: string, deed: KeyringDeed): Promise<void>
  /** Findings of an import in their order, some at a time. */
  importFindings(digest: string, afterEntry: number, limit: number): Promise<ImportFinding[]>
}
