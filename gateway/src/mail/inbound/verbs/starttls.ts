/**
 * STARTTLS. Refuses when anything stands behind it: what was sent in clear must never be taken for what came under TLS
 * (CVE-2011-0411). RFC 3207 4
 */
import type { Verb } from '../conversation.ts'
import * as REPLIES from '../replies.ts'

export const starttls: Verb = (conversation, argument) => {
  if (conversation.secure) conversation.fault(REPLIES.TLS_ACTIVE)
  else if (argument !== '') conversation.fault(REPLIES.BAD_ARGUMENT)
  else if (conversation.greeting !== 'EHLO') conversation.fault(REPLIES.HELLO_FIRST)
  else if (conversation.hasMoreInput) conversation.farewell(REPLIES.STARTTLS_NOT_LAST)
  else conversation.startTls()
}
