// The mail by which Exchange Online tests an outbound connector. It goes through the connector and past all rules.
// Its sender is observed; what else stands in it is not verified in a real tenant.
import { randomUUID } from 'node:crypto'
import { mailDate } from './message/dates.ts'
import { Message } from './message/message.ts'

/** Local part of the sender. */
const SENDER = 'O365ConnectorValidation'

/** The mail and its sender. */
export function validationMail(
  domain: string,
  recipients: readonly string[],
  at: Date,
): { sender: string; message: Message } {
  const sender = `${SENDER}@${domain}`
  const lines = [
    `From: <${sender}>`,
    `To: ${recipients.map((one) => `<${one}>`).join(', ')}`,
    'Subject: Test email for connector validation',
    `Date: ${mailDate(at)}`,
    `Message-ID: <${randomUUID()}@${domain}>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'This is an email sent by Microsoft 365 to validate a connector.',
    '',
  ]
  return { sender, message: Message.parse(Buffer.from(lines.join('\r\n'))) }
}
