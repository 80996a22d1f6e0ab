/**
 * The real command: with `tlsReports` a running gateway sends the report that `siegel tls-report send` makes due; without it it sends none.
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { randomBytes, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { makeCertificate, tenantSpecOf } from '../config/testkit.ts'
import { startNameServer, type Said } from '../dns/testing/name-server.ts'
import { startHop } from '../mail/outbound/testing/hop.ts'
import { openStore } from '../store/index.ts'
import { DAY_MS, dayOf } from './day.ts'

const COMMAND = fileURLToPath(new URL('../../../siegel', import.meta.url))
const run = promisify(execFile)

test('a running gateway sends what is due, where it is configured', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-reports-'))
  const config = join(folder, 'siegel.yaml')
  const masterKey = randomBytes(32)
  const hop = await startHop()
  const record = { type: 'TXT' as const, name: '_smtp._tls.fabrikam.com' }
  const zone = new Map<string, Said>([
    [
      '_smtp._tls.fabrikam.com TXT',
      { answers: [{ ...record, data: 'v=TLSRPTv1; rua=mailto:tls@reports.example' }] },
    ],
    [
      'reports.example MX',
      {
        answers: [{ type: 'MX', name: 'reports.example', data: { preference: 1, exchange: 'hop.example' } }],
      },
    ],
  ])
  const names = await startNameServer(zone)
  const settings = {
    ...{ fqdn: 'smime.contoso.com', dataFolder: 'data', masterKey: 'file:master.key' },
    listeners: [{ address: '127.0.0.1', port: 0 }],
    dns: { servers: [names.server] },
    hosts: { 'hop.example': `127.0.0.1:${hop.port}` },
  }
  const tlsReports = {
    ...{ organisation: 'Contoso', contact: 'postmaster@contoso.com' },
    ...{ sender: 'tls-reports@contoso.com', tenant: 'contoso' },
  }
  /** Serves until something is true, or some seconds have passed. */
  const serve = async (isEnough: () => boolean, seconds: number): Promise<string> => {
    const server = spawn(COMMAND, ['serve', '--config', config, '--allow-root'])
    let out = ''
    server.stdout.on('data', (piece: Buffer) => (out += piece.toString()))
    for (let i = 0; i < seconds * 10 && !isEnough(); i++)
      await new Promise((resolve) => setTimeout(resolve, 100))
    server.kill('SIGTERM')
    await once(server, 'exit')
    return out
  }
  try {
    writeFileSync(join(folder, 'master.key'), masterKey, { mode: 0o600 })
    writeFileSync(config, stringify({ ...settings, tlsReports }))
    const { privateKey } = generateKeyPairSync('ed25519')
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
    const server = makeCertificate('gateway', { dnsNames: ['smime.contoso.com'] })
    const dkimSigning = [{ domain: 'contoso.com', selector: 'r', key }]
    const objects = [
      { kind: 'Tenant', name: 'contoso', spec: { ...tenantSpecOf('contoso.com', 0), outboundDelivery: 'direct', dkimSigning } },
      { kind: 'ServerCertificate', name: 'gateway', spec: { chain: server.pem, key: server.keyPem } },
    ] // prettier-ignore
    const file = join(folder, 'objects.yaml')
    writeFileSync(file, objects.map((one) => stringify({ apiVersion: 'siegel/v1', ...one })).join('---\n'))
    await run(COMMAND, ['apply', '-f', file, '--config', config])
    const store = await openStore({ dataFolder: join(folder, 'data'), masterKey })
    const session = {
      ...{ domain: 'fabrikam.com', policy: { type: 'no-policy-found' as const, strings: [], mxHosts: [] } },
      ...{ mx: '', address: '', localAddress: null, result: null, reason: null },
    }
    const now = Date.now()
    await store.tlsReports.add([{ day: dayOf(now) - DAY_MS, session, count: 7 }], now)
    await store.close()
    const { stdout } = await run(COMMAND, ['tls-report', 'send', '--config', config])
    assert.match(stdout, /: 1 due now/)

    writeFileSync(config, stringify(settings))
    await serve(() => false, 5)
    assert.equal(hop.heard.length, 0)
    writeFileSync(config, stringify({ ...settings, tlsReports }))
    const log = await serve(() => hop.heard.length > 0, 40)
    assert.equal(hop.heard.length, 1, log)
    const text = hop.heard[0]?.content.toString('latin1') ?? ''
    assert.match(text, /^DKIM-Signature: /)
    assert.match(text, /TLS-Report-Domain: fabrikam\.com\r\n/)
    assert.match(log, /tls-report-sent/)
  } finally {
    await hop.close()
    await names.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
