/**
 * The Plan: what happens to a mail, per recipient, and why. Written by policy, carried out by treatment, kept in the trace,
 * shown by explain. A value, stored as JSON with a version; it holds identifiers of keys and certificates, never keys.
 */

/** A reason: a stable code and its arguments; rendered in German or English when it is read. */
export interface Reason {
  readonly code: string
  readonly arguments: Readonly<Record<string, string | number | boolean>>
}

/** One way of protecting a mail that was considered for a recipient, in the order of preference. */
export interface Means {
  readonly means: 'smime'
  readonly chosen: boolean
  readonly reasons: readonly Reason[]
}

/** An algorithm set for one copy. */
export interface Profile {
  readonly name: string
  readonly digest: 'sha256' | 'sha384' | 'sha512'
  readonly pss: boolean
  readonly cipher: 'aes128-cbc' | 'aes256-cbc' | 'aes128-gcm' | 'aes256-gcm'
  readonly keyTransport: 'pkcs1v15' | 'oaep-sha256' | 'oaep-sha384' | 'oaep-sha512'
  /** Hide the Subject and its like inside what is encrypted (RFC 9788). */
  readonly headerProtection?: true
}

/**
 * What is done to the bytes of one copy. A versioned union: later products add kinds, none changes its meaning.
 * pass: untouched below our headers. protect: sign, encrypt or both. inspect: decrypt and verify, stamp the verdict.
 */
export type Treatment =
  | { readonly kind: 'pass' }
  | {
      readonly kind: 'protect'
      /** Credential to sign with; null leaves it unsigned. */
      readonly sign: string | null
      /** Credentials (certificates) to encrypt to, sorted; null leaves it in clear. */
      readonly encrypt: readonly string[] | null
      /** Certificates of a further layer of encryption inside that one, sorted. */
      readonly inner?: readonly string[]
      readonly profile: Profile
    }
  | { readonly kind: 'inspect' }
  | {
      readonly kind: 'hold'
      readonly reason: Reason
      /** Planned anew after a while: what is missing may have come. */
      readonly looksAgain: boolean
    }
  | { readonly kind: 'bounce'; readonly status: string; readonly reason: Reason }

/** The decision for one recipient. */
export interface RecipientPlan {
  /** Index into the deliveries of the mail. */
  readonly delivery: number
  readonly treatment: Treatment
  /**
   * Recipients share a copy when treatment and this key are equal. A recipient whom no To or Cc field names has a key of
   * their own when the copy is encrypted: RecipientInfos would name them to the others.
   */
  readonly copyKey: string
  readonly means: readonly Means[]
  readonly reasons: readonly Reason[]
}

/** The whole decision for one mail. */
export interface Plan {
  readonly version: 1
  /** The settings it was made with; a mail still waiting for treatment is planned anew when they moved. */
  readonly settingsVersion: number
  /** Reasons that hold for the whole mail. */
  readonly reasons: readonly Reason[]
  readonly recipients: readonly RecipientPlan[]
}
