/**
 * Issue 3, build 4: a mail of 150 MB is signed and encrypted on its way out, and decrypted and verified on its way in, by the
 * real gateway and by the command, within 64 MiB of memory above the idle process. Measured by the kernel's own account.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { issue, type IssuedCertificate } from '@siegel/exo-sim'
import { makePerson, makeStageCertificates } from './stage/certificates.ts'
import { StageGateway } from './stage/gateway.ts'
import { baseObjects, CONTOSO, makeSecrets } from './stage/objects.ts'
import { freePort } from './stage/ports.ts'
import { Sink } from './stage/sink.ts'
import { openSource } from './stage/source.ts'

const LARGE = 150_000_000
/** What the mail may cost, in KiB. */
const ALLOWED = 64 * 1024
/** Room for the encrypted mail, which is a third larger. */
const LIMIT = 250_000_000

/** One line of a process's account, in KiB. */
function account(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(new RegExp(`^${name}:\\s+([0-9]+) kB`, 'm').exec(text)?.[1] ?? NaN)
}

/** Lets the peak begin anew. */
function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

let serial = 0

/** A mail as Exchange Online hands it over, with an attachment. */
function makeMail(from: string, to: string, attachment: string): { id: string; data: Buffer } {
  const id = `${++serial}@memory.example`
  const head =
    `From: <${from}>\r\nTo: <${to}>\r\nSubject: large\r\nMessage-ID: <${id}>\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\n` +
    `X-MS-Exchange-CrossTenant-Id: ${CONTOSO.id}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=cut\r\n\r\n` +
    '--cut\r\nContent-Type: text/plain\r\n\r\nHere it is.\r\n--cut\r\nContent-Type: application/octet-stream\r\n' +
    'Content-Transfer-Encoding: base64\r\n\r\n'
  return { id, data: Buffer.from(`${head}${attachment}\r\n--cut--\r\n`, 'latin1') }
}

/** base64 in lines, of so many characters. */
function attachmentOf(size: number): string {
  const line = `${randomBytes(57).toString('base64')}\r\n`
  return line.repeat(Math.ceil(size / line.length))
}

function bodyOf(mail: Buffer): Buffer {
  return mail.subarray(mail.indexOf('\r\n\r\n') + 4)
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

const FROM = `signer@${CONTOSO.domain}`
const INBOX = `inbox@${CONTOSO.domain}`
const READER = 'reader@partner.example'

describe('a mail of 150 MB', () => {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-memory-'))
  const certificates = makeStageCertificates(CONTOSO.fqdn)
  const signer = makePerson(certificates.mail, FROM)
  const reader: IssuedCertificate = issue(certificates.mail, {
    commonName: 'reader',
    emails: [READER, INBOX],
    keyType: 'rsa2048',
    keyUsage: ['digitalSignature', 'keyEncipherment'],
  })
  const sink = new Sink(certificates.exchangeServer, LIMIT)
  let gateway: StageGateway
  let sealed: Buffer = Buffer.alloc(0)
  const original = makeMail(FROM, READER, attachmentOf(LARGE))

  before(async () => {
    gateway = new StageGateway({
      folder,
      fqdn: CONTOSO.fqdn,
      port: await freePort(),
      hosts: { [CONTOSO.endpoint]: `127.0.0.1:${await sink.listen()}` },
      settings: { limits: { messageSize: LIMIT } },
    })
    const credential = (name: string, person: IssuedCertificate) => ({
      kind: 'Credential',
      tenant: 'contoso',
      name,
      spec: { certificate: person.certificate, key: person.key },
    })
    gateway.apply([
      ...baseObjects(certificates, makeSecrets(), {}),
      credential('signer', signer),
      credential('inbox', reader),
      {
        kind: 'PartnerCertificate',
        tenant: 'contoso',
        name: 'reader',
        spec: { certificate: reader.certificate },
      },
    ])
    await gateway.start()
  })
  after(async () => {
    await gateway.end()
    sink.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Sends one mail and gives it back as it arrived. */
  async function through(
    from: string,
    to: string,
    data: Buffer,
    form: 'encrypted' | 'clear-signed',
  ): Promise<Buffer> {
    sink.clear()
    const source = await openSource({
      port: gateway.config.port,
      connections: 1,
      client: certificates.exchangeClient,
    })
    try {
      await source.send(1, () => ({ from, to, data }))
      await sink.received(1)
    } finally {
      source.close()
    }
    const arrived = sink.samples.get(form)
    assert.ok(arrived !== undefined, `it arrived as ${[...sink.arrived.values()].join()}`)
    return arrived
  }

  /** Runs something and says what it cost the gateway at its peak, in KiB. */
  async function cost<T>(run: () => Promise<T>): Promise<{ readonly value: T; readonly kib: number }> {
    const { pid } = gateway
    assert.ok(pid !== undefined)
    const idle = account(pid, 'VmRSS')
    forgetPeak(pid)
    const value = await run()
    return { value, kib: account(pid, 'VmHWM') - idle }
  }

  it('is signed and encrypted by the gateway', async (test) => {
    const warm = await through(FROM, READER, makeMail(FROM, READER, attachmentOf(50_000)).data, 'encrypted')
    await through(FROM, INBOX, warm, 'clear-signed')
    const { value, kib } = await cost(() => through(FROM, READER, original.data, 'encrypted'))
    sealed = value
    test.diagnostic(`${Math.round(kib / 1024)} MiB above idle`)
    assert.ok(kib < ALLOWED, `${kib} KiB above idle`)
  })

  it('is decrypted and verified by the gateway, and comes out as it was', async (test) => {
    const { value, kib } = await cost(() => through(FROM, INBOX, sealed, 'clear-signed'))
    test.diagnostic(`${Math.round(kib / 1024)} MiB above idle`)
    const head = value.toString('latin1', 0, 4000)
    assert.match(head, /smime=pass/)
    const inner = bodyOf(value)
    const content = bodyOf(inner).subarray(0, bodyOf(original.data).length)
    assert.equal(digest(content), digest(bodyOf(original.data)))
    assert.ok(kib < ALLOWED, `${kib} KiB above idle`)
  })
})
