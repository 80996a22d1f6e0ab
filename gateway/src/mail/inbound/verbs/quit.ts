/** QUIT: a transaction that is not complete never was. RFC 5321 4.1.1.10 */
import type { Verb } from '../conversation.ts'
import * as REPLIES from '../replies.ts'

export const quit: Verb = (conversation, argument) => {
  if (argument === '') conversation.farewell(REPLIES.BYE)
  else conversation.fault(REPLIES.BAD_ARGUMENT)
}
