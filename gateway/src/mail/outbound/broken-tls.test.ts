/**
 * TLS that breaks in the middle of a dialogue: whoever stands between the ends puts a record of his own into the stream, and the hop
 * ends the session with an alert. At every point the mail waits; after the end of the content the outcome says that it may have arrived.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { createHostLookup } from '../../dns/hosts.ts'
import { createOutbound } from './outbound.ts'
import { OFFERS, startHop } from './testing/hop.ts'
import { makeWorld, QUICK, requestOf, ROUTE, SEED_LINE } from './testing/rig.ts'

const world = makeWorld()
/** A TLS record of application data that no key has made. */
const FOREIGN_RECORD = Buffer.from(`1703030040${'5a'.repeat(64)}`, 'hex')
const without = (...lacking: readonly string[]) => OFFERS.filter((offer) => !lacking.includes(offer))

/** Relays to a port, and puts a record into what the client sends. */
async function startRelay(port: number) {
  let server: Socket | null = null
  const relay = createServer((client) => {
    const onward = connect(port, '127.0.0.1')
    server = onward
    client.pipe(onward).pipe(client)
    for (const [one, other] of [
      [client, onward],
      [onward, client],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  return {
    port: (relay.address() as AddressInfo).port,
    breakTls: () => void server?.write(FOREIGN_RECORD),
    close: async () => {
      server?.destroy()
      relay.close()
      await once(relay, 'close')
    },
  }
}

for (const [point, offers, mayHaveArrived] of [
  ['MAIL', without('PIPELINING'), false],
  ['RCPT', without('PIPELINING'), false],
  ['DATA', without('CHUNKING'), false],
  ['the final dot', without('CHUNKING'), true],
  ['the last chunk', without('PIPELINING'), true],
  ['MAIL', OFFERS, true],
] as const)
  test(`at ${point}, ${offers.length} of ${OFFERS.length} offers: deferred${mayHaveArrived ? ', and it may have arrived' : ''}`, async (t) => {
    const hop = await startHop({ identity: world.good, offers })
    const relay = await startRelay(hop.port)
    hop.script.answer = (command) => {
      if (!command.startsWith(point)) return undefined
      relay.breakTls()
      return ''
    }
    hop.script.final = () => {
      relay.breakTls()
      return ''
    }
    const outbound = createOutbound({
      hosts: createHostLookup({
        table: new Map([['contoso-com.mail.protection.outlook.com', [`127.0.0.1:${relay.port}`]]]),
      }),
      settings: () => ({
        maps: new Map([['tls-policy', `${SEED_LINE}\n`]]),
        clientIdentities: new Map(),
        tlsAnchors: [world.root.pem],
      }),
      timeouts: { ...QUICK, mail: 5000, rcpt: 5000, data: 5000, final: 5000 },
    })
    t.after(async () => {
      outbound.close()
      await relay.close()
      await hop.close()
    })
    const outcomes = await outbound.deliver(requestOf({ route: ROUTE, to: ['a@x.example', 'b@x.example'] }))
    assert.equal(outcomes.length, 2)
    for (const { kind, status, reason, hop: where, reply } of outcomes) {
      assert.deepEqual([kind, status, reason.code, reply], ['deferred', '4.4.2', 'connection-lost', null])
      assert.match(String(reason.arguments['cause']), /ALERT_BAD_RECORD_MAC|BAD_RECORD_MAC/)
      assert.equal(reason.arguments['mayHaveArrived'] === true, mayHaveArrived)
      assert.equal(where?.tls?.version, 'TLSv1.3')
    }
    assert.equal(hop.connections.length, 1)
  })
