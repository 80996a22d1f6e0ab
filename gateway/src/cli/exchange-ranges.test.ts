/** `siegel exchange ranges` on a real store, against a real HTTPS server. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SERVICE_CA, TestService } from '../exchange/endpoints/testing/service.ts'
import { Installation } from './testing/installation.ts'

const NOW = Date.UTC(2026, 10, 24, 12)
let installation: Installation
let service: TestService
before(async () => {
  service = new TestService()
  const base = await service.open()
  installation = await Installation.make(
    [
      { kind: 'TlsAnchor', name: 'ca', spec: { certificate: SERVICE_CA.pem } },
      { kind: 'AddressRange', name: 'office', spec: { office365: true } },
    ],
    `exchange: { addressRanges: { service: '${base}' } }\n`,
    () => NOW,
  )
})
after(async () => {
  service.close()
  await installation.remove()
})
const run = (...argv: string[]) => installation.run(...argv)

test('the shipped list is shown, its age too; a refresh takes the newer one, and a bad one is not believed', async () => {
  const shipped = await run('exchange', 'ranges')
  assert.equal(shipped.code, 1, 'it is old')
  assert.match(
    shipped.out,
    /^version 2026081400, shipped, confirmed 102 days ago: old\nin use\nnot refreshed: .*\n {2}40\.92\.0\.0\/15\n/,
  )
  assert.equal(service.asked.length, 0)

  const taken = await run('exchange', 'ranges', '--refresh')
  assert.equal(taken.code, 0)
  assert.match(
    taken.out,
    /^a newer list was taken over\nversion 2026110200, refreshed, confirmed 0 days ago\nin use\n/,
  )

  service.version = '2026110900'
  service.ranges = ['40.107.0.0/16', '104.47.0.0/17', '2a01:111:f400::/48']
  const refused = await run('exchange', 'ranges', '--refresh', '--json')
  assert.equal(refused.code, 1)
  const { source, version, ageDays, stale, inUse, automatic, refresh } = JSON.parse(refused.out) as Record<
    string,
    unknown
  >
  assert.deepEqual(
    [source, version, ageDays, stale, inUse, automatic, (refresh as { kind: string }).kind],
    ['refreshed', '2026110200', 0, false, true, false, 'refused'],
  )
  assert.equal((await run('exchange', 'ranges', '--refresh', '--accept-smaller')).code, 0)
  assert.equal((await run('exchange', 'ranges', '--accept-smaller')).code, 2)
})
