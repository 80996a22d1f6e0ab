/**
 * SMIMEA against unbound and zones signed by ldns: records in the form that `siegel keyring smimea` prints are found where the zone is
 * signed, count for nothing where it is not, and are a failure where the signature does not fit. Needs unbound, ldnsutils and root
 * (scripts/install-peers.sh).
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createResolver } from '../../dns/resolver.ts'
import { serveZones, type ZoneServer } from '../../dns/testing/zones.ts'
import { make } from '../testing/credentials.ts'
import { createSmimeaFinder, smimeaLine } from './smimea.ts'

const SERVER = { address: `127.45.254.${(process.pid % 250) + 1}`, port: 53 }
const ZONES = ['signed', 'unsigned', 'mistrusted'] as const
const people = new Map(
  ZONES.map((state) => {
    const address = `Anna.B@${state}mail.test`
    return [address, make('Anna', null, { emails: [address], rsa: true })]
  }),
)

describe('SMIMEA, against unbound', () => {
  let server: ZoneServer | null = null
  before(async () => {
    server = await serveZones(
      ZONES.map((state) => {
        const name = `${state}mail.test`
        return {
          ...{ name, state },
          records: [...people]
            .filter(([address]) => address.endsWith(`@${name}`))
            .flatMap(([address, { certificate }]) => smimeaLine(address, certificate) ?? []),
        }
      }),
      SERVER,
    )
  })
  after(() => server?.close())

  const find = (address: string, trusted: 'all' | 'none' = 'all') =>
    createSmimeaFinder(createResolver({ servers: [SERVER], trusted, timeoutMs: 1000 })).find(
      address,
      AbortSignal.timeout(5000),
    )

  test('a signed zone vouches', async () => {
    const { certificates, associations } = await find('Anna.B@signedmail.test')
    assert.deepEqual(
      certificates.map(({ certificate }) => certificate.fingerprint),
      [people.get('Anna.B@signedmail.test')?.certificate.fingerprint],
    )
    assert.deepEqual(
      associations.map(({ usage, selector, matching }) => [usage, selector, matching]),
      [[3, 0, 0]],
    )
    assert.deepEqual((await find('nobody@signedmail.test')).certificates, [])
  })

  test('an unsigned zone and an untrusted server do not', async () => {
    const unsigned = await find('Anna.B@unsignedmail.test')
    assert.deepEqual([unsigned.certificates, unsigned.associations], [[], []])
    assert.deepEqual(
      unsigned.reasons.map(({ code }) => code),
      ['smimea-not-secure'],
    )
    const untrusted = await find('Anna.B@signedmail.test', 'none')
    assert.deepEqual(
      untrusted.reasons.map(({ code }) => code),
      ['smimea-not-validated'],
    )
  })

  test('a zone whose signatures do not fit is no answer', async () => {
    await assert.rejects(find('Anna.B@mistrustedmail.test'), { name: 'LookupFailed' })
  })
})
