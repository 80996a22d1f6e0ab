/**
 * Starts a listener for a test, with certificates, ports that remember and a log that is kept, and ends it after the test.
 */
import type { TestContext } from 'node:test'

import type { Log } from '../../../observe/log.ts'
import { createListener } from '../listener.ts'
import type { Listener } from '../listener.ts'
import type { ListenerOptions } from '../options.ts'
import { createServerContext } from '../tls-context.ts'
import { makeCa } from './certificates.ts'
import { TestPeer } from './peer.ts'
import { TestStore } from './store.ts'

/** The CA whose client certificates the listener trusts, and that signed the server. */
export const CA = makeCa('Test CA')
/** A CA nobody knows. */
export const STRANGER = makeCa('Stranger CA')
/** The server's certificate. */
export const SERVER = CA.issue('gateway.example', ['gateway.example'])
/** The context of the server. */
export const CONTEXT = createServerContext([SERVER], [CA.pem])

/** A listener under test. */
export interface Rig {
  readonly listener: Listener
  readonly store: TestStore
  readonly port: number
  readonly events: { level: string; event: string; fields: unknown }[]
  /** A peer after EHLO under TLS. */
  secure(): Promise<TestPeer>
  /** A peer after MAIL and RCPT. */
  inTransaction(parameters?: string): Promise<TestPeer>
}

/** Starts a listener; it and what is still connected end with the test. */
export async function startRig(test: TestContext, options: Partial<ListenerOptions> = {}): Promise<Rig> {
  const store = new TestStore()
  const events: Rig['events'] = []
  const keep =
    (level: string): Log['info'] =>
    (event, fields) => {
      events.push({ level, event, fields })
    }
  const listener = createListener(
    {
      address: '127.0.0.1',
      port: 0,
      fqdn: 'gateway.example',
      secureContext: () => CONTEXT,
      log: { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') },
      ...options,
    },
    store,
  )
  await listener.listen()
  const { port } = listener.address
  const peers: TestPeer[] = []
  test.after(async () => {
    for (const peer of peers) peer.destroy()
    await listener.close({ graceMs: 0 })
  })
  const secure = async (): Promise<TestPeer> => {
    const peer = await TestPeer.secure(port)
    peers.push(peer)
    return peer
  }
  const inTransaction = async (parameters = ''): Promise<TestPeer> => {
    const peer = await secure()
    peer.send(`MAIL FROM:<anna@contoso.com>${parameters}\r\nRCPT TO:<bob@example.org>\r\n`)
    const replies = await peer.replies(2)
    if (replies.some((reply) => !reply.startsWith('250'))) throw new Error(replies.join())
    return peer
  }
  return { listener, store, port, events, secure, inTransaction }
}
