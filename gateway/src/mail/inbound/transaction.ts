/**
 * A mail transaction: what MAIL began and RCPT fills in, until the mail is complete or reset. RFC 5321 3.3
 */
import type { Recipient } from '../envelope.ts'
import type { MailId } from '../message.ts'
import type { MailParameters } from '../../smtp/parameters.ts'
import type { Reception } from './reception.ts'

/** The transaction of a connection. */
export interface Transaction {
  readonly id: MailId
  /** Empty for the null sender. */
  readonly sender: string
  readonly parameters: MailParameters
  readonly recipients: Recipient[]
  /** Recipients refused because there were too many, or by a map. */
  overshoot: number
  /** Set with the first BDAT. RFC 3030 2 */
  reception: Reception | null
}
