/** EHLO and HELO: the peer introduces itself. Whether its name is true is nobody's question here. RFC 5321 4.1.1.1 */
import type { Conversation, Verb } from '../conversation.ts'
import * as REPLIES from '../replies.ts'

/** RFC 5321 4.5.3.1.2; what stands here goes into the trace and, disarmed, into Received. */
const NAME_MAX = 255

function isPresentable(name: string): boolean {
  return name !== '' && name.length <= NAME_MAX && !name.includes(' ')
}

function introduce(conversation: Conversation, greeting: 'HELO' | 'EHLO', name: string): void {
  // RFC 2920 3.1: the last command of a group
  if (conversation.hasMoreInput) {
    conversation.farewell(REPLIES.NOT_LAST)
    return
  }
  if (!isPresentable(name)) {
    conversation.fault(REPLIES.BAD_ARGUMENT)
    return
  }
  conversation.introduce(greeting, name)
  conversation.idle(greeting === 'EHLO' ? conversation.ehloReply : `250 ${conversation.options.fqdn}\r\n`)
}

export const ehlo: Verb = (conversation, argument) => {
  introduce(conversation, 'EHLO', argument)
}

export const helo: Verb = (conversation, argument) => {
  introduce(conversation, 'HELO', argument)
}
