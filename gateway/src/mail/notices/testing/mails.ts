/**
 * Mails and inputs for the tests of notices. Plain values; every one may be changed by the test that uses it.
 */
import type { Recipient } from '../../envelope.ts'
import { newMailId } from '../../id.ts'
import type { ReceivedMail } from '../../message.ts'
import type { Tenant } from '../../tenant.ts'
import type { NoticeInput, NoticeRecipient } from '../input.ts'

/** The time of all notices. */
export const NOW = Date.UTC(2026, 10, 24, 6, 0, 0)

/** A tenant with a secret header and a processed word. */
export const tenant: Tenant = {
  id: newMailId(0),
  name: 'Contoso',
  microsoftTenantId: null,
  acceptedDomains: ['contoso.example'],
  fqdn: 'gateway.contoso.example',
  preset: 'recommended',
  secretHeader: { name: 'X-Contoso-Gate', outbound: ['hush'], inbound: ['hush'], retired: null },
  processedHeader: { name: 'X-Contoso-Done', outbound: ['done'], inbound: ['done'] },
  route: '[contoso.mail.protection.outlook.com]:25',
  outboundDelivery: 'office365',
  removeOwnDkim: false,
  initialDomain: null,
  arcSealing: null,
  dkimSigning: [],
  validation: null,
  roundTrip: null,
  onboarding: null,
  rotating: false,
  markerKey: Buffer.alloc(32),
  postmaster: null,
}

/** A recipient without DSN parameters. */
export const recipient: Recipient = { address: 'bob@partner.example', notify: null, originalRecipient: null }

/** A mail from inside, of a certain sender. */
export function mailFrom(sender: string): ReceivedMail {
  return {
    id: newMailId(NOW),
    tenantId: tenant.id,
    direction: 'outbound',
    envelope: {
      sender,
      smtpUtf8: false,
      body: null,
      returnContent: null,
      envelopeId: null,
      recipients: [recipient],
    },
    receivedAt: NOW - 60_000,
    receivedField: 'Received: by gateway.contoso.example\r\n',
    peer: null,
    body: {
      size: 0,
      headerSize: 0,
      eightBit: false,
      eightBitHeader: false,
      bareLineEnds: false,
      nul: false,
      longestLine: 0,
    },
    attribution: null,
    messageId: '<original@contoso.example>',
    networkMessageId: null,
    via: 'DATA',
  }
}

/** A failed recipient, changed as wanted. */
export function told(change: Partial<NoticeRecipient>): NoticeRecipient {
  return {
    recipient,
    kind: 'failed',
    status: '5.1.1',
    reply: { code: 550, enhanced: '5.1.1', text: '5.1.1 no such user\n5.1.1 see the rules' },
    remoteHost: 'mx.partner.example',
    lastAttemptAt: NOW - 30_000,
    willRetryUntil: NOW + 3_600_000,
    reason: { code: 'recipient-refused', arguments: {} },
    ...change,
  }
}

/** The original of a header section and a body. */
export function originalOf(
  header: string | Buffer,
  body: string | Buffer,
): NonNullable<NoticeInput['original']> {
  const section = Buffer.concat([Buffer.from(header), Buffer.from('\r\n')])
  return { header: section, full: Buffer.concat([section, Buffer.from(body)]) }
}

/** What {@link inputAbout} may change. */
export interface InputChange {
  readonly sender?: string
  readonly smtpUtf8?: boolean
  readonly direction?: ReceivedMail['direction']
  readonly returnContent?: 'FULL' | 'HDRS' | null
  readonly envelopeId?: string | null
  readonly messageId?: string | null
  readonly attribution?: ReceivedMail['attribution']
  readonly recipients?: readonly NoticeRecipient[]
  readonly original?: NoticeInput['original']
}

/** A notice about one failed recipient of a mail from inside. */
export function inputAbout(change: InputChange = {}): NoticeInput {
  const mail = mailFrom(change.sender ?? 'alice@contoso.example')
  return {
    mail: {
      ...mail,
      direction: change.direction ?? mail.direction,
      messageId: change.messageId === undefined ? mail.messageId : change.messageId,
      attribution: change.attribution ?? null,
      envelope: {
        ...mail.envelope,
        smtpUtf8: change.smtpUtf8 ?? false,
        returnContent: change.returnContent ?? null,
        envelopeId: change.envelopeId ?? null,
      },
    },
    tenant,
    recipients: change.recipients ?? [told({})],
    original:
      change.original === undefined
        ? originalOf('From: alice@contoso.example\r\nSubject: Hello\r\n', 'the body\r\n')
        : change.original,
    id: newMailId(NOW),
    now: NOW,
  }
}
