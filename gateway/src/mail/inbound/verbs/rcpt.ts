/** RCPT adds a recipient: checks order, number, the forward path and the parameters. RFC 5321 4.1.1.3 */
import { isAscii, parsePath } from '../../../smtp/address.ts'
import { isFault, parseRecipientParameters } from '../../../smtp/parameters.ts'
import { formatReply } from '../../../smtp/reply.ts'
import type { Conversation, Verb } from '../conversation.ts'
import type { Refusal } from '../ports.ts'
import * as REPLIES from '../replies.ts'
import type { Transaction } from '../transaction.ts'

/** Recipients over the limit, or refused by a map, that are refused kindly; beyond, each counts as a mistake. */
const OVERSHOOT = 1000

export const rcpt: Verb = (conversation, argument) => {
  const { transaction } = conversation
  if (!conversation.secure) conversation.fault(REPLIES.TLS_REQUIRED)
  else if (transaction === null) conversation.fault(REPLIES.MAIL_FIRST)
  else if (transaction.reception !== null) conversation.fault(REPLIES.RCPT_TOO_LATE)
  else if (argument.slice(0, 3).toUpperCase() !== 'TO:') conversation.fault(REPLIES.BAD_ARGUMENT)
  else if (transaction.recipients.length >= conversation.options.limits.recipients) {
    // RFC 5321 4.5.3.1.10
    if (++transaction.overshoot > OVERSHOOT) conversation.fault(REPLIES.TOO_MANY_RECIPIENTS)
    else conversation.reply(REPLIES.TOO_MANY_RECIPIENTS)
  } else {
    const path = parsePath(argument.slice(3), 'forward')
    if (typeof path === 'string') {
      conversation.fault(REPLIES.BAD_RECIPIENT)
      return
    }
    const { smtpUtf8 } = transaction.parameters
    const parameters = parseRecipientParameters(path.rest, smtpUtf8)
    if (isFault(parameters)) {
      conversation.fault(formatReply(parameters.code, parameters.enhanced, [parameters.text]))
    } else if (!smtpUtf8 && !isAscii(path.mailbox)) conversation.fault(REPLIES.NEEDS_SMTPUTF8)
    else {
      const refusal = conversation.ports.recipient(path.mailbox)
      if (refusal !== null) refuse(conversation, transaction, path.mailbox, refusal)
      else {
        transaction.recipients.push({ address: path.mailbox, ...parameters })
        conversation.reply(REPLIES.RECIPIENT_OK)
      }
    }
  }
}

/** The operator reads which line it was; the peer hears what the line says. */
function refuse(
  conversation: Conversation,
  transaction: Transaction,
  recipient: string,
  { code, enhanced, text, reason, detail }: Refusal,
): void {
  const { options, address } = conversation
  options.log.info('recipient-refused', { mail: transaction.id, address, recipient, reason, detail })
  const reply = formatReply(code, enhanced, [text])
  // RFC 5321 4.2.1: the server closes the connection with this
  if (code === 421 || code === 521) conversation.farewell(reply)
  else if (++transaction.overshoot > OVERSHOOT) conversation.fault(reply)
  else conversation.reply(reply)
}
