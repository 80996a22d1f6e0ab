/** DATA: the mail follows up to the line with the dot. RFC 5321 4.1.1.4 */
import type { Verb } from '../conversation.ts'
import * as REPLIES from '../replies.ts'

export const data: Verb = (conversation, argument) => {
  const { transaction } = conversation
  if (!conversation.secure) conversation.fault(REPLIES.TLS_REQUIRED)
  else if (argument !== '') conversation.fault(REPLIES.BAD_ARGUMENT)
  else if (transaction === null) conversation.fault(REPLIES.MAIL_FIRST)
  // RFC 3030 2
  else if (transaction.reception !== null) conversation.fault(REPLIES.MIXED_DATA)
  // RFC 5321 3.3
  else if (transaction.recipients.length === 0) conversation.fault(REPLIES.NO_RECIPIENTS)
  else conversation.startData()
}
