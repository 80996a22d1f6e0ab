/**
 * Writes the mail that carries a report: multipart/report with a text for people and the compressed report, signed with DKIM. Sends and
 * stores nothing.
 */
import { chooseBoundary, encodeBase64Lines, foldHeader } from '@siegel/engine'
import type { DomainKey, MailAuthentication } from '../mail/authentication.ts'
import { measure } from '../mail/measure.ts'
import type { MailId, ReceivedMail } from '../mail/message.ts'
import { mailDate } from '../mail/notices/date.ts'
import { formatPath } from '../smtp/address.ts'
import { dayName } from './day.ts'
import { compressedReport, reportFileName, type DayReport } from './report.ts'

/** What a mail is made from. */
export interface ReportMailInput {
  readonly report: DayReport
  /** The mail's own id. */
  readonly id: MailId
  readonly tenantId: string
  /** Mail address, in the domain of the keys. */
  readonly sender: string
  /** Mail address. */
  readonly recipient: string
  /** At least one. */
  readonly keys: readonly DomainKey[]
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Writes and signs the mail. RFC 8460 5.3 */
export async function writeReportMail(
  input: ReportMailInput,
  authentication: Pick<MailAuthentication, 'stamp'>,
): Promise<{ readonly mail: ReceivedMail; readonly bytes: Buffer }> {
  const { id, tenantId, sender, recipient, keys, now, report } = input
  const body = bodyOf(report)
  const boundary = chooseBoundary(id, body)
  const [human, data] = body
  const delimited = Buffer.concat([
    Buffer.from(`--${boundary}\r\n`),
    human,
    Buffer.from(`\r\n--${boundary}\r\n`),
    data,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])
  const messageId = `<${id}@${report.submitter}>`
  const header = Buffer.concat([
    foldHeader('Date', mailDate(now)),
    foldHeader('From', formatPath(sender)),
    foldHeader('To', formatPath(recipient)),
    // RFC 8460 5.3.1
    foldHeader(
      'Subject',
      `Report Domain: ${report.domain} Submitter: ${report.submitter} Report-ID: <${report.id}@${report.submitter}>`,
    ),
    foldHeader('Message-ID', messageId),
    foldHeader('TLS-Report-Domain', report.domain),
    foldHeader('TLS-Report-Submitter', report.submitter),
    // RFC 3834 5
    foldHeader('Auto-Submitted', 'auto-generated'),
    foldHeader('MIME-Version', '1.0'),
    foldHeader('Content-Type', `multipart/report; report-type="tlsrpt"; boundary="${boundary}"`),
    Buffer.from('\r\n'),
  ])
  // RFC 8460 3: signed with DKIM, the whole body; the port never writes `l=`
  const { fields } = await authentication.stamp({ chunks: [header, delimited], seal: null, sign: keys, now })
  const whole = Buffer.concat([fields, header])
  const { bareLineEnds, ...facts } = measure([whole], [delimited])
  return {
    bytes: Buffer.concat([whole, delimited]),
    mail: {
      ...{ id, tenantId, direction: 'report', receivedAt: now, receivedField: '', peer: null },
      envelope: {
        ...{ sender, smtpUtf8: false, body: '7BIT', returnContent: 'HDRS', envelopeId: null },
        recipients: [{ address: recipient, notify: ['NEVER'], originalRecipient: null }],
      },
      body: { ...facts, bareLineEnds, headerSize: whole.length, nul: false },
      ...{ attribution: null, messageId, networkMessageId: null, via: 'local' },
    },
  }
}

function bodyOf(report: DayReport): [Buffer, Buffer] {
  const human = [
    `This is a report about TLS in SMTP (RFC 8460) that ${report.submitter} sends to`,
    `${report.domain}, of the sessions on ${dayName(report.day)} (UTC).`,
    'The report is the compressed JSON text in the attached file.',
  ]
  return [
    Buffer.concat([
      foldHeader('Content-Type', 'text/plain; charset=us-ascii'),
      foldHeader('Content-Language', 'en'),
      Buffer.from(['', ...human, ''].join('\r\n')),
    ]),
    Buffer.concat([
      foldHeader('Content-Type', 'application/tlsrpt+gzip'),
      foldHeader('Content-Transfer-Encoding', 'base64'),
      foldHeader('Content-Disposition', `attachment; filename="${reportFileName(report)}"`),
      Buffer.from('\r\n'),
      encodeBase64Lines([compressedReport(report)]),
    ]),
  ]
}
