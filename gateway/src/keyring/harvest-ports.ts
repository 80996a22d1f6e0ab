/**
 * What harvesting and finding remember, and what they ask before a certificate is used. Types only.
 */

/** What becomes of the certificates in mail whose signature is valid. */
export type HarvestPolicy = 'trusted' | 'approval' | 'never'

/** Why a certificate of somebody outside may not be used, whatever speaks for it. */
export type Refusal = 'distrusted' | 'removed' | 'awaiting-approval'

/** A certificate that was harvested for an address. */
export interface Harvested {
  readonly fingerprint: string
  /** What the signer said, never later than the mail came; milliseconds since 1970. */
  readonly signedAt: number
  /** When it was taken. */
  readonly at: number
}

/** What is kept of one tenant. */
export interface HarvestStore {
  /** Null when nobody said anything against it. */
  refusal(fingerprint: string): Refusal | null
  /** The latest of an address (look-up form), at most 100. */
  harvested(address: string): readonly Harvested[]
  /** How many were taken since a time, up to 100,000. */
  countSince(time: number): number
  /** Remembers one; of the same certificate the later signature counts. */
  note(address: string, harvested: Harvested): Promise<void>
}
