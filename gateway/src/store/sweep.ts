/**
 * Removes what nothing needs any more: bodies of finished mails, of copies that nobody waits for, files without any row (left
 * by a crash, or come back after a power cut), and the rows of finished mails whose trace is over its term. Files whose rows
 * may be on their way are left alone while they are young.
 */
import type { Kysely } from 'kysely'
import { idTimePrefix } from './row-id.ts'
import type { Tables } from './schema.ts'
import type { Spool, SpoolFile } from './spool/spool.ts'
import { compiler, stepOf } from './sqlite/dialect.ts'
import type { SqliteThread } from './sqlite/sqlite-thread.ts'

/** A file younger than this may belong to a mail or a copy that is being taken. */
const YOUNG_MS = 3_600_000

/** Mails looked up, or removed, in one go: short enough to hold up nobody. */
const AT_ONCE = 500

const FINAL_STATES = ['delivered', 'relayed', 'bounced', 'discarded']

/** What the store knows of the mails of some files. */
interface Known {
  /** All mails, and whether they are finished. */
  readonly mails: ReadonlyMap<string, boolean>
  /** Copies that a delivery still waits for, as `mail.copy-turn`. */
  readonly copies: ReadonlySet<string>
}

async function knownOf(db: Kysely<Tables>, mailIds: readonly string[]): Promise<Known> {
  const tenants = db.selectFrom('tenant').select('tenant_id')
  const mails = await db
    .selectFrom('mail')
    .select(['id', 'final_at'])
    .where('tenant_id', 'in', tenants)
    .where('id', 'in', mailIds)
    .execute()
  const copies = await db
    .selectFrom('delivery')
    .innerJoin('copy', (join) =>
      join
        .onRef('copy.tenant_id', '=', 'delivery.tenant_id')
        .onRef('copy.mail_id', '=', 'delivery.mail_id')
        .onRef('copy.number', '=', 'delivery.copy'),
    )
    .select(['delivery.mail_id', 'copy.number', 'copy.turn'])
    .where('delivery.tenant_id', 'in', tenants)
    .where('delivery.mail_id', 'in', mailIds)
    .where('delivery.state', 'not in', FINAL_STATES)
    .execute()
  return {
    mails: new Map(mails.map((mail) => [mail.id, mail.final_at !== null])),
    copies: new Set(copies.map((row) => `${row.mail_id}.${row.number}-${row.turn}`)),
  }
}

/** needed: stays. useless: goes at once. orphan: goes unless it is young. */
function judge(file: SpoolFile, { mails, copies }: Known): 'needed' | 'useless' | 'orphan' {
  const finished = mails.get(file.mailId)
  if (finished === true) return 'useless'
  if (finished === undefined || file.temporary) return 'orphan'
  const { mailId, copy, turn } = file
  return copy === 0 || copies.has(`${mailId}.${copy}-${turn ?? ''}`) ? 'needed' : 'orphan'
}

/**
 * Sweeps the spool once.
 * @param db - a reading thread
 * @param now - milliseconds since 1970
 * @returns how many files were removed
 * @throws StorageError
 */
export async function sweepBodies(spool: Spool, db: Kysely<Tables>, now: number): Promise<number> {
  let removed = 0
  for await (const files of spool.files())
    for (let start = 0; start < files.length; start += AT_ONCE) {
      const some = files.slice(start, start + AT_ONCE)
      const known = await knownOf(db, [...new Set(some.map((file) => file.mailId))])
      for (const file of some) {
        const verdict = judge(file, known)
        if (verdict === 'needed') continue
        if (verdict === 'orphan') {
          const writtenAt = await spool.lastWrittenAt(file)
          if (writtenAt === null || now - writtenAt < YOUNG_MS) continue
        }
        await spool.removeFile(file)
        removed += 1
      }
    }
  return removed
}

/**
 * Removes the rows of finished mails that were born before a time, some at a time.
 * @param before - milliseconds since 1970
 * @returns how many mails were removed
 * @throws StorageError
 */
export async function sweepTraces(db: Kysely<Tables>, writer: SqliteThread, before: number): Promise<number> {
  let removed = 0
  const tenants = await db.selectFrom('tenant').select('tenant_id').execute()
  for (const { tenant_id: tenantId } of tenants)
    for (;;) {
      const old = await db
        .selectFrom('mail')
        .select('id')
        .where('tenant_id', '=', tenantId)
        .where('id', '<', idTimePrefix(before))
        .where('final_at', 'is not', null)
        .orderBy('id')
        .limit(AT_ONCE)
        .execute()
      if (old.length === 0) break
      const ids = old.map(({ id }) => id)
      const parts = (['trace', 'plan', 'copy', 'delivery'] as const).map((table) =>
        stepOf(compiler.deleteFrom(table).where('tenant_id', '=', tenantId).where('mail_id', 'in', ids)),
      )
      const mails = stepOf(
        compiler.deleteFrom('mail').where('tenant_id', '=', tenantId).where('id', 'in', ids),
      )
      await writer.run([...parts, mails])
      removed += ids.length
    }
  return removed
}
