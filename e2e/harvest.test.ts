/**
 * Harvest: somebody outside writes a signed mail, and the reply goes out encrypted to the certificate that was in it; mail that waits for
 * a certificate goes when such a mail has come; a web directory is asked, and one that does not answer does not stop mail.
 */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:https'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { issue } from '@siegel/exo-sim'
import { newMessageId, plainMail, traceOf } from './demo/acts.ts'
import { findJudge } from './stage/judge.ts'
import { CONTOSO } from './stage/objects.ts'
import { freePort } from './stage/ports.ts'
import { openStage, type Person, type Stage } from './stage/stage.ts'

const ALICE = 'alice@contoso.example'
const DIRECTORY = 'keys.world.example'
const SECRET = 'the price is 4711'
const INNER = Buffer.from('Content-Type: text/plain; charset=us-ascii\r\n\r\nWhat does it cost?\r\n')

describe('certificates that come from outside', () => {
  const judge = findJudge()
  const answers = new Map<string, string>()
  let stage: Stage
  let web: Server
  before(async () => {
    const port = await freePort()
    const hosts = { [DIRECTORY]: `127.0.0.1:${port}` }
    stage = await openStage({ settings: { queue: { heldProbe: '1s' } }, hosts }, (built) => {
      built.addEmployee(ALICE)
      const spec = { type: 'https', notFoundMinutes: 0, timeoutSeconds: 1 }
      for (const [name, host, domain] of [
        ['keys', DIRECTORY, 'listed.example'],
        // Nobody listens there.
        ['silent', '127.0.0.1:9', 'silent.example'],
      ] as const)
        built.addObject({
          ...{ kind: 'CertificateDirectory', tenant: 'contoso', name },
          spec: { ...spec, privateNetwork: true, domains: [domain], url: `https://${host}/{address}` },
        })
      built.addObject({
        ...{ kind: 'TreatmentSettings', tenant: 'contoso', name: 'strict' },
        spec: { partner: 'strict.example', encrypt: 'always' },
      })
    })
    const { certificate, key } = issue(stage.certificates.tls, {
      commonName: 'localhost',
      dnsNames: [DIRECTORY],
      keyType: 'rsa2048',
    })
    web = createServer({ cert: certificate, key }, (request, response) => {
      const body = answers.get(decodeURIComponent(request.url ?? ''))
      response.writeHead(body === undefined ? 404 : 200)
      response.end(body)
    })
    web.listen(port, '127.0.0.1')
  })
  after(async () => {
    web.closeAllConnections()
    web.close()
    await stage.close()
  })

  /** Alice writes; resolves with what arrives. */
  async function write(to: string, messageId = newMessageId()): Promise<Buffer> {
    stage.exchange.submit({ tenant: CONTOSO.id, from: ALICE, to, ...plainMail(ALICE, to, messageId, SECRET) })
    const { raw } = await stage.world.waitFor(
      (mail) => mail.recipients.includes(to) && mail.raw.includes(messageId),
      30_000,
    )
    return raw
  }

  /** Somebody outside writes a signed mail, which arrives. Gives its Message-ID. */
  async function receive({ address, certificate }: Person): Promise<string> {
    const messageId = newMessageId()
    const head = `From: ${address}\r\nTo: ${ALICE}\r\nSubject: x\r\nMessage-ID: ${messageId}\r\n`
    const signed = judge.sign(INNER, certificate.certificate, certificate.key)
    await stage.world.send({ from: address, to: ALICE, raw: Buffer.concat([Buffer.from(head), signed]) })
    await stage.exchange.waitForMail(
      ALICE,
      ({ message }) => message.value('Message-ID') === messageId,
      30_000,
    )
    return messageId
  }

  /** The trace of a turn is there when the turn is over. */
  async function traced(messageId: string, word: string): Promise<void> {
    const end = Date.now() + 30_000
    const found = (): unknown[] =>
      stage.gateway.json(['trace', 'find', '--message-id', messageId]) as unknown[]
    while (found().length === 0 || !JSON.stringify(traceOf(stage, messageId)).includes(word)) {
      assert.ok(Date.now() < end, `${word} is not in the trace`)
      await pause(300)
    }
  }

  function assertSealedFor({ certificate }: Person, raw: Buffer): void {
    assert.ok(!raw.includes(SECRET), 'the text is in the mail')
    const { good, content, words } = judge.decrypt(raw, certificate.certificate, certificate.key)
    assert.ok(good, words)
    assert.ok(content.includes(SECRET))
  }

  it('a signed mail comes in, and the reply is encrypted', async () => {
    const anna = stage.stranger('anna@open.example')
    assert.ok((await write(anna.address)).includes(SECRET))
    const messageId = await receive(anna)
    await traced(messageId, '"harvested"')
    assertSealedFor(anna, await write(anna.address))
  })

  it('a signature that is not good brings nothing', async () => {
    const eve = stage.stranger('eve@open.example')
    const rogue = issue(stage.certificates.rogue, {
      ...{ commonName: 'Eve', emails: [eve.address], keyType: 'rsa2048' as const },
      keyUsage: ['digitalSignature', 'keyEncipherment'],
    })
    await receive({ ...eve, certificate: rogue })
    assert.ok((await write(eve.address)).includes(SECRET))
  })

  it('a mail that must be encrypted waits, and leaves when a signed mail has brought the certificate', async () => {
    const dora = stage.stranger('dora@strict.example')
    const messageId = newMessageId()
    const arrived = write(dora.address, messageId)
    await traced(messageId, '"held"')
    await receive(dora)
    assertSealedFor(dora, await arrived)
  })

  it('a certificate is found in a directory, and kept', async () => {
    const carl = stage.stranger('carl+x@listed.example')
    assert.ok((await write(carl.address)).includes(SECRET))
    answers.set(`/${carl.address}`, carl.certificate.certificate)
    const messageId = newMessageId()
    assertSealedFor(carl, await write(carl.address, messageId))
    await traced(messageId, '"found-taken"')
    answers.clear()
    assertSealedFor(carl, await write(carl.address))
  })

  it('a directory that does not answer is a reason and no obstacle', async () => {
    const messageId = newMessageId()
    assert.ok((await write('bob@silent.example', messageId)).includes(SECRET))
    await traced(messageId, '"directory-not-answering"')
  })
})
