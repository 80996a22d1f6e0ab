/**
 * A tenant's directory as the commands look at it: by the settings as they are stored now.
 */
import { DIRECTORY_MAX_AGE_HOURS } from '@siegel/contract'
import type { Settings } from '../config/ports.ts'
import { DirectoryView } from '../directory/view.ts'
import type { Store } from '../store/index.ts'

/** How old the directory of a tenant may be, in milliseconds. */
export function directoryAge(settings: Settings, tenantId: string): number {
  return settings.directoryAges.get(tenantId) ?? DIRECTORY_MAX_AGE_HOURS * 3_600_000
}

/** The directory of a tenant. @param now - milliseconds since 1970 */
export function directoryOf(store: Store, settings: Settings, tenantId: string, now: number): DirectoryView {
  const { directory: lookups } = store.forTenant(tenantId)
  return new DirectoryView({ lookups, maxAge: () => directoryAge(settings, tenantId), now: () => now })
}
