/**
 * The journey's first stretch: a received mail becomes safe, and the worker that took it goes on with it if it has room.
 * What is lost if it fails: nothing; the peer was not answered 250.
 */
import type { ReceivedMail } from '../message.ts'
import type { Delivery, QueuedMail } from '../queue/ports.ts'
import type { TraceEvent } from '../trace.ts'
import type { JourneyOptions, Places } from './ports.ts'

/**
 * Resolves when all parts of a mail are safe; each is in hand then, or due for whoever claims it.
 * Rejects with StorageError: then none of them is.
 */
export async function safe(
  options: JourneyOptions,
  parts: readonly ReceivedMail[],
  places: Places,
): Promise<void> {
  const taken = parts.map((mail) => ({
    mail,
    expiresAt: mail.receivedAt + options.lifetime.expiryMs,
    owner: places.reserve(),
    trace: [receivedEvent(mail), ...markEvent(mail)],
  }))
  let isSafe = false
  try {
    await options.queue.accept(...taken)
    isSafe = true
  } finally {
    for (const { mail, expiresAt, owner } of taken)
      if (owner !== null) places.redeem(isSafe ? freshMail(mail, expiresAt) : null)
  }
}

/** A mail as the queue would give it, without asking it. */
function freshMail(mail: ReceivedMail, expiresAt: number): QueuedMail {
  return { mail, plan: null, copies: [], deliveries: freshDeliveries(mail, expiresAt), crashes: 0 }
}

function receivedEvent(mail: ReceivedMail) {
  const { attribution, peer, body } = mail
  return {
    at: mail.receivedAt,
    code: 'received',
    delivery: null,
    arguments: {
      direction: mail.direction,
      via: mail.via,
      size: body.size,
      peer:
        peer === null
          ? null
          : {
              address: peer.address,
              helo: peer.helo,
              tls: peer.tls === null ? null : `${peer.tls.version} ${peer.tls.cipher}`,
            },
      factors: [...(attribution?.factors ?? [])],
      removed: (attribution?.removedFields ?? []).map(({ name, reason }) => ({ name, reason })),
      earlierPasses: attribution?.earlierPasses ?? 0,
    },
  }
}

/** A test mail of an open round trip is told by this event; there is none of any other mail. */
function markEvent({ attribution, receivedAt, direction }: ReceivedMail): TraceEvent[] {
  if (attribution?.roundTripMark !== true) return []
  const args = { leg: direction, pass: attribution.earlierPasses + 1 }
  return [{ at: receivedAt, code: 'round-trip-mark', delivery: null, arguments: args }]
}

function freshDeliveries(mail: ReceivedMail, expiresAt: number): Delivery[] {
  return mail.envelope.recipients.map((recipient, number) => ({
    number,
    recipient,
    state: 'waiting',
    copy: null,
    attempts: 0,
    dueAt: mail.receivedAt,
    expiresAt,
    delayNoticed: false,
    lastReason: null,
    lastReply: null,
  }))
}
