/**
 * A request of HTTP: a browser was led here, and what stands in its body must never be taken for commands. The first such line ends the
 * connection.
 */
import type { Verb } from '../conversation.ts'
import * as REPLIES from '../replies.ts'

/** The methods of HTTP; none of them is a verb of SMTP. */
export const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']

export const foreignProtocol: Verb = (conversation) => {
  conversation.farewell(REPLIES.NOT_SMTP)
}
