/**
 * Mails, deliveries and copies as rows and back. What policy and treatment never ask for by itself lies together in
 * `mail.detail` as JSON; what is searched or decided on has a column. Knows the tables, runs nothing.
 */
import type { Envelope, Notify, Recipient } from '../mail/envelope.ts'
import type { ReceivedMail } from '../mail/message.ts'
import type { PeerReply } from '../mail/outcome.ts'
import type { Plan, Reason, Treatment } from '../mail/plan.ts'
import type { Copy, Delivery, DeliveryState, NewMail, QueuedMail } from '../mail/queue/ports.ts'
import type { SqlRow, SqlValue, Step } from './sqlite/messages.ts'

/** The part of a mail that lies in `mail.detail`. */
interface Detail {
  readonly envelope: Omit<Envelope, 'recipients' | 'sender'>
  readonly receivedField: string
  readonly peer: ReceivedMail['peer']
  readonly body: ReceivedMail['body']
  readonly attribution: ReceivedMail['attribution']
  readonly via: ReceivedMail['via']
}

/** The part of a copy that lies in `copy.content`. */
type CopyContent = Pick<Copy, 'eightBit' | 'eightBitHeader' | 'bareLineEnds' | 'longestLine'>

/** Look-up form of an address: without regard to case. */
export function addressKey(address: string): string {
  return address.toLowerCase()
}

const INSERT_MAIL =
  'insert into mail (tenant_id, id, direction, sender, sender_key, received_at, size, message_id, network_message_id, detail, ' +
  'crashes, lease_owner, lease_until, next_due_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)'
const INSERT_DELIVERY =
  'insert into delivery (tenant_id, mail_id, number, address, address_key, notify, original_recipient, state, copy, attempts, ' +
  "due_at, expires_at, delay_noticed) values (?, ?, ?, ?, ?, ?, ?, 'waiting', null, 0, ?, ?, 0)"
const INSERT_TRACE = 'insert into trace (tenant_id, mail_id, number, at, events) values (?, ?, 0, ?, ?)'

/**
 * The steps that keep a new mail.
 * @param leaseUntil - end of the owner's lease, milliseconds since 1970
 */
export function newMailSteps({ mail, expiresAt, owner, trace }: NewMail, leaseUntil: number): Step[] {
  const { envelope, tenantId, id, receivedAt } = mail
  const { recipients, sender, ...rest } = envelope
  const { receivedField, peer, body, attribution, via } = mail
  const detail: Detail = { envelope: rest, receivedField, peer, body, attribution, via }
  return [
    {
      sql: INSERT_MAIL,
      parameters: [
        tenantId,
        id,
        mail.direction,
        sender,
        addressKey(sender),
        receivedAt,
        body.size,
        mail.messageId,
        mail.networkMessageId,
        JSON.stringify(detail),
        owner,
        owner === null ? null : leaseUntil,
        receivedAt,
      ],
    },
    ...recipients.map(({ address, notify, originalRecipient }, number): Step => ({
      sql: INSERT_DELIVERY,
      parameters: [
        tenantId,
        id,
        number,
        address,
        addressKey(address),
        notify === null ? null : notify.join(','),
        originalRecipient,
        receivedAt,
        expiresAt,
      ],
    })),
    { sql: INSERT_TRACE, parameters: [tenantId, id, receivedAt, JSON.stringify(trace)] },
  ]
}

const INSERT_COPY =
  'insert into copy (tenant_id, mail_id, number, turn, size, decrypted, treatment, content) values (?, ?, ?, ?, ?, ?, ?, ?)'

/** The step that keeps a copy. */
export function newCopyStep(tenantId: string, mailId: string, copy: Copy): Step {
  const { eightBit, eightBitHeader, bareLineEnds, longestLine } = copy
  const content: CopyContent = { eightBit, eightBitHeader, bareLineEnds, longestLine }
  return {
    sql: INSERT_COPY,
    parameters: [
      tenantId,
      mailId,
      copy.number,
      copy.turn,
      copy.size,
      copy.decrypted ? 1 : 0,
      JSON.stringify(copy.treatment),
      JSON.stringify(content),
    ],
  }
}

/** JSON of a row; null for NULL. The store has written it, so its shape is the writer's. */
function parsed(value: SqlValue | undefined): unknown {
  return typeof value === 'string' ? JSON.parse(value) : null
}

function textOrNull(value: SqlValue | undefined): string | null {
  return typeof value === 'string' ? value : null
}

function numberOrNull(value: SqlValue | undefined): number | null {
  return value === null || value === undefined ? null : Number(value)
}

function recipientOf(row: SqlRow): Recipient {
  const notify = textOrNull(row['notify'])
  return {
    address: String(row['address']),
    notify: notify === null ? null : (notify.split(',') as Notify[]),
    originalRecipient: textOrNull(row['original_recipient']),
  }
}

function deliveryOf(row: SqlRow): Delivery {
  return {
    number: Number(row['number']),
    recipient: recipientOf(row),
    state: String(row['state']) as DeliveryState,
    copy: numberOrNull(row['copy']),
    attempts: Number(row['attempts']),
    dueAt: numberOrNull(row['due_at']),
    expiresAt: Number(row['expires_at']),
    delayNoticed: row['delay_noticed'] === 1,
    lastReason: parsed(row['last_reason']) as Reason | null,
    lastReply: parsed(row['last_reply']) as PeerReply | null,
  }
}

function copyOf(row: SqlRow): Copy {
  return {
    number: Number(row['number']),
    turn: String(row['turn']),
    size: Number(row['size']),
    decrypted: row['decrypted'] === 1,
    treatment: parsed(row['treatment']) as Treatment,
    ...(parsed(row['content']) as CopyContent),
  }
}

/** A mail from its rows. */
export function queuedMailOf(
  mail: SqlRow,
  deliveries: readonly SqlRow[],
  copies: readonly SqlRow[],
  plan: SqlRow | undefined,
): QueuedMail {
  const { envelope, ...detail } = parsed(mail['detail']) as Detail
  return {
    mail: {
      id: String(mail['id']),
      tenantId: String(mail['tenant_id']),
      direction: String(mail['direction']) as ReceivedMail['direction'],
      envelope: { ...envelope, sender: String(mail['sender']), recipients: deliveries.map(recipientOf) },
      receivedAt: Number(mail['received_at']),
      messageId: textOrNull(mail['message_id']),
      networkMessageId: textOrNull(mail['network_message_id']),
      ...detail,
    },
    plan: plan === undefined ? null : (parsed(plan['plan']) as Plan),
    copies: copies.map(copyOf),
    deliveries: deliveries.map(deliveryOf),
    crashes: Number(mail['crashes']),
  }
}
