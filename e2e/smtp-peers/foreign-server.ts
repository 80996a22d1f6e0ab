/**
 * What the foreign mail servers of the test have in common: what they are started with and what can be asked of them. Starts none.
 */
import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { IssuedCertificate } from '@siegel/exo-sim'

/** What a foreign server is started with. */
export interface ForeignServerOptions {
  /** Where it sends as a client. */
  readonly gateway: { readonly host: string; readonly port: number }
  /** Where it passes on what it takes as a next hop. */
  readonly collectorPort: number
  /** PEM of the anchors for both directions. */
  readonly anchors: string
  /** Its certificate as a next hop: Exchange Online's. */
  readonly server: IssuedCertificate
  /** Its certificate as a client: Exchange Online's. */
  readonly client: IssuedCertificate
  /** Octets of a mail that it takes as a next hop. */
  readonly sizeLimit: number
}

/** A running foreign server. */
export interface ForeignServer {
  /** What comes here goes to the gateway. */
  readonly clientPort: number
  /** What comes here came from the gateway, under TLS with its certificate. */
  readonly hopPort: number
  /** All that it logged. */
  log(): Promise<string>
  close(): Promise<void>
}

/** Waits until every port greets. Throws after 20 seconds. */
export async function answers(ports: readonly number[]): Promise<void> {
  for (const port of ports)
    for (let i = 0; !(await greets(port)); i++) {
      if (i > 200) throw new Error(`nobody answers on port ${port}`)
      await sleep(100)
    }
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket.once('data', (data) => {
      socket.end('QUIT\r\n')
      resolve(data.toString('latin1').startsWith('220'))
    })
    socket.setTimeout(2000, () => socket.destroy())
    socket.once('error', () => undefined)
    socket.once('close', () => {
      resolve(false)
    })
  })
}
