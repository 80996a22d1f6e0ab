/**
 * The keyrings of all tenants as the path of a mail uses them: what is kept, what is found outside, and what is harvested from mail.
 * Wiring only; made once for each tenant, and working by the settings as they are now.
 */
import type { Log } from '../../observe/log.ts'
import type { Trust } from '../../trust/trust.ts'
import type { HarvestPolicy, HarvestStore } from '../harvest-ports.ts'
import { createHarvester, type Harvester } from '../harvest.ts'
import { createKeyring, type Keyring } from '../keyring.ts'
import type { CredentialStore, KeyringStore } from '../ports.ts'
import { Directories, type Directory, type DirectoryPorts } from './directories.ts'
import { createFindingKeyring } from './finding-keyring.ts'

/** What is kept of one tenant. */
export interface KeyringStores {
  readonly credentials: CredentialStore
  readonly keyring: KeyringStore
  readonly harvest: HarvestStore
}

/** The settings that matter here, by row key of the tenant. */
export interface KeyringSettings {
  readonly directories: ReadonlyMap<string, readonly Directory[]>
  readonly harvest: ReadonlyMap<string, HarvestPolicy>
  readonly tenants: ReadonlyMap<string, { readonly acceptedDomains: readonly string[] }>
}

/** What the keyrings are made from. */
export interface TenantKeyringsOptions extends DirectoryPorts {
  readonly stores: (tenantId: string) => KeyringStores
  readonly trust: (tenantId: string) => Trust
  /** The further addresses of the user who has an address, by the tenant's directory. */
  readonly servedWith: (tenantId: string, address: string) => readonly string[]
  readonly log: Log
}

/** One tenant's. */
export interface TenantKeyring {
  readonly keyring: Keyring
  readonly harvester: Harvester
}

/** The keyrings of all tenants. */
export class TenantKeyrings {
  readonly #options: TenantKeyringsOptions
  readonly #directories: Directories
  readonly #made = new Map<string, TenantKeyring>()
  #settings: KeyringSettings | null = null

  constructor(options: TenantKeyringsOptions) {
    this.#options = options
    this.#directories = new Directories(options)
  }

  /** Takes new settings over. */
  adopt(settings: KeyringSettings): void {
    this.#settings = settings
    this.#directories.adopt(settings.directories)
  }

  /** A tenant's keyring. */
  of(id: string): TenantKeyring {
    let made = this.#made.get(id)
    if (made === undefined) this.#made.set(id, (made = this.#make(id)))
    return made
  }

  #make(id: string): TenantKeyring {
    const { stores, trust: trustOf, servedWith, now, log } = this.#options
    const { credentials, keyring, harvest } = stores(id)
    const trust = (): Trust => trustOf(id)
    return {
      keyring: createFindingKeyring({
        keyring: createKeyring({
          ...{ store: credentials, trust },
          servedWith: (address) => servedWith(id, address),
        }),
        store: keyring,
        sources: () => this.#directories.of(id),
        refusal: (fingerprint) => harvest.refusal(fingerprint),
        ...{ trust, now },
      }),
      harvester: createHarvester({
        policy: () => this.#settings?.harvest.get(id) ?? 'never',
        isOwn: (domain) => this.#settings?.tenants.get(id)?.acceptedDomains.includes(domain) === true,
        ...{ keyring, store: harvest, trust, log },
      }),
    }
  }
}
