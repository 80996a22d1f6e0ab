/** MAIL begins a transaction: checks order, the reverse path and the parameters. Who may send is said by attribution. RFC 5321 4.1.1.2 */
import { isAscii, parsePath } from '../../../smtp/address.ts'
import { isFault, parseMailParameters } from '../../../smtp/parameters.ts'
import { formatReply } from '../../../smtp/reply.ts'
import type { Conversation, Verb } from '../conversation.ts'
import * as REPLIES from '../replies.ts'

export const mail: Verb = (conversation, argument) => {
  const disorder = orderFault(conversation)
  if (disorder !== null) {
    conversation.fault(disorder)
    return
  }
  if (argument.slice(0, 5).toUpperCase() !== 'FROM:') {
    conversation.fault(REPLIES.BAD_ARGUMENT)
    return
  }
  const path = parsePath(argument.slice(5), 'reverse')
  if (typeof path === 'string') {
    conversation.fault(REPLIES.BAD_SENDER)
    return
  }
  const parameters = parseMailParameters(path.rest)
  if (isFault(parameters)) {
    conversation.fault(formatReply(parameters.code, parameters.enhanced, [parameters.text]))
    return
  }
  if (!parameters.smtpUtf8 && !isAscii(path.mailbox)) {
    conversation.fault(REPLIES.NEEDS_SMTPUTF8)
    return
  }
  // RFC 1870 6.1: refused at once, before a byte of it travels
  if (parameters.size !== null && parameters.size > conversation.options.limits.messageSize) {
    conversation.reply(REPLIES.TOO_LARGE)
    return
  }
  conversation.begin({
    id: conversation.ports.newId(),
    sender: path.mailbox,
    parameters,
    recipients: [],
    overshoot: 0,
    reception: null,
  })
}

function orderFault(conversation: Conversation): string | null {
  // RFC 3207 4
  if (!conversation.secure) return REPLIES.TLS_REQUIRED
  if (conversation.greeting === null) return REPLIES.HELLO_FIRST
  return conversation.transaction === null ? null : REPLIES.MAIL_TWICE
}
