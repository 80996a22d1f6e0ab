/**
 * Tenants as the operator names them: rows by name, for every verb that looks into the store. Reads names and keys only.
 */
import type { Store } from '../store/index.ts'
import { UsageError } from './io.ts'

/** A tenant of the store. */
export interface NamedTenant {
  readonly name: string
  /** Row key. */
  readonly id: string
}

/**
 * All tenants, or the one that is wanted.
 * @param wanted - a name; undefined for all
 * @throws UsageError when there is no such tenant
 */
export async function tenantsNamed(store: Store, wanted: string | undefined): Promise<NamedTenant[]> {
  const { tenants } = await store.config.read()
  if (wanted !== undefined && !tenants.has(wanted))
    throw new UsageError(`there is no tenant ${JSON.stringify(wanted)}`)
  return [...tenants]
    .filter(([name]) => wanted === undefined || name === wanted)
    .map(([name, { id }]) => ({ name, id }))
}
