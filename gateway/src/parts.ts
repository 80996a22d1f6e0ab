/**
 * What is compiled from the settings, anew whenever they change: attribution, access, TLS contexts, each tenant's trust and keyring.
 * Wiring, apart from main.ts only for its size; it opens nothing.
 */
import { rootCertificates, type SecureContext } from 'node:tls'
import { DIRECTORY_MAX_AGE_HOURS } from '@siegel/contract'
import type { Settings } from './config/ports.ts'
import { namesHost } from './config/tenant-conflicts.ts'
import { createAttributor, type Attributor } from './exchange/attribution.ts'
import type { CapabilityStore } from './keyring/capabilities.ts'
import type { DirectoryLookups } from './directory/ports.ts'
import { DirectoryView } from './directory/view.ts'
import { TenantKeyrings, type TenantKeyringsOptions } from './keyring/find/tenant-keyrings.ts'
import { createAccess, type Access } from './mail/inbound/access.ts'
import { createServerContext } from './mail/inbound/tls-context.ts'
import type { TenantSurroundings } from './mail/journey.ts'
import { NO_LEVELS } from './mail/policy/levels.ts'
import { parseTransport } from './maps/transport.ts'
import { tenantTrust } from './trust/open-status.ts'
import type { StatusService } from './trust/status-service.ts'
import { createTrust, type Trust } from './trust/trust.ts'

/** What the parts are made from. */
export interface PartsOptions extends Omit<TenantKeyringsOptions, 'trust' | 'servedWith'> {
  /** A tenant's directory, by row key. */
  readonly directory: (tenantId: string) => DirectoryLookups
  /** What a tenant's partners have shown, by row key. */
  readonly capabilities: (tenantId: string) => CapabilityStore
}

const MAX_AGE_MS = DIRECTORY_MAX_AGE_HOURS * 3_600_000

/** What is compiled from the settings, anew whenever they change. */
export class Parts {
  readonly #keyrings: TenantKeyrings
  readonly #status: StatusService
  readonly #options: PartsOptions
  readonly #directories = new Map<string, DirectoryView>()
  #settings: Settings | null = null
  #trusts = new Map<string, Trust>()
  #contexts = new Map<string, SecureContext>()
  #defaultContext: SecureContext | null = null
  #attributor: Attributor | null = null
  #office365: readonly string[] = []
  #access: Access = createAccess(new Map())
  #transport = parseTransport('')

  /**
   * @param status - what is known of revocation
   * @param options - what the tenants' keyrings and directories are made from
   */
  constructor(status: StatusService, options: PartsOptions) {
    const trust = (id: string): Trust => this.#trusts.get(id) ?? createTrust({ version: 0, anchors: [] })
    const servedWith = (id: string, address: string): readonly string[] =>
      this.#directoryOf(id).servedWith(address)
    this.#options = options
    this.#keyrings = new TenantKeyrings({ ...options, trust, servedWith })
    this.#status = status
  }

  get attributor(): Attributor {
    if (this.#attributor === null) throw new Error('no settings yet')
    return this.#attributor
  }

  /** The maps of access. */
  get access(): Access {
    return this.#access
  }

  /** Takes new settings over. */
  adopt(settings: Settings): void {
    this.#settings = settings
    this.#keyrings.adopt(settings)
    this.#attributor = createAttributor(settings, this.#office365)
    this.#access = createAccess(settings.maps)
    this.#transport = parseTransport(settings.maps.get('transport') ?? '')
    this.#trusts = new Map(
      [...settings.tenants.keys()].map((id) => [id, tenantTrust(settings, id, this.#status)]),
    )
    this.#contexts = new Map()
    this.#defaultContext = null
    for (const { chain, key, names } of settings.serverIdentities) {
      const context = createServerContext(
        [{ certificateChain: chain, privateKey: key }],
        [...rootCertificates, ...settings.tlsAnchors],
      )
      this.#defaultContext ??= context
      for (const name of names) if (!this.#contexts.has(name)) this.#contexts.set(name, context)
    }
  }

  /** Takes other addresses of Office 365 over; open connections are judged by them at their next mail. */
  adoptRanges(ranges: readonly string[]): void {
    this.#office365 = ranges
    if (this.#settings !== null) this.#attributor = createAttributor(this.#settings, ranges)
  }

  /** The context for a server name; the first certificate when the client names none, or one we do not have. */
  serverContext(name: string | null): SecureContext {
    const context = (name === null ? undefined : this.#contextFor(name.toLowerCase())) ?? this.#defaultContext
    if (context === null) throw new Error('no ServerCertificate object: TLS is not possible')
    return context
  }

  /** By the name itself, else by a wildcard. */
  #contextFor(name: string): SecureContext | undefined {
    const known = this.#contexts.get(name)
    if (known !== undefined) return known
    for (const [pattern, context] of this.#contexts) if (namesHost([pattern], name)) return context
    return undefined
  }

  #directoryOf(id: string): DirectoryView {
    let view = this.#directories.get(id)
    if (view === undefined) {
      const { directory, now } = this.#options
      const maxAge = (): number => this.#settings?.directoryAges.get(id) ?? MAX_AGE_MS
      this.#directories.set(id, (view = new DirectoryView({ lookups: directory(id), maxAge, now })))
    }
    return view
  }

  /** A tenant with keyring and trust; null when it does not exist. */
  surroundings(id: string): TenantSurroundings | null {
    const settings = this.#settings
    const tenant = settings?.tenants.get(id)
    const trust = this.#trusts.get(id)
    if (settings === null || tenant === undefined || trust === undefined) return null
    const levels = settings.treatment.get(id) ?? NO_LEVELS
    const rules = settings.rules.get(id) ?? []
    return {
      tenant,
      settingsVersion: settings.version,
      ...this.#keyrings.of(id),
      capabilities: this.#options.capabilities(id),
      trust,
      levels,
      rules,
      groups: this.#directoryOf(id).membership(),
      transport: this.#transport,
    }
  }
}
