/**
 * The facts a decision rests on: everything policy may know of a mail, as a value. Facts are stored with the Plan, so that
 * explain, trace and what-if run on the same input later. No subject, no body text, no header values that are secret.
 */
import type { ShownCapabilities } from '../../keyring/capabilities.ts'
import type { Direction } from '../message.ts'
import type { Reason } from '../plan.ts'
import type { AskedTreatment } from './levels.ts'

/** What kind of mail it is, as far as treatment depends on it. */
export type MessageKind =
  | 'ordinary'
  | 'calendar'
  | 'out-of-office'
  | 'delivery-status'
  | 'disposition'
  | 'protected-rights'
  | 'connector-validation'

/** How the message is protected as it arrives. */
export type Protection =
  | 'none'
  | 'clear-signed'
  | 'opaque-signed'
  | 'enveloped'
  | 'auth-enveloped'
  | 'certs-only'
  | 'compressed'
  | 'openpgp'
  | 'damaged'

/** A rule that bore upon a recipient. */
export interface RuleFound {
  readonly rule: string
  /** unsure: it could not be judged whether it applies. */
  readonly outcome: 'applies' | 'unsure'
  /** The groups of the directory that counted; left out when none did. */
  readonly groups?: readonly string[]
}

/** What a rule asks for beside treatment. */
export interface RuleAction {
  readonly kind: 'hold' | 'reject'
  readonly rule: string
}

/** What was found for one recipient. */
export interface RecipientFacts {
  /** Index of the delivery. */
  readonly delivery: number
  readonly address: string
  /** A To or Cc field names the address. */
  readonly visible: boolean
  /** Outbound: the certificate to encrypt to; null when there is none. */
  readonly certificate: {
    readonly credential: string
    readonly fingerprint: string
    readonly algorithm: string
  } | null
  /** The certificate of a further layer inside, where the profile wants two; null or absent when there is one layer. */
  readonly inner?: {
    readonly credential: string
    readonly fingerprint: string
    readonly algorithm: string
  } | null
  /** There is a good certificate, and the profile refuses it. */
  readonly belowProfile?: boolean
  /** The key to sign with, where the profile demands more of it than the From address does. */
  readonly signer?: { readonly credential: string; readonly fingerprint: string } | null
  /** What the look-up for that key saw. */
  readonly signerReasons?: readonly Reason[]
  /** What the recipient has shown to be able to read; absent when nothing is known. */
  readonly capabilities?: ShownCapabilities | null
  /** What the profile has to say of the mail and of its own state. */
  readonly profileReasons?: readonly Reason[]
  /** What the look-up saw, in order. */
  readonly certificateReasons: readonly Reason[]
  /** Outbound: what settings and rules ask for this recipient; null otherwise. */
  readonly asked: AskedTreatment | null
  /** The rules that apply or may apply. */
  readonly rules: readonly RuleFound[]
  /** What a rule asks for beside treatment. */
  readonly action: RuleAction | null
  /** An operator has released it from a hold. */
  readonly released: boolean
}

/** The facts of one mail. */
export interface Facts {
  readonly version: 2
  readonly settingsVersion: number
  readonly direction: Direction
  readonly sender: string
  /** Addresses of the From field; the decision needs exactly one, from exactly one field, read without doubt. */
  readonly from: {
    readonly addresses: readonly string[]
    readonly fields: number
    readonly ambiguous: boolean
  }
  /** The From domain is an accepted domain of the tenant. */
  readonly fromAccepted: boolean
  /** What Exchange's AuthAs fields say, the least of several; null when there is none. */
  readonly authAs: string | null
  readonly kind: MessageKind
  readonly protection: Protection
  readonly earlierPasses: number
  /** Since the mail arrived, in milliseconds. */
  readonly age: number
  /** Octets as received. */
  readonly size: number
  /** The body must be re-encoded before it can be signed, which makes it larger. */
  readonly needsEncoding: boolean
  /** What the next hop takes at most, in octets. */
  readonly sizeLimit: number
  /** Our key for the From address; null when there is none. */
  readonly signer: { readonly credential: string; readonly fingerprint: string } | null
  readonly signerReasons: readonly Reason[]
  /** Recipients of the same mail who are not planned now and for whom nothing has been made yet; returned ones too. */
  readonly apart: number
  readonly recipients: readonly RecipientFacts[]
}
