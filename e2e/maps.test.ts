/**
 * The running gateway and what is said of who may connect: a client-access map takes effect within a second and goes again, it lets
 * nobody in who is in no range, and the addresses of Office 365 are fetched from a real HTTPS service and taken over.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SERVICE_CA, TestService } from '../gateway/src/exchange/endpoints/testing/service.ts'
import { makeStageCertificates } from './stage/certificates.ts'
import { StageGateway, type StageObject } from './stage/gateway.ts'
import { CONTOSO } from './stage/objects.ts'
import { freePort } from './stage/ports.ts'

describe('who may connect to the running gateway', () => {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-maps-'))
  const service = new TestService()
  const { cert: chain, key } = makeStageCertificates(CONTOSO.fqdn).gateway
  const base: readonly StageObject[] = [
    { kind: 'ServerCertificate', name: 'contoso', spec: { chain, key } },
    { kind: 'TlsAnchor', name: 'service', spec: { certificate: SERVICE_CA.pem } },
  ]
  const ranges = (spec: object): StageObject => ({ kind: 'AddressRange', name: 'peers', spec })
  const map = (name: string, text: string): StageObject => ({ kind: 'Map', name, spec: { text } })
  let gateway: StageGateway
  before(async () => {
    const address = await service.open()
    gateway = new StageGateway({
      folder,
      fqdn: CONTOSO.fqdn,
      port: await freePort(),
      hosts: {},
      settings: { exchange: { addressRanges: { refresh: true, service: address } } },
    })
    gateway.apply([...base, ranges({ cidrs: ['127.0.0.0/8'] })])
    await gateway.start()
  })
  after(async () => {
    await gateway.end()
    service.close()
    rmSync(folder, { recursive: true })
  })

  /** What a peer hears first. */
  function greeting(): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(gateway.config.port, '127.0.0.1')
      socket.setEncoding('latin1').once('data', (text: string) => {
        socket.destroy()
        resolve(text.trimEnd())
      })
      socket.once('error', reject)
    })
  }

  it('a map refuses within a second after it was applied, lets go again, and admits nobody', async () => {
    assert.match(await greeting(), /^220 /)
    gateway.apply([
      ...base,
      ranges({ cidrs: ['127.0.0.0/8'] }),
      map('client-access', '127.0.0.1 REJECT 5.7.0 Go\n'),
    ])
    await sleep(1000)
    assert.equal(await greeting(), '554 5.7.0 Go')
    gateway.apply([...base, ranges({ cidrs: ['127.0.0.0/8'] }), map('client-access', '127.0.0.1 OK\n')])
    await sleep(1000)
    assert.match(await greeting(), /^220 /)
    gateway.apply([...base, ranges({ cidrs: ['192.0.2.0/24'] })])
    await sleep(1000)
    assert.equal(
      await greeting(),
      '550 5.7.1 Not authorized',
      'OK in the map does not take the place of a range',
    )
  })

  it('a map that asks for what no map can do is refused, with the place in the file', () => {
    assert.throws(() => {
      gateway.apply([
        ...base,
        ranges({ cidrs: ['127.0.0.0/8'] }),
        map('recipient-access', 'a.example REJECT\nb.example DISCARD\n'),
      ])
    }, /objects\.yaml:\d+:15: Map recipient-access: line 2, column 11: DISCARD: .*never dropped/)
  })

  it('the addresses of Office 365 are asked for once an object takes them in, and are in force', async () => {
    assert.deepEqual(service.asked, [])
    const taken = gateway.waitForLog(
      (line) => line['event'] === 'address-ranges' && line['version'] === service.version,
      90_000,
    )
    gateway.apply([...base, ranges({ office365: true })])
    await taken
    assert.equal(await greeting(), '550 5.7.1 Not authorized')
    const shown = gateway.json(['exchange', 'ranges']) as Record<string, unknown>
    assert.deepEqual(
      [shown['source'], shown['version'], shown['inUse'], shown['automatic'], shown['stale']],
      ['refreshed', service.version, true, true, false],
    )
    assert.deepEqual(gateway.json(['alarm', 'list']), [])
  })
})
