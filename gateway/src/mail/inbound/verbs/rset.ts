/** RSET: the transaction never was; the peer's name and TLS stay. RFC 5321 4.1.1.5 */
import type { Verb } from '../conversation.ts'
import * as REPLIES from '../replies.ts'

export const rset: Verb = (conversation, argument) => {
  if (!conversation.secure) conversation.fault(REPLIES.TLS_REQUIRED)
  else if (argument !== '') conversation.fault(REPLIES.BAD_ARGUMENT)
  else {
    conversation.reset()
    conversation.idle(REPLIES.OK)
  }
}
