/**
 * Removes bodies that nothing needs any more: of mails that are finished, of copies that nobody waits for, and files without
 * any row (left by a crash, or come back after a power cut). Young files are left alone: their row may be on its way.
 */
import type { Lookups } from './sqlite/lookups.ts'
import type { Spool, SpoolFile } from './spool/spool.ts'

/** A file younger than this may belong to a mail that is being taken. */
const YOUNG_MS = 3_600_000

const OPEN_COPY =
  'select 1 as needed from mail m where m.tenant_id = ?1 and m.id = ?2 and m.final_at is null and (?3 = 0 or exists ' +
  "(select 1 from delivery d where d.tenant_id = ?1 and d.mail_id = ?2 and d.copy = ?3 and d.state not in ('delivered', 'relayed', 'bounced', 'discarded')))"

/**
 * Sweeps once.
 * @returns how many files were removed
 * @throws StorageError
 */
export async function sweep(spool: Spool, lookups: Lookups, now: number): Promise<number> {
  const tenants = lookups
    .all({ sql: 'select tenant_id from tenant', parameters: [] })
    .map((row) => String(row['tenant_id']))
  const needed = (file: SpoolFile): boolean =>
    !file.temporary &&
    tenants.some(
      (tenantId) =>
        lookups.get({ sql: OPEN_COPY, parameters: [tenantId, file.mailId, file.copy] }) !== undefined,
    )
  let removed = 0
  for await (const files of spool.files())
    for (const file of files) {
      if (needed(file)) continue
      const written = await spool.lastWrittenAt(file)
      if (written === null || now - written < YOUNG_MS) continue
      await spool.removeFile(file)
      removed++
    }
  return removed
}
