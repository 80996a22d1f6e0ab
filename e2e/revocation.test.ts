/**
 * Revocation: OCSP says revoked after the first mail, and the next one is not encrypted, or held where encryption is demanded, and the
 * trace says why. A responder that is down: soft goes on with the reason, hard holds. Distrust reaches the running server within a
 * second. A revoked signer's mail comes in with the verdict that says so.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { issueCertificate, parseCertificate, writePem, type Certificate } from '@siegel/engine'
import { ocspBytes } from '../engine/test/revocation.ts'
import { accessExtension } from '../gateway/src/trust/testing/authority.ts'
import { newMessageId } from './demo/acts.ts'
import { COMMAND } from './stage/gateway.ts'
import { findJudge } from './stage/judge.ts'
import { CONTOSO } from './stage/objects.ts'
import { openStage, type Stage } from './stage/stage.ts'

const ALICE = 'alice@contoso.example'
const RESPONDER = 'ocsp.partner.example'
const HOUR = 3_600_000
/** An answer holds so long. */
const HOLDS_MS = 1500

interface Holder {
  readonly certificate: Certificate
  readonly key: KeyObject
}

function makeHolder(name: string, issuer: Holder | null): Holder {
  const { publicKey, privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const person =
    issuer === null
      ? { ca: true }
      : { emails: [name], other: [accessExtension({ ocsp: `http://${RESPONDER}/` })] }
  const certificate = parseCertificate(
    issueCertificate({
      ...{ subject: { CN: name }, issuer: issuer ?? { key }, publicKey, extensions: person },
      ...{ notBefore: Date.now() - 24 * HOUR, notAfter: Date.now() + 24 * HOUR },
    }),
  )
  return { certificate, key }
}

const pem = ({ certificate }: Holder): string => writePem('CERTIFICATE', certificate.raw)

/** A responder that answers for everybody that it knows; the status may change at any time. */
class Responder {
  readonly status = new Map<Holder, 'good' | 'revoked'>()
  down = false
  asked = 0
  readonly #server: Server

  constructor(root: Holder) {
    this.#server = createServer((request, response) => {
      request.resume()
      this.asked++
      if (this.down) {
        request.socket.destroy()
        return
      }
      const now = Date.now()
      const answers = [...this.status].map(([{ certificate }, status]) => ({
        ...{ certificate, issuer: root.certificate, status, reason: 1 },
        ...{ thisUpdate: now - HOUR, nextUpdate: now + HOLDS_MS },
      }))
      response.end(ocspBytes(root, answers))
    })
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

describe('revocation', () => {
  const root = makeHolder('Partner Root', null)
  const people = Object.fromEntries(
    ['anna', 'strict', 'doubt', 'held', 'gone', 'sender'].map((name) => [
      name,
      makeHolder(`${name}@partner.example`, root),
    ]),
  )
  const responder = new Responder(root)
  let stage: Stage
  before(async () => {
    const port = await responder.listen()
    for (const person of Object.values(people)) responder.status.set(person, 'good')
    const hosts = { [RESPONDER]: `127.0.0.1:${port}` }
    stage = await openStage({ hosts, settings: { queue: { heldProbe: '1s' } } }, (built) => {
      built.addEmployee(ALICE)
      const tenant = 'contoso'
      built.addObject({ kind: 'MailAnchor', tenant, name: 'partner', spec: { certificate: pem(root) } })
      for (const [name, person] of Object.entries(people))
        built.addObject({ kind: 'PartnerCertificate', tenant, name, spec: { certificate: pem(person) } })
      for (const name of ['strict', 'held'])
        built.addObject({
          ...{ kind: 'TreatmentSettings', tenant, name },
          spec: { partner: `${name}@partner.example`, encrypt: 'always' },
        })
    })
  })
  after(async () => {
    await stage.close()
    responder.close()
  })

  const address = (name: string): string => `${name}@partner.example`

  function submit(to: string): string {
    const messageId = newMessageId()
    const raw = `From: ${ALICE}\r\nTo: ${to}\r\nMessage-ID: ${messageId}\r\nSubject: x\r\n\r\nthe price is 4711\r\n`
    stage.exchange.submit({ tenant: CONTOSO.id, from: ALICE, to, raw: Buffer.from(raw) })
    return messageId
  }
  /** How the mail arrives. */
  async function sent(to: string): Promise<{ readonly encrypted: boolean; readonly trace: string }> {
    const messageId = submit(to)
    const { raw } = await stage.world.waitFor(
      ({ raw: bytes, recipients }) => recipients.includes(to) && bytes.includes(messageId),
    )
    return {
      encrypted: !raw.includes('4711') && raw.includes('enveloped-data'),
      trace: await traceOf(messageId),
    }
  }
  /** Runs the command beside the responder, which stands in this process. */
  function siegel(...verb: readonly string[]): Promise<{ readonly good: boolean; readonly out: string }> {
    const config = join(stage.folder, 'siegel.yaml')
    return new Promise((resolve) => {
      execFile(COMMAND, [...verb, '--config', config], (error, out) => {
        resolve({ good: error === null, out })
      })
    })
  }
  async function traceOf(messageId: string): Promise<string> {
    const found = await siegel('trace', 'find', '--message-id', messageId)
    // The mail as it went out; what comes back from Exchange has the same Message-ID.
    const ids = found.out.match(/^[0-9A-Z]{26}/gm) ?? []
    const shown = await Promise.all(ids.map((id) => siegel('trace', 'show', id, '--lang', 'en')))
    return shown.map(({ out }) => out).join('\n')
  }
  async function held(to: string): Promise<string> {
    const messageId = submit(to)
    const end = Date.now() + 20_000
    for (;;) {
      const { out } = await siegel('trace', 'find', '--message-id', messageId)
      if (out.includes('(held)')) return traceOf(messageId)
      assert.ok(Date.now() < end, 'the mail is not held')
      await pause(200)
    }
  }

  it('encrypts while the certificate is good, and no more when it is revoked', async () => {
    const first = await sent(address('anna'))
    assert.equal(first.encrypted, true)
    responder.status.set(people['anna'] ?? root, 'revoked')
    await pause(HOLDS_MS + 500)
    const second = await sent(address('anna'))
    assert.equal(second.encrypted, false)
    assert.match(second.trace, /revoked: CN=anna@partner\.example .*keyCompromise since 20/)
  })

  it('holds where encryption is demanded', async () => {
    assert.equal((await sent(address('strict'))).encrypted, true)
    responder.status.set(people['strict'] ?? root, 'revoked')
    await pause(HOLDS_MS + 500)
    assert.match(await held(address('strict')), /revoked: CN=strict@partner\.example/)
  })

  it('goes on when the responder is down, and says so', async () => {
    responder.down = true
    const { encrypted, trace } = await sent(address('doubt'))
    assert.equal(encrypted, true)
    assert.match(
      trace,
      /whether it is revoked is not known: CN=doubt@partner\.example .*ocsp\.partner\.example/,
    )
  })

  it('distrusts within a second, and takes it back', async () => {
    responder.down = false
    assert.equal((await sent(address('gone'))).encrypted, true)
    const fingerprint = people['gone']?.certificate.fingerprint ?? ''
    assert.equal((await siegel('trust', 'distrust', fingerprint)).good, true)
    await pause(1000)
    const { encrypted, trace } = await sent(address('gone'))
    assert.equal(encrypted, false)
    assert.match(trace, /distrusted by an operator: CN=gone@partner\.example/)
    assert.match((await siegel('trust', 'show')).out, new RegExp(`distrusted: ${fingerprint}`))
    assert.equal((await siegel('trust', 'distrust', fingerprint, '--undo')).good, true)
    await pause(1000)
    assert.equal((await sent(address('gone'))).encrypted, true)
  })

  it('marks the mail of a revoked signer', async () => {
    const sender = people['sender'] ?? root
    const key = sender.key.export({ type: 'pkcs8', format: 'pem' })
    const signedBy = async (): Promise<string> => {
      const messageId = newMessageId()
      const entity = findJudge().sign(
        Buffer.from('Content-Type: text/plain\r\n\r\nhello\r\n'),
        pem(sender),
        key,
      )
      const head = `From: ${address('sender')}\r\nTo: ${ALICE}\r\nMessage-ID: ${messageId}\r\nSubject: x\r\n`
      const raw = Buffer.concat([Buffer.from(head), entity])
      await stage.world.send({ from: address('sender'), to: [ALICE], raw })
      const { message } = await stage.exchange.waitForMail(
        ALICE,
        (one) => one.message.value('Message-ID') === messageId,
        20_000,
      )
      return message.raw.toString('latin1').replaceAll(/\r\n(?=[ \t])/g, '')
    }
    assert.match(await signedBy(), /smime=pass/)
    responder.status.set(sender, 'revoked')
    await pause(HOLDS_MS + 500)
    assert.match(await signedBy(), /smime=fail \(invalid, certificate-revoked/)
  })

  it('says what it knows of a certificate when it is asked, and fetches again', async () => {
    const file = join(stage.folder, 'doubt.pem')
    writeFileSync(file, pem(people['doubt'] ?? root))
    const good = await siegel('cert', 'status', file, '--email', address('doubt'))
    assert.deepEqual([good.good, good.out.split('\n')[0]], [true, 'valid'])
    writeFileSync(file, pem(people['anna'] ?? root))
    const bad = await siegel('cert', 'status', file, '--language', 'en')
    assert.equal(bad.good, false)
    assert.match(bad.out, /not valid \(certificate-revoked\)[^]*keyCompromise since 20/)
    const asked = responder.asked
    const again = await siegel('trust', 'refresh')
    assert.equal(again.good, true, again.out)
    assert.ok(responder.asked > asked)
    assert.match((await siegel('trust', 'list')).out, /^own {2}[0-9a-f]{64} {2}CN=Partner Root$/m)
  })

  it('holds when the responder is down and unknown is not enough', async () => {
    stage.addObject({
      kind: 'TrustSettings',
      tenant: 'contoso',
      name: 'default',
      spec: { revocation: 'hard' },
    })
    await stage.changeObjects()
    responder.down = true
    await pause(HOLDS_MS + 500)
    assert.match(await held(address('held')), /whether it is revoked is not known: CN=held@partner\.example/)
    responder.down = false
  })
})
