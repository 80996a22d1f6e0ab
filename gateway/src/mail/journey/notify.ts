/**
 * What the sender is told of a turn: decides for each delivery whether there is something to tell, and has the notice written.
 * A notice carries the mail as it was received, never as it was treated.
 */
import { BodyDamaged } from '../body.ts'
import type { ReceivedMail } from '../message.ts'
import { noticeWanted, writeNotice, type NoticeKind, type NoticeRecipient } from '../notices/notice.ts'
import type { Delivery } from '../queue/ports.ts'
import type { Tenant } from '../tenant.ts'
import { isFinal, type Turn } from '../turn.ts'
import { writeBody } from './keep.ts'
import { givenUpAt } from './onboarding.ts'
import type { JourneyOptions } from './ports.ts'

/** What the sender is told of this turn: failures, relays without DSN, and delays; one notice for all recipients. */
export async function writeNotices(options: JourneyOptions, turn: Turn, tenant: Tenant): Promise<void> {
  const now = options.now()
  const { mail, deliveries: before } = turn.queued
  const told: NoticeRecipient[] = []
  for (const delivery of turn.deliveries) {
    const earlier = before.find((candidate) => candidate.number === delivery.number)
    const kind = noticeKind(options, mail, delivery, earlier?.state !== delivery.state, now)
    if (kind === null || !noticeWanted(mail, delivery.recipient, kind)) continue
    told.push({
      recipient: delivery.recipient,
      kind,
      status: statusOf(kind, delivery),
      reply: delivery.lastReply,
      remoteHost: turn.hostOf(delivery.number),
      lastAttemptAt: delivery.attempts > 0 ? now : null,
      willRetryUntil: kind === 'delayed' ? givenUpAt(delivery, tenant) : null,
      reason: delivery.lastReason ?? { code: kind === 'relayed' ? 'relayed' : 'deferred', arguments: {} },
    })
    if (kind === 'delayed') turn.change(delivery.number, { delayNoticed: true })
  }
  if (told.length === 0) return
  const id = options.newId()
  const notice = writeNotice({
    mail,
    tenant,
    recipients: told,
    original: await returnedContent(options, mail),
    id,
    now,
  })
  await writeBody(options.bodies, { tenantId: mail.tenantId, mailId: id, copy: 0 }, notice.chunks)
  turn.notice({
    mail: notice.mail,
    expiresAt: now + options.lifetime.expiryMs,
    owner: null,
    trace: [
      {
        at: now,
        code: 'notice-written',
        delivery: null,
        arguments: { about: mail.id, kinds: [...new Set(told.map((one) => one.kind))] },
      },
    ],
  })
  turn.trace(now, 'notice-sent', null, { notice: id })
}

/** What there is to tell of a delivery after this turn; null for nothing. Delays are told to senders inside only. */
function noticeKind(
  options: JourneyOptions,
  mail: ReceivedMail,
  delivery: Delivery,
  changed: boolean,
  now: number,
): NoticeKind | null {
  if (changed && delivery.state === 'bounced') return 'failed'
  if (changed && delivery.state === 'relayed') return 'relayed'
  if (isFinal(delivery.state) || delivery.delayNoticed || mail.direction !== 'outbound') return null
  return now >= mail.receivedAt + options.lifetime.delayNoticeMs ? 'delayed' : null
}

/** RFC 3463 2: the peer's own status where it gave one of the right class, else what we know. */
function statusOf(kind: NoticeKind, delivery: Delivery): string {
  const wanted = kind === 'failed' ? '5' : kind === 'delayed' ? '4' : '2'
  const said = delivery.lastReply?.enhanced ?? null
  if (said?.startsWith(`${wanted}.`) === true) return said
  const planned = delivery.lastReason?.arguments['status']
  if (typeof planned === 'string' && planned.startsWith(`${wanted}.`)) return planned
  return { failed: '5.4.7', delayed: '4.4.7', relayed: '2.0.0' }[kind]
}

/** Larger mails come back as headers only. */
const LARGEST_RETURNED = 1024 * 1024

/** The mail as it was received, for a notice; null when it cannot be read any more. */
async function returnedContent(
  options: JourneyOptions,
  mail: ReceivedMail,
): Promise<{ header: Buffer; full: Buffer | null } | null> {
  try {
    const wanted = mail.body.size <= LARGEST_RETURNED ? mail.body.size : mail.body.headerSize
    const pieces: Buffer[] = []
    let size = 0
    for await (const piece of options.bodies.read({ tenantId: mail.tenantId, mailId: mail.id, copy: 0 })) {
      pieces.push(piece)
      size += piece.length
      if (size >= wanted && wanted < mail.body.size) break
    }
    const bytes = Buffer.concat(pieces)
    return { header: bytes.subarray(0, mail.body.headerSize), full: wanted === mail.body.size ? bytes : null }
  } catch (error) {
    if (!(error instanceof BodyDamaged)) throw error
    return null
  }
}
