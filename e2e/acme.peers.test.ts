/**
 * A running gateway obtains its certificate from a real ACME server (pebble), by HTTP-01 on its own listener and by DNS-01 with the
 * command of siegel.yaml, presents it at once, and asks again when told to.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { Pebble } from '../gateway/src/identity/testing/pebble.ts'
import { CONTOSO } from './stage/objects.ts'
import { freePort } from './stage/ports.ts'
import { openStage } from './stage/stage.ts'

/** Who issued what the listener presents. */
async function issuerAt(port: number): Promise<string> {
  const plain = connectTcp({ port, host: '127.0.0.1' })
  for (const line of [null, 'EHLO probe.example\r\n', 'STARTTLS\r\n']) {
    if (line !== null) plain.write(line)
    await new Promise((resolve) => plain.once('data', resolve))
  }
  const socket = connectTls({ socket: plain, servername: CONTOSO.fqdn, rejectUnauthorized: false })
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  const issuer = socket.getPeerX509Certificate()?.issuer ?? ''
  socket.resume().end('QUIT\r\n')
  await new Promise((resolve) => socket.once('close', resolve))
  return issuer
}

async function play(t: TestContext, challenge: 'http-01' | 'dns-01'): Promise<void> {
  const httpPort = await freePort()
  const pebble = new Pebble()
  t.after(() => pebble.end())
  await pebble.start({ httpPort })
  const folder = mkdtempSync(join(tmpdir(), 'siegel-dns-'))
  t.after(() => {
    rmSync(folder, { recursive: true })
  })
  const command = join(folder, 'dns.mjs')
  writeFileSync(
    command,
    `const [url, action, name, value] = process.argv.slice(2)
const path = action === 'present' ? '/set-txt' : '/clear-txt'
await fetch(url + path, { method: 'POST', body: JSON.stringify({ host: name + '.', value }) })
`,
  )
  const stage = await openStage({
    settings: {
      acme: {
        httpListeners: challenge === 'http-01' ? [{ address: '127.0.0.1', port: httpPort }] : [],
        dnsCommand: [process.execPath, command, pebble.recordsUrl],
        nameServers: [pebble.nameServer],
      },
    },
  })
  t.after(() => stage.close())
  const { gateway } = stage
  const anchor = (name: string, certificate: string) => ({ kind: 'TlsAnchor', name, spec: { certificate } })
  assert.doesNotMatch(await issuerAt(gateway.config.port), /Pebble/)
  gateway.apply([
    anchor('pebble-tls', pebble.anchor),
    anchor('pebble-root', await pebble.root(0)),
    {
      kind: 'AcmeIssuer',
      name: 'pebble',
      spec: { directory: pebble.directory, termsOfServiceAgreed: true, challenge },
    },
  ])
  await gateway.waitForLog((line) => line['event'] === 'acme-issued', 60_000)
  for (let wait = 0; !/Pebble/.test(await issuerAt(gateway.config.port)); wait += 1) assert.ok(wait < 100)
  assert.deepEqual(gateway.json(['alarm', 'list']), [])
  gateway.json(['tls-cert', 'renew'])
  await gateway.waitForLog((line) => line['event'] === 'acme-issued', 60_000, true)
}

test('by HTTP-01 on the listener of the gateway', (t) => play(t, 'http-01'))
test('by DNS-01 with the command of siegel.yaml', (t) => play(t, 'dns-01'))
