/**
 * Puts the parts of trust together: the status service with its way to the network, and the trust of each tenant by its settings.
 */
import { createHostLookup } from '../dns/hosts.ts'
import type { Resolve } from '../dns/resolver.ts'
import type { Log } from '../observe/log.ts'
import { createGuardedFetch } from './guarded-fetch.ts'
import { publicMailRoots } from './mail-roots.ts'
import type { SourceStore } from './ports.ts'
import { FACTORY_TRUST, type TrustRules } from './settings.ts'
import { StatusRounds, type SourceAlarms, type StatusRoundsOptions } from './status-rounds.ts'
import { StatusService } from './status-service.ts'
import { createTrust, type Trust } from './trust.ts'

/** For one CRL, OCSP answer or certificate of an issuer. */
const FETCH_MS = 10_000

/** What the settings say of the tenants' trust. */
interface TrustingSettings {
  readonly version: number
  readonly mailAnchors: ReadonlyMap<string, readonly Buffer[]>
  readonly trust: ReadonlyMap<string, TrustRules>
}

/**
 * Opens the status service.
 * @param start - the operator's static table of hosts
 * @param resolve - null: nothing is fetched, only what is at hand counts
 */
export function openStatus(
  { hosts: table }: { readonly hosts: ReadonlyMap<string, readonly string[]> },
  resolve: Resolve | null,
  store: SourceStore,
  log: Pick<Log, 'error'> | null,
  now: () => number = Date.now,
): StatusService {
  const fetch =
    resolve === null
      ? null
      : createGuardedFetch({ hosts: createHostLookup({ table, resolve }), timeoutMs: FETCH_MS })
  const failed = (cause: string): void => {
    log?.error('revocation-source-not-kept', { cause })
  }
  return new StatusService({ store, fetch, now, failed })
}

/** Keeps what is in use fresh. Returns what ends it. */
export function keepStatus(
  status: StatusService,
  alarms: SourceAlarms,
  settings: StatusRoundsOptions['settings'],
  log: Log,
): () => Promise<void> {
  const rounds = new StatusRounds({ status, alarms, settings, now: Date.now, log })
  rounds.start()
  return () => rounds.stop()
}

/** The trust of one tenant, by its row key. */
export function tenantTrust(settings: TrustingSettings, id: string, status: StatusService): Trust {
  return createTrust({
    version: settings.version,
    anchors: settings.mailAnchors.get(id) ?? [],
    rules: settings.trust.get(id) ?? FACTORY_TRUST,
    publicRoots: publicMailRoots,
    status,
  })
}
