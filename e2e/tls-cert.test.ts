/**
 * The gateway's certificate is changed while mail flows: by command, at a staged time, and back. New handshakes have the new one
 * within a second, inbound and outbound, and no connection is cut and no mail lost.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { issue, type IssuedCertificate } from '@siegel/exo-sim'
import { openRig, type Rig } from './power/rig.ts'
import { CONTOSO } from './stage/objects.ts'
import { Line } from './stage/source.ts'

const CONNECTIONS = 3

interface Done {
  readonly id: string
  readonly findings: readonly { readonly code: string; readonly verdict: string }[]
}

/** What the listener presents to a new connection. */
async function presented(port: number): Promise<string> {
  const plain = connectTcp({ port, host: '127.0.0.1' })
  const reply = () =>
    new Promise<void>((resolve, reject) => {
      plain.once('data', () => {
        resolve()
      })
      plain.once('error', reject)
    })
  await reply()
  plain.write('EHLO probe.example\r\n')
  await reply()
  plain.write('STARTTLS\r\n')
  await reply()
  const socket = connectTls({ socket: plain, servername: CONTOSO.fqdn, rejectUnauthorized: false })
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  const fingerprint = socket.getPeerX509Certificate()?.fingerprint256 ?? ''
  socket.destroy()
  return fingerprint
}

const fingerprintOf = ({ cert }: IssuedCertificate) => new X509Certificate(cert).fingerprint256

describe('the certificate of a running gateway', () => {
  let rig: Rig
  let stopped = false
  const running: Promise<void>[] = []
  const answered: string[] = []
  const failures: unknown[] = []

  const make = () => issue(rig.certificates.tls, { commonName: CONTOSO.fqdn, dnsNames: [CONTOSO.fqdn], keyType: 'rsa2048' }) // prettier-ignore
  const fileOf = (name: string, { cert, key }: IssuedCertificate) => {
    const path = join(rig.folder, name)
    writeFileSync(path, cert + key, { mode: 0o600 })
    return path
  }
  /** Resolves when a new connection gets the certificate, and says after how many milliseconds. */
  const until = async (fingerprint: string): Promise<number> => {
    const started = performance.now()
    while ((await presented(rig.gateway.config.port)) !== fingerprint) {
      assert.ok(performance.now() - started < 10_000, 'the certificate is not presented')
      await sleep(20)
    }
    return performance.now() - started
  }
  /** The next mail reaches Office 365 under this certificate. */
  const outboundHas = async (fingerprint: string): Promise<void> => {
    const line = await Line.open({ port: rig.gateway.config.port, client: rig.certificates.exchangeClient })
    const { id, mail } = rig.cast.next()
    await line.send(mail)
    line.close()
    for (let wait = 0; !rig.sink.arrived.has(id); wait += 20) {
      assert.ok(wait < 20_000, `${id} did not arrive`)
      await sleep(20)
    }
    assert.equal(rig.sink.presented.get(id), fingerprint)
  }

  before(async () => {
    rig = await openRig()
    await rig.gateway.start()
    const push = async () => {
      const line = await Line.open({ port: rig.gateway.config.port, client: rig.certificates.exchangeClient })
      while (!stopped) {
        const { id, mail } = rig.cast.next()
        await line.send(mail)
        answered.push(id)
        await sleep(20)
      }
      line.close()
    }
    for (let count = 0; count < CONNECTIONS; count += 1)
      running.push(push().catch((error: unknown) => void failures.push(error)))
  })
  after(async () => {
    stopped = true
    await Promise.all(running)
    await rig.close()
  })

  let first: IssuedCertificate
  it('begins with that of the objects', async () => {
    const { gateway } = rig.certificates
    assert.equal(await presented(rig.gateway.config.port), fingerprintOf(gateway))
    await outboundHas(fingerprintOf(gateway))
  })

  it('is replaced by import --activate, inbound and outbound, within a second', async () => {
    first = make()
    const done = rig.gateway.json(['tls-cert', 'import', fileOf('first.pem', first), '--activate']) as Done
    assert.deepEqual(done.findings.filter(({ verdict }) => verdict === 'bad'), []) // prettier-ignore
    const took = await until(fingerprintOf(first))
    assert.ok(took < 1000, `${took} ms`)
    await outboundHas(fingerprintOf(first))
  })

  it('a wrong one is refused and changes nothing', async () => {
    const wrong = issue(rig.certificates.tls, { commonName: 'other.example', dnsNames: ['other.example'] })
    const done = rig.gateway.json(['tls-cert', 'import', fileOf('wrong.pem', wrong), '--activate']) as Done
    assert.ok(done.findings.some(({ code }) => code === 'name-missing'))
    await sleep(1000)
    assert.equal(await presented(rig.gateway.config.port), fingerprintOf(first))
  })

  it('the staged next one takes over at its time, and can be rolled back', async () => {
    const next = make()
    const { id } = rig.gateway.json(['tls-cert', 'import', fileOf('next.pem', next)]) as Done
    const at = new Date(Date.now() + 4000).toISOString()
    rig.gateway.json(['tls-cert', 'stage', id, '--at', at])
    assert.equal(await presented(rig.gateway.config.port), fingerprintOf(first))
    const taken = await rig.gateway.waitForLog(
      (line) => line['event'] === 'tls-certificate-took-over',
      30_000,
    )
    assert.equal(taken['id'], id)
    await until(fingerprintOf(next))
    await outboundHas(fingerprintOf(next))
    rig.gateway.json(['tls-cert', 'rollback'])
    await until(fingerprintOf(first))
    await outboundHas(fingerprintOf(first))
  })

  it('no connection was cut and no mail lost', async () => {
    stopped = true
    await Promise.all(running)
    assert.deepEqual(failures, [])
    assert.ok(answered.length > 50, String(answered.length))
    for (let wait = 0; answered.some((id) => !rig.sink.arrived.has(id)); wait += 50) {
      assert.ok(wait < 20_000, 'mail is missing')
      await sleep(50)
    }
  })
})
