/** VRFY: says of every address the same. RFC 5321 3.5.3 */
import type { Verb } from '../conversation.ts'
import * as REPLIES from '../replies.ts'

export const vrfy: Verb = (conversation, argument) => {
  if (!conversation.secure) conversation.fault(REPLIES.TLS_REQUIRED)
  else if (argument === '') conversation.fault(REPLIES.BAD_ARGUMENT)
  else conversation.idle(REPLIES.CANNOT_VERIFY)
}
