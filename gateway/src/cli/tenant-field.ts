/**
 * Changes one field of a tenant's configuration object, for the verbs that switch something on and off. Audited as every change of
 * the configuration is; judges no value: that is the contract's.
 */
import { toDocument } from '../config/config-object.ts'
import type { ConfigObject } from '../config/ports.ts'
import { StoreRefused } from '../observe/failures.ts'
import type { Store } from '../store/index.ts'
import { UsageError } from './io.ts'

/** The tenant that is wanted, or the only one. */
export function chooseTenant(objects: readonly ConfigObject[], wanted: string | undefined): ConfigObject {
  const tenants = objects.filter((one) => one.kind === 'Tenant')
  const found = wanted === undefined ? tenants : tenants.filter(({ name }) => name === wanted)
  const [only, ...more] = found
  if (only !== undefined && more.length === 0) return only
  throw new UsageError(
    wanted === undefined
      ? `which tenant? --tenant ${tenants
          .map(({ name }) => name)
          .toSorted()
          .join(' or ')}`
      : `there is no tenant ${JSON.stringify(wanted)}`,
  )
}

/**
 * Writes a tenant with another value of one field; null takes the field out.
 * @returns its name, or null when somebody else has changed the configuration meanwhile
 * @throws UsageError when there is no such tenant or the value is not allowed
 */
export async function writeTenantField(
  store: Store,
  wanted: string | undefined,
  field: string,
  value: object | null,
): Promise<string | null> {
  const { version, objects } = await store.config.read()
  const tenant = chooseTenant(objects, wanted)
  const rest = Object.entries(tenant.spec ?? {}).filter(([name]) => name !== field)
  const object = {
    ...tenant,
    spec: Object.fromEntries(value === null ? rest : [...rest, [field, value]]),
  }
  const checked = toDocument(object)
  if (!checked.ok)
    throw new UsageError(
      checked.problems.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    )
  try {
    await store.config.change({ from: version, put: [{ object, credentials: [] }], remove: [] })
    return tenant.name
  } catch (error) {
    if (error instanceof StoreRefused && error.code === 'configuration-moved') return null
    throw error
  }
}
