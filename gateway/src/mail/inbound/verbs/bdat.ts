/**
 * BDAT: a chunk of announced length follows at once, so even a refused one is read to its end. A chunk whose length cannot be told
 * ends the connection: what follows would be taken for commands. RFC 3030 2
 */
import type { Conversation, Verb } from '../conversation.ts'
import * as REPLIES from '../replies.ts'

const ARGUMENT = /^([0-9]{1,15})(?: +(LAST))?$/i

export const bdat: Verb = (conversation, argument) => {
  const match = ARGUMENT.exec(argument)
  if (match === null) {
    conversation.farewell(REPLIES.BAD_ARGUMENT)
    return
  }
  const size = Number(match[1])
  const last = match[2] !== undefined
  // More than two mails of the largest size is no mistake of counting: not worth reading.
  if (size > 2 * conversation.options.limits.messageSize) conversation.farewell(REPLIES.TOO_LARGE)
  else conversation.startChunk(size, last, refusalOf(conversation))
}

function refusalOf(conversation: Conversation): string | null {
  const { transaction } = conversation
  if (!conversation.secure) return REPLIES.TLS_REQUIRED
  if (transaction === null) return REPLIES.MAIL_FIRST
  return transaction.recipients.length === 0 ? REPLIES.NO_RECIPIENTS : null
}
