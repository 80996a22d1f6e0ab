/**
 * DATA: the mail follows up to the line with the dot, once the peer was told to begin. RFC 5321 4.1.1.4. Ends the connection when
 * anything stands behind it: were DATA refused, a mail that was sent all the same would be taken for commands.
 */
import type { Verb } from '../conversation.ts'
import * as REPLIES from '../replies.ts'

export const data: Verb = (conversation, argument) => {
  const { transaction } = conversation
  // RFC 2920 3.1: the last command of a group
  if (conversation.hasMoreInput) conversation.farewell(REPLIES.NOT_LAST)
  else if (!conversation.secure) conversation.fault(REPLIES.TLS_REQUIRED)
  else if (argument !== '') conversation.fault(REPLIES.BAD_ARGUMENT)
  else if (transaction === null) conversation.fault(REPLIES.MAIL_FIRST)
  // RFC 3030 2
  else if (transaction.reception !== null) conversation.fault(REPLIES.MIXED_DATA)
  // RFC 5321 3.3
  else if (transaction.recipients.length === 0) conversation.fault(REPLIES.NO_RECIPIENTS)
  else conversation.startData()
}
