import type { IssuedCertificate } from '@siegel/exo-sim'
/** How one mail arrived. */
export type ArrivedAs = 'plain' | 'clear-signed' | 'encrypted'
/** Receives and counts. */
export declare class Sink {
  #private
  /** Message-ID (without brackets) → how it arrived; a second arrival is counted apart. */
  readonly arrived: Map<string, ArrivedAs>
  doubled: number
  /** The first mail of each form, whole. */
  readonly samples: Map<ArrivedAs, Buffer<ArrayBufferLike>>
  /** Says which mails are deferred (451) at their end; by default none. */
  defers: (messageId: string) => boolean
  constructor(identity: IssuedCertificate)
  /** Listens on a port that the kernel picks. */
  listen(): Promise<number>
  /** Forgets what arrived. */
  clear(): void
  /** Resolves when so many different mails have arrived. */
  received(count: number): Promise<void>
  /** Ends everything. */
  close(): void
}
