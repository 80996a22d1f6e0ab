/**
 * Makes the bodies that a turn has made safe: copies that somebody still waits for, and notices. A body that is not safe is
 * named by no settlement.
 */
import type { Bodies, BodyRef } from '../body.ts'
import type { Turn } from '../turn.ts'
import type { FreshCopies, JourneyOptions } from './ports.ts'

/** Copies that somebody still waits for are made safe before the settlement names them. */
export async function keepCopies(options: JourneyOptions, turn: Turn, fresh: FreshCopies): Promise<void> {
  const { tenantId } = turn.queued.mail
  for (const { number } of turn.copiesToKeep) {
    const treated = fresh.get(number)
    if (treated === undefined) continue
    await writeBody(options.bodies, { tenantId, mailId: turn.id, copy: number }, treated.chunks)
  }
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
