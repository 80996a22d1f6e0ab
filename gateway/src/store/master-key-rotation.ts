/**
 * Changes the master key: every data key is unwrapped with the old one and wrapped with the new one, all in one transaction, so that
 * at any moment exactly one of the two opens the store. What was sealed with the data keys stays as it is.
 * What is lost if it fails: nothing; the key that opened the store before still does.
 */
import { StoreRefused } from '../observe/failures.ts'
import { MOVED, type AuditedWrites } from './audited-writes.ts'
import { INSTALLATION } from './schema.ts'
import { KEY_LENGTH, unwrapKey, wrapKey, type MasterKey } from './sealing.ts'
import type { Lookups } from './sqlite/lookups.ts'
import type { SqlRow, Step } from './sqlite/messages.ts'
import { bufferOf } from './sqlite/sqlite-thread.ts'

const ALL = 'select tenant_id, id, wrapped from sealing_key order by tenant_id, id'
const SAME_NUMBER = 'select 1 as same where (select count(*) from sealing_key) = ?'
const REWRAP = 'update sealing_key set kek_id = ?, wrapped = ? where tenant_id = ? and id = ? and wrapped = ?'

function rewrapped(row: SqlRow, from: MasterKey, to: MasterKey): Step {
  const [tenantId, id, wrapped] = [String(row['tenant_id']), String(row['id']), bufferOf(row['wrapped'])]
  const bytes = unwrapKey(from, tenantId, id, wrapped).key.export()
  if (bytes.length !== KEY_LENGTH)
    throw new StoreRefused('secret-damaged', `the sealing key ${id} has no ${KEY_LENGTH} octets`)
  const anew = new Uint8Array(wrapKey(to, tenantId, id, bytes))
  bytes.fill(0)
  return { sql: REWRAP, parameters: [to.id, anew, tenantId, id, new Uint8Array(wrapped)], expect: MOVED }
}

/**
 * Wraps all data keys with another master key. The caller holds the server's lock.
 * @returns how many data keys were wrapped anew
 * @throws StoreRefused `master-key-wrong`, `secret-damaged`; StorageError. Then nothing was changed.
 */
export async function rotateMasterKey(
  lookups: Lookups,
  writes: AuditedWrites,
  from: MasterKey,
  to: MasterKey,
): Promise<number> {
  const count = await writes.write(() => {
    const rows = lookups.all({ sql: ALL, parameters: [] })
    return {
      steps: [
        { sql: SAME_NUMBER, parameters: [rows.length], query: 'test', expect: MOVED },
        ...rows.map((row) => rewrapped(row, from, to)),
      ],
      entry: {
        actor: 'command line',
        action: 'master-key-rotated',
        tenantId: INSTALLATION,
        detail: { from: from.id, to: to.id, keys: rows.length },
      },
      result: rows.length,
    }
  })
  return count ?? 0
}
