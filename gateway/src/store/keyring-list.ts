/** The query behind lists of the keyring, page by page in the order of the ids. Reads only. */
import type { CredentialFilter, ListedCredential } from '../keyring/ports.ts'
import { CREDENTIAL_COLUMNS, credentialOf } from './credentials.ts'
import type { SqlRow, SqlValue, Step } from './sqlite/messages.ts'

const COLUMNS =
  `${CREDENTIAL_COLUMNS}, c.object_kind, c.object_name, c.added_at, c.removed_at, c.source, ` +
  '(select json_group_array(p.address) from pinned_certificate p where p.tenant_id = c.tenant_id and p.owner = c.owner and p.fingerprint = c.fingerprint) as pins, ' +
  '(select d.reason from distrusted_certificate d where d.tenant_id = c.tenant_id and d.fingerprint = c.fingerprint) as distrust_reason'

const IS_DISTRUSTED =
  '(c.distrusted = 1 or exists (select 1 from distrusted_certificate d where d.tenant_id = c.tenant_id and d.fingerprint = c.fingerprint))'

/**
 * The query for one page.
 * @param after - the id behind which it begins
 * @param id - only this entry
 */
export function listQuery(
  tenantId: string,
  filter: CredentialFilter,
  after: string | null,
  limit: number,
  id?: string,
): Step {
  const conditions = ['c.tenant_id = ?']
  const parameters: SqlValue[] = [tenantId]
  const where = (condition: string, ...values: readonly SqlValue[]): void => {
    conditions.push(condition)
    parameters.push(...values)
  }
  if (id !== undefined) where('c.id = ?', id)
  if (after !== null) where('c.id > ?', after)
  if (filter.address !== undefined) {
    const domain = filter.address.startsWith('@')
    const match = domain ? 'substr(a.address, instr(a.address, ?)) = ?' : 'a.address = ?'
    const values = domain ? [filter.address, filter.address] : [filter.address]
    where(
      `c.id in (select a.credential_id from credential_address a where a.tenant_id = ? and a.owner in ('own', 'partner') and ${match} ` +
        `union select c2.id from pinned_certificate a join credential c2 on c2.tenant_id = a.tenant_id and c2.fingerprint = a.fingerprint ` +
        `and c2.owner = a.owner where a.tenant_id = ? and a.owner in ('own', 'partner') and ${match})`,
      ...[tenantId, ...values, tenantId, ...values],
    )
  }
  if (filter.owner !== undefined) where('c.owner = ?', filter.owner)
  if (filter.origin !== undefined) where('c.origin = ?', filter.origin)
  if (filter.state !== undefined) where('c.state = ?', filter.state)
  if (filter.fingerprint !== undefined) where('c.fingerprint = ?', filter.fingerprint)
  if (filter.expiresBefore !== undefined) where('c.not_after < ?', filter.expiresBefore)
  if (filter.distrusted !== undefined) where(filter.distrusted ? IS_DISTRUSTED : `not ${IS_DISTRUSTED}`)
  const sql = `select ${COLUMNS} from credential c where ${conditions.join(' and ')} order by c.id limit ?`
  return { sql, parameters: [...parameters, limit] }
}

/** An entry of a list, of its row. */
export function listed(row: SqlRow): ListedCredential {
  const kind = String(row['object_kind'])
  return {
    ...credentialOf(row),
    origin: String(row['origin']) as ListedCredential['origin'],
    state: String(row['state']) as ListedCredential['state'],
    addedAt: Number(row['added_at']),
    removedAt: row['removed_at'] === null ? null : Number(row['removed_at']),
    source: kind === '' ? String(row['source']) : `${kind} ${String(row['object_name'])}`,
    pins: JSON.parse(String(row['pins'])) as string[],
    distrustReason: String(row['distrust_reason'] ?? ''),
  }
}
