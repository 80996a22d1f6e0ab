/**
 * Makes the bodies that a turn has made safe: copies that somebody still waits for, and notices. A body that is not safe is
 * named by no settlement.
 */
import { copyBody, type Bodies, type BodyRef } from '../body.ts'
import type { Copy } from '../queue/ports.ts'
import type { TreatedCopy } from '../treatment/treat.ts'
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

/** Octets of copies that a turn holds in memory; what goes beyond waits in the spool. */
const MOST_IN_MEMORY = 4 * 1024 * 1024

/**
 * Holds a copy for the delivery of this turn: in memory, or in the spool when the turn's copies have become many. An encrypted
 * mail has a copy for every recipient, and whoever writes it says how many those are.
 */
export async function holdFresh(
  options: JourneyOptions,
  turn: Turn,
  fresh: FreshCopies,
  copy: Copy,
  treated: TreatedCopy,
): Promise<void> {
  fresh.set(copy.number, treated)
  const held = [...fresh.values()].reduce((sum, each) => sum + each.held, 0)
  if (treated.held === 0 || held <= MOST_IN_MEMORY) return
  turn.spooled(copy.number)
  await writeBody(options.bodies, copyBody(turn.queued.mail, copy), treated.chunks)
  await treated.release?.()
  fresh.delete(copy.number)
}

/** Removes what a turn has made safe but could not settle because its lease was lost: no row will ever name it. */
export async function discardKept(options: JourneyOptions, turn: Turn): Promise<void> {
  const { tenantId } = turn.queued.mail
  await Promise.all([
    ...turn.copiesWritten.map((copy) => options.bodies.remove(copyBody(turn.queued.mail, copy))),
    ...turn.noticeIds.map((mailId) => options.bodies.remove({ tenantId, mailId, copy: 0 })),
  ])
}

/** Writes a body as a whole; nothing of it stays when it fails. */
export async function writeBody(bodies: Bodies, ref: BodyRef, chunks: TreatedCopy['chunks']): Promise<void> {
  const writer = bodies.create(ref)
  try {
    for await (const chunk of chunks) await writer.write(chunk)
    await writer.finish()
  } catch (error) {
    await writer.abort()
    throw error
  }
}
