/**
 * The SMTP envelope (RFC 5321 2.3.1), as every step of the path shares it. Addresses have passed the strict check of
 * smtp/address.ts before they stand here. No logic, no header fields: those belong to the message.
 */

/** A condition under which a sender wants a delivery status notification. RFC 3461 4.1 */
export type Notify = 'NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY'

/** One recipient of an envelope. */
export interface Recipient {
  /** The mailbox without angle brackets, as given; UTF-8 only if the envelope says `smtpUtf8`. */
  readonly address: string
  /** The NOTIFY parameter; null when it was not given. RFC 3461 4.1 */
  readonly notify: readonly Notify[] | null
  /** The ORCPT parameter as given, still xtext, with its address type; null when it was not given. RFC 3461 4.2 */
  readonly originalRecipient: string | null
}

/** The envelope of one mail. */
export interface Envelope {
  /** The reverse path's mailbox; empty for the null sender. */
  readonly sender: string
  /** The SMTPUTF8 parameter was given. RFC 6531 3.4 */
  readonly smtpUtf8: boolean
  /** The BODY parameter; null when it was not given. RFC 6152 */
  readonly body: '7BIT' | '8BITMIME' | null
  /** The RET parameter; null when it was not given. RFC 3461 4.3 */
  readonly returnContent: 'FULL' | 'HDRS' | null
  /** The ENVID parameter as given, still xtext; null when it was not given. RFC 3461 4.4 */
  readonly envelopeId: string | null
  /** At least one. */
  readonly recipients: readonly Recipient[]
}
