import type { IssuedCertificate } from '@siegel/exo-sim'
/** Where to, and as whom. */
export interface SourceOptions {
  readonly port: number
  readonly connections: number
  readonly client: IssuedCertificate
}
/** One mail to send. */
export interface SourceMail {
  readonly from: string
  readonly to: string
  readonly data: Buffer
}
/** Opens the connections and gives a function that sends a number of mails over them. */
export declare function openSource(options: SourceOptions): Promise<{
  send(count: number, make: (index: number) => SourceMail): Promise<void>
  close(): void
}>
