/**
 * Makes the bodies that a turn has made safe: copies that somebody still waits for, and notices. A body that is not safe is
 * named by no settlement.
 */
import { copyBody, type Bodies, type BodyRef } from '../body.ts'
import type { Turn } from '../turn.ts'
import type { FreshCopies, JourneyOptions } from './ports.ts'

/** Copies that somebody still waits for are made safe before the settlement names them. */
export async function keepCopies(options: JourneyOptions, turn: Turn, fresh: FreshCopies): Promise<void> {
  for (const copy of turn.copiesToKeep) {
    const treated = fresh.get(copy.number)
    if (treated === undefined) continue
    await writeBody(options.bodies, copyBody(turn.queued.mail, copy), treated.chunks)
  }
}

/** Removes what a turn has made safe but could not settle because its lease was lost: no row will ever name it. */
export async function discardKept(options: JourneyOptions, turn: Turn): Promise<void> {
  const { tenantId } = turn.queued.mail
  await Promise.all([
    ...turn.copiesToKeep.map((copy) => options.bodies.remove(copyBody(turn.queued.mail, copy))),
    ...turn.noticeIds.map((mailId) => options.bodies.remove({ tenantId, mailId, copy: 0 })),
  ])
}

/** Writes a body as a whole; nothing of it stays when it fails. */
export async function writeBody(bodies: Bodies, ref: BodyRef, chunks: readonly Buffer[]): Promise<void> {
  const writer = bodies.create(ref)
  try {
    for (const chunk of chunks) await writer.write(chunk)
    await writer.finish()
  } catch (error) {
    await writer.abort()
    throw error
  }
}
