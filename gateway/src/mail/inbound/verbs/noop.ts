/** NOOP: answers, does nothing; an argument is ignored. RFC 5321 4.1.1.9 */
import type { Verb } from '../conversation.ts'
import * as REPLIES from '../replies.ts'

export const noop: Verb = (conversation) => {
  conversation.idle(REPLIES.OK)
}
