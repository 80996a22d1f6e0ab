// A mail whose tenant must be proved: the whole way from the socket, with real signatures and the real judge. Nothing is safe, and
// nothing answered 250, before the proof stands; the outside hears the same whatever is missing.
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { scanHeader } from '@siegel/engine'
import { dkimSign } from 'mailauth'
import { createMailAuthentication } from '../../authentication/index.ts'
import { lookupOf, rsaKey, tableOf, type DnsTable } from '../../authentication/testing/keys.ts'
import { signatureClaim } from '../../exchange/tenant-signature.ts'
import type { Tenant } from '../tenant.ts'
import { accept } from './testing/store.ts'
import { startRig, type Rig } from './testing/rig.ts'

const key = rsaKey('contoso.com')
const HEADER = 'From: anna@contoso.com\r\nSubject: s\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n'

async function signed(body: string): Promise<string> {
  const one = { signingDomain: key.domain, selector: key.selector, privateKey: key.pem }
  const mail = `${HEADER}\r\n${body}`
  return (await dkimSign(mail, { ...one, signatureData: [one] })).signatures + mail
}

/** A listener that takes mail of contoso.com once it is proved. */
async function start(test: TestContext, table: DnsTable = tableOf(key)): Promise<Rig> {
  const rig = await startRig(test)
  const authentication = createMailAuthentication(lookupOf(table))
  rig.store.proof = (request) => authentication.prove(request)
  rig.store.verdict = (peer, envelope, header) => {
    const contoso = { id: 'contoso' } as Tenant // all that is looked at
    const claim = signatureClaim(header, scanHeader(header).fields, new Map([['contoso.com', contoso]]))
    const result = accept(peer, envelope)
    assert.ok(claim.kind === 'claim' && result.kind === 'attributed')
    return { kind: 'proof-needed', parts: result.parts, proof: claim.proof }
  }
  return rig
}

const reasons = ({ events }: Rig): unknown[] =>
  events.flatMap(({ event, fields }) =>
    event === 'mail-refused' ? [(fields as { reason: string }).reason] : [],
  )

describe('a mail that must be proved', () => {
  for (const size of [1, 100, 3_000_000])
    it(`is taken when it is, ${size} octets by DATA and by BDAT`, async (t) => {
      const rig = await start(t)
      const mail = await signed(`${'x'.repeat(70)}\r\n`.repeat(Math.ceil(size / 72)))
      const peer = await rig.inTransaction()
      await peer.say('DATA')
      peer.send(mail)
      assert.match(await peer.say('.'), /^250 2\.6\.0/)
      peer.send('MAIL FROM:<a@contoso.com>\r\nRCPT TO:<c@d>\r\n')
      await peer.replies(2)
      const half = Math.floor(mail.length / 2)
      peer.send(
        `BDAT ${half}\r\n${mail.slice(0, half)}BDAT ${mail.length - half} LAST\r\n${mail.slice(half)}`,
      )
      assert.match((await peer.replies(2)).at(-1) ?? '', /^250 2\.6\.0/)
      assert.deepEqual(rig.store.bodies.map(({ state }) => state), ['finished', 'finished']) // prettier-ignore
      assert.ok(rig.store.content(0) === mail && rig.store.content(1) === mail)
      assert.equal(rig.store.mails.length, 2)
      await peer.quit()
    })

  it('is refused when it is not, in the words of every refusal, and nothing of it is kept', async (t) => {
    const rig = await start(t)
    const good = await signed('text\r\n')
    const peer = await rig.inTransaction()
    await peer.say('DATA')
    peer.send(good.replace('text', 'next'))
    assert.equal(await peer.say('.'), '550 5.7.1 Not authorized')
    peer.send('MAIL FROM:<a@contoso.com>\r\nRCPT TO:<c@d>\r\n')
    await peer.replies(2)
    const bare = good.replace('text\r\n', 'text\n')
    peer.send(`BDAT ${bare.length} LAST\r\n${bare}`)
    assert.equal(await peer.reply(), '550 5.7.1 Not authorized')
    assert.deepEqual(reasons(rig), ['dkim-not-valid', 'dkim-bare-line-end'])
    assert.deepEqual(rig.store.bodies.map(({ state }) => state), ['aborted', 'aborted']) // prettier-ignore
    assert.equal(rig.store.mails.length, 0)
    await peer.quit()
  })

  it('is to be tried again while DNS does not answer', async (t) => {
    const rig = await start(t, { [key.at]: null })
    const peer = await rig.inTransaction()
    await peer.say('DATA')
    peer.send(await signed('text\r\n'))
    assert.equal(await peer.say('.'), '451 4.7.5 Not authorized yet')
    assert.deepEqual(reasons(rig), ['dkim-key-unknown'])
    assert.deepEqual(rig.store.bodies.map(({ state }) => state), ['aborted']) // prettier-ignore
    await peer.quit()
  })

  it('that ends too early leaves nothing behind', async (t) => {
    const rig = await start(t)
    const peer = await rig.inTransaction()
    await peer.say('DATA')
    peer.send((await signed('text\r\n')).slice(0, -3))
    peer.socket.end()
    await peer.closed()
    assert.deepEqual(rig.store.bodies.map(({ state }) => state), ['aborted']) // prettier-ignore
  })
})
