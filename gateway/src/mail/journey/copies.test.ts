/**
 * Tests of mail that becomes many copies, one for every recipient: whoever writes it says how many, so they must not all be in
 * memory at once; and what waited on the disk in between is gone afterwards.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { encryptEntity } from '@siegel/engine'
import { entryOf, make } from '../../keyring/testing/credentials.ts'
import { answering, mailRoot, withRig, type JourneyRig } from './testing/rig.ts'

const MIB = 1024 * 1024
const RECIPIENTS = Array.from({ length: 80 }, (_, index) => `user${index}@contoso.com`)

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/**
 * Octets outside the heap that somebody still holds. The runtime gives dead buffers back on a thread of its own, which one look
 * right after the collection may come before: the least of several is what is held.
 */
async function held(): Promise<number> {
  let least = Infinity
  for (let look = 0; look < 10; look += 1) {
    collect()
    await setTimeout(20)
    least = Math.min(least, process.memoryUsage().arrayBuffers)
  }
  return least
}

/** A mail of almost 1 MiB, encrypted to a key that serves all recipients. */
async function receive(rig: JourneyRig) {
  const made = make('All', mailRoot, { emails: ['user0@contoso.com'] })
  await rig.keep({ ...entryOf(made, 'own'), addresses: RECIPIENTS })
  const inner = Buffer.concat([Buffer.from('\r\n'), Buffer.alloc(700_000, 'hello\r\n')])
  const sealed = encryptEntity([inner], {
    recipients: [made.certificate],
    cipher: 'aes256-gcm',
    keyTransport: 'oaep-sha256',
  })
  const mail = await rig.receive(Buffer.concat([Buffer.from('From: bob@partner.example\r\n'), ...sealed]), {
    direction: 'inbound',
    to: RECIPIENTS,
  })
  const folder = join(rig.fixture.bodyPath({ tenantId: mail.tenantId, mailId: mail.id, copy: 0 }), '..')
  return { mail, inner, bodies: () => readdirSync(folder) }
}

it('80 decrypted copies are not held in memory at once, and leave nothing behind', () =>
  withRig({}, async (rig) => {
    const { mail, inner, bodies } = await receive(rig)
    const before = await held()
    const atDelivery: number[] = []
    const outbound: JourneyRig['next']['outbound'] = {
      deliver: async (request) => {
        if (atDelivery.length === 0) atDelivery.push((await held()) - before)
        return rig.next.outbound.deliver(request)
      },
      lastCapabilities: () => null,
      close: () => undefined,
      giveUp: () => undefined,
    }
    const [queued] = await rig.claim()
    assert.ok(queued !== undefined)
    await rig.worker('w', { outbound }).carry(queued)
    const [atFirst = Infinity] = atDelivery
    assert.ok(atFirst < 16 * MIB, `${atFirst} octets`)
    assert.equal(rig.next.hop.heard.length, RECIPIENTS.length)
    for (const { content } of rig.next.hop.heard)
      assert.ok(content.subarray(-inner.length).equals(inner) && content.includes('smime=none (encrypted'))
    assert.ok((await rig.states(mail)).every((state) => state === 'delivered - 1'))
    assert.deepEqual(bodies(), [])
  }))

it('copies that waited on the disk are there for the next attempt', () =>
  withRig({ answer: answering('RCPT', '451 4.3.0 later') }, async (rig) => {
    const { mail, bodies } = await receive(rig)
    await rig.turn()
    assert.equal(bodies().length, RECIPIENTS.length + 1)
    rig.mend()
    await rig.turnAfter(60_000)
    assert.ok((await rig.states(mail)).every((state) => state === 'delivered - 2'))
    assert.deepEqual(bodies(), [])
  }))
