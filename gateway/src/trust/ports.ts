/**
 * What trust needs from outside: a place for what was fetched. Types only. What is kept there is public data with signatures of its
 * own; it is of the installation, and every use of it is judged again.
 */

/** What a source gives. */
export type SourceKind = 'crl' | 'ocsp' | 'issuer'

/** Something that was fetched. */
export interface KeptSource {
  /** Names the source: kind, address, and for OCSP what was asked. */
  readonly key: string
  readonly kind: SourceKind
  readonly url: string
  readonly content: Buffer
  /** Milliseconds since 1970, like the times below. */
  readonly fetchedAt: number
  /** From then on it is fetched again. */
  readonly refreshAt: number
  /** From then on it is worth nothing. */
  readonly expiresAt: number
  /** The chain for which it was fetched, leaf first: DER, one after the other. */
  readonly chain: Buffer
}

/** A line of the list of sources. */
export type SourceSummary = Omit<KeptSource, 'content' | 'chain'> & { readonly octets: number }

/** Where it is kept. Bounded: what was not used for the longest time goes first. */
export interface SourceStore {
  /** null if it is not there or has ended at `now`. */
  find(key: string, now: number): KeptSource | null
  /** When it was fetched; null if it is not there. Cheap. */
  fetchedAt(key: string): number | null
  /** Those to be fetched again before `time` that were used since `usedSince`; at most 1000. */
  due(time: number, usedSince: number): string[]
  keep(source: KeptSource): Promise<void>
  /** Notes that it was used. */
  touch(key: string, at: number): Promise<void>
  /** At most 1000, the newest first. */
  list(): SourceSummary[]
}
