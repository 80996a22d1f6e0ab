/**
 * Looks whether what is kept is whole: the database's own check, the keys, the audit chain, and the body of every mail that
 * is not finished. Reads only, repairs nothing.
 */
import { sql, type Kysely } from 'kysely'
import type { Bodies, BodyRef } from '../mail/body.ts'
import { BodyDamaged, StoreRefused } from '../observe/failures.ts'
import { brokenAt } from './audit-log.ts'
import type { Tables } from './schema.ts'
import type { SealingKeys } from './sealing-keys.ts'

/** Rows read at once. */
const AT_ONCE = 500

/** Problems reported at most. */
const MOST_PROBLEMS = 1000

/** One thing that is not whole. */
export interface Problem {
  readonly code: 'database-damaged' | 'audit-broken' | 'key-damaged' | 'body-damaged'
  /** For the operator. */
  readonly detail: string
}

async function checkDatabase(db: Kysely<Tables>): Promise<Problem[]> {
  const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(db)
  const foreign = await sql<{ table: string }>`pragma foreign_key_check`.execute(db)
  return [
    ...rows.map((row) => row.integrity_check).filter((text) => text !== 'ok'),
    ...foreign.rows.map((row) => `a row of ${row.table} belongs to nothing`),
  ].map((detail) => ({ code: 'database-damaged', detail }))
}

async function checkAudit(db: Kysely<Tables>): Promise<Problem[]> {
  let last = { number: 0, hash: '' }
  for (;;) {
    const rows = await db
      .selectFrom('audit_log')
      .selectAll()
      .where('number', '>', last.number)
      .orderBy('number')
      .limit(AT_ONCE)
      .execute()
    // The oldest entry may have reached the end of its term; from there on the chain must hold.
    const start = last.number === 0 ? (rows[0]?.previous_hash ?? '') : last.hash
    const broken = brokenAt(
      rows.map((row) => ({ ...row })),
      start,
    )
    if (broken !== null) return [{ code: 'audit-broken', detail: `entry ${broken} of the audit log` }]
    const end = rows.at(-1)
    if (end === undefined) return []
    last = end
  }
}

async function checkKeys(db: Kysely<Tables>, keys: SealingKeys): Promise<Problem[]> {
  const problems: Problem[] = []
  for (const { tenant_id: tenantId, id } of await db
    .selectFrom('sealing_key')
    .select(['tenant_id', 'id'])
    .execute())
    try {
      keys.find(tenantId, id)
    } catch (error) {
      if (!(error instanceof StoreRefused)) throw error
      problems.push({ code: 'key-damaged', detail: error.message })
    }
  return problems
}

async function checkBodies(db: Kysely<Tables>, bodies: Bodies): Promise<Problem[]> {
  const problems: Problem[] = []
  let after = { tenant_id: '', id: '' }
  while (problems.length < MOST_PROBLEMS) {
    const mails = await db
      .selectFrom('mail')
      .select(['tenant_id', 'id'])
      .where('final_at', 'is', null)
      .where(sql<boolean>`(tenant_id, id) > (${after.tenant_id}, ${after.id})`)
      .orderBy('tenant_id')
      .orderBy('id')
      .limit(AT_ONCE)
      .execute()
    for (const mail of mails) problems.push(...(await checkMail(db, bodies, mail)))
    const end = mails.at(-1)
    if (end === undefined) break
    after = end
  }
  return problems
}

async function checkMail(
  db: Kysely<Tables>,
  bodies: Bodies,
  { tenant_id: tenantId, id }: { tenant_id: string; id: string },
): Promise<Problem[]> {
  const awaited = await db
    .selectFrom('delivery')
    .leftJoin('copy', (join) =>
      join
        .onRef('copy.tenant_id', '=', 'delivery.tenant_id')
        .onRef('copy.mail_id', '=', 'delivery.mail_id')
        .onRef('copy.number', '=', 'delivery.copy'),
    )
    .select(['delivery.copy', 'copy.turn'])
    .distinct()
    .where('delivery.tenant_id', '=', tenantId)
    .where('delivery.mail_id', '=', id)
    .where('delivery.copy', 'is not', null)
    .where('delivery.state', 'in', ['queued', 'held'])
    .execute()
  const problems: Problem[] = []
  const refs: BodyRef[] = [{ tenantId, mailId: id, copy: 0 }]
  for (const { copy, turn } of awaited)
    if (copy === null || turn === null)
      problems.push({ code: 'database-damaged', detail: `mail ${id} has no copy ${String(copy)}` })
    else refs.push({ tenantId, mailId: id, copy, turn })
  for (const ref of refs)
    try {
      await readThrough(bodies.read(ref))
    } catch (error) {
      if (!(error instanceof BodyDamaged)) throw error
      // It may have been finished, and its body removed, while this looked.
      if (await isOpen(db, tenantId, id)) problems.push({ code: 'body-damaged', detail: error.message })
    }
  return problems
}

async function readThrough(body: AsyncIterable<Buffer>): Promise<void> {
  const pieces = body[Symbol.asyncIterator]()
  while ((await pieces.next()).done !== true);
}

async function isOpen(db: Kysely<Tables>, tenantId: string, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('mail')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('final_at', 'is', null)
    .executeTakeFirst()
  return row !== undefined
}

/**
 * Checks everything; takes as long as reading all of it.
 * @returns what is not whole; empty when all is well
 * @throws StorageError when something cannot be read at all
 */
export async function checkIntegrity(
  db: Kysely<Tables>,
  bodies: Bodies,
  keys: SealingKeys,
): Promise<Problem[]> {
  const problems = [...(await checkDatabase(db)), ...(await checkAudit(db)), ...(await checkKeys(db, keys))]
  return [...problems, ...(await checkBodies(db, bodies))]
}
