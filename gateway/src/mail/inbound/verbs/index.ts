/** All verbs by name. What stands in no file here is answered 500. RFC 5321 4.2.4 */
import type { Verb } from '../conversation.ts'
import { bdat } from './bdat.ts'
import { data } from './data.ts'
import { ehlo, helo } from './ehlo.ts'
import { foreignProtocol, HTTP_METHODS } from './foreign-protocol.ts'
import { mail } from './mail.ts'
import { noop } from './noop.ts'
import { quit } from './quit.ts'
import { rcpt } from './rcpt.ts'
import { rset } from './rset.ts'
import { starttls } from './starttls.ts'
import { vrfy } from './vrfy.ts'

/** The verbs, in upper case. */
export const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ['EHLO', ehlo],
  ['HELO', helo],
  ['STARTTLS', starttls],
  ['MAIL', mail],
  ['RCPT', rcpt],
  ['DATA', data],
  ['BDAT', bdat],
  ['RSET', rset],
  ['NOOP', noop],
  ['QUIT', quit],
  ['VRFY', vrfy],
  ...HTTP_METHODS.map((method): [string, Verb] => [method, foreignProtocol]),
])
