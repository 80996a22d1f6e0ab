// The look from outside: certificates, DNS and route, each fault named; hosts do not answer here (e2e/exchange.test.ts has them).
import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { issueCertificate, issueCrl, parseCertificate, type Certificate } from '@siegel/engine'
import { keyToPem, toPem } from '../../config/certificates.ts'
import type { TlsIdentity } from '../../config/ports.ts'
import { HostLookupError } from '../../dns/hosts.ts'
import { lookFromOutside, type OutsideInput } from './outside.ts'
import { fetchList } from './revocation-lists.ts'
import { recommended } from './testing/tenants.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 24)

interface Made {
  readonly certificate: Certificate
  readonly key: KeyObject
}

/** RFC 5280 4.2.1.12 */
const USAGES = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' }
type Usage = keyof typeof USAGES

function make(
  name: string,
  how: { ca?: boolean; issuer?: Made; usages?: Usage[]; days?: number; rsa?: boolean; crlUrls?: string[] },
): Made {
  const { privateKey, publicKey } =
    how.rsa === true
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const der = issueCertificate({
    subject: { CN: name },
    issuer: how.issuer === undefined ? { key: privateKey } : how.issuer,
    publicKey,
    notBefore: NOW - 10 * DAY,
    notAfter: NOW + (how.days ?? 200) * DAY,
    extensions:
      how.ca === true
        ? { ca: true, keyUsage: ['keyCertSign'] }
        : {
            dnsNames: [name],
            ...(how.crlUrls === undefined ? {} : { crlUrls: how.crlUrls }),
            keyUsage: ['digitalSignature'],
            ...(how.usages === undefined
              ? {}
              : { extendedKeyUsage: how.usages.map((usage) => USAGES[usage]) }),
          },
  })
  return { certificate: parseCertificate(der), key: privateKey }
}

const root = make('Root', { ca: true })
const intermediate = make('Intermediate', { ca: true, issuer: root })

function identity(leaf: Made, ...chain: Made[]): TlsIdentity {
  return {
    chain: toPem([leaf, ...chain].map(({ certificate }) => certificate)),
    key: keyToPem(leaf.key),
    names: leaf.certificate.dnsNames,
  }
}

const good = identity(
  make(recommended.fqdn, { issuer: intermediate, rsa: true, usages: ['serverAuth', 'clientAuth'] }),
  intermediate,
)

/** What is not good, but for the hosts that do not answer and the authority that nobody knows. */
async function faults(change: Partial<OutsideInput>): Promise<string[]> {
  const checks = await lookFromOutside({
    tenant: recommended,
    client: good,
    servers: [good],
    tlsAnchors: [toPem([root.certificate])],
    listener: null,
    resolve: () => Promise.reject(new HostLookupError('not-found', 'nothing here')),
    mx: () => Promise.resolve(['contoso-com.mail.protection.outlook.com']),
    fetch: fetchList,
    now: NOW,
    ...change,
  })
  const expected = new Set(['certificate-chain-private', 'fqdn-unresolved', 'host-unreachable'])
  return checks
    .filter(({ verdict, code }) => verdict !== 'good' && !expected.has(code))
    .map(({ verdict, code, args }) => `${verdict} ${code} ${args['which'] ?? ''}`.trim())
}

test('good certificates and a route that is the MX have no fault', async () => {
  assert.deepEqual(await faults({}), [])
})

test('each fault of a certificate is named', async () => {
  const { fqdn } = recommended
  const cases: [Partial<OutsideInput>, string[]][] = [
    [{ client: null }, ['bad certificate-missing client']],
    [{ servers: [] }, ['bad certificate-missing server']],
    [{ client: identity(make('other.example', { issuer: intermediate }), intermediate) }, ['bad certificate-other-name client']],
    [{ client: identity(make(fqdn, { issuer: intermediate })) }, ['bad certificate-chain-broken client']],
    [{ tlsAnchors: [] }, ['bad certificate-chain-broken client', 'bad certificate-chain-broken server']],
    [{ client: identity(make(fqdn, { issuer: intermediate, days: -1 }), intermediate) }, ['bad certificate-expired client']],
    [{ client: identity(make(fqdn, { issuer: intermediate, days: 20 }), intermediate) }, ['warning certificate-ends-soon client']],
    [{ client: identity(make(fqdn, { issuer: intermediate, usages: ['serverAuth'] }), intermediate) }, ['warning certificate-no-client-usage']],
    [{ servers: [identity(make(fqdn, { issuer: intermediate, rsa: true, usages: ['clientAuth'] }), intermediate)] }, ['bad certificate-no-server-usage']],
    [{ servers: [identity(make(fqdn, { issuer: intermediate }), intermediate)] }, ['warning certificate-not-rsa']],
    [{ now: NOW - 20 * DAY }, ['bad certificate-not-yet client', 'bad certificate-not-yet server']],
  ] // prettier-ignore
  for (const [change, expected] of cases) assert.deepEqual(await faults(change), expected)
})

test('a SHA-1 signature in the chain is named', async () => {
  const authority = make('RSA root', { ca: true, rsa: true })
  const leaf = make(recommended.fqdn, { issuer: authority })
  // sha256WithRSAEncryption becomes sha1WithRSAEncryption; the signature does not fit any more.
  const hex = leaf.certificate.raw.toString('hex').replaceAll('2a864886f70d01010b', '2a864886f70d010105')
  const old = { certificate: parseCertificate(Buffer.from(hex, 'hex')), key: leaf.key }
  assert.deepEqual(await faults({ client: identity(old), tlsAnchors: [toPem([root.certificate])] }), [
    'bad certificate-chain-broken client',
    'bad certificate-sha1 client',
  ])
})

test('the route is held against the MX, whichever suffix it has', async () => {
  const route = (text: string) => ({ tenant: { ...recommended, route: text } })
  const mx = (...names: string[]) => ({ mx: () => Promise.resolve(names) })
  const cases: [Partial<OutsideInput>, string[]][] = [
    [{ ...route('[contoso-com.a1b2.mx.microsoft]:25'), ...mx('contoso-com.a1b2.mx.microsoft') }, []],
    [mx('contoso-com.a1b2.mx.microsoft'), ['warning route-differs']],
    [mx('mx.elsewhere.example'), ['warning mx-elsewhere']],
    [mx(), ['warning mx-none']],
    [{ mx: () => Promise.reject(new Error('no DNS')) }, ['warning mx-unknown']],
    [route('[contoso-com.mail.protection.outlook.com]:587'), ['bad route-port']],
    [route('[192.0.2.1]:25'), ['bad route-not-a-name', 'warning route-differs']],
    [route('[evil.example]:25'), ['bad route-not-a-name', 'warning route-differs']],
    [route('[contoso.mail.protection.outlook.com.evil.example]:25'), ['bad route-not-a-name', 'warning route-differs']],
  ] // prettier-ignore
  for (const [change, expected] of cases) assert.deepEqual(await faults(change), expected)
})

test('the revocation list of a certificate is fetched and read', async () => {
  const lists = new Map<string, Buffer>()
  const server = createServer((request, response) => {
    const list = lists.get(request.url ?? '')
    response.writeHead(list === undefined ? 404 : 200).end(list)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const withList = (path: string) => {
      const leaf = make(recommended.fqdn, {
        issuer: intermediate,
        crlUrls: [`http://127.0.0.1:${port}${path}`],
      })
      return { leaf, change: { client: identity(leaf, intermediate) } }
    }
    const list = (nextUpdate: number, serials: Buffer[]) =>
      issueCrl({
        ...{ issuer: intermediate, thisUpdate: NOW - 2 * DAY, nextUpdate, number: 1 },
        entries: serials.map((serial) => ({ serial, revocationDate: NOW - DAY })),
      })
    const [good_, old, revoked, broken, missing] = ['/good', '/old', '/revoked', '/broken', '/none'].map(
      withList,
    )
    assert.ok(good_ && old && revoked && broken && missing)
    lists.set('/good', list(NOW + DAY, [old.leaf.certificate.serial]))
    lists.set('/old', list(NOW - DAY, []))
    lists.set('/revoked', list(NOW + DAY, [revoked.leaf.certificate.serial]))
    lists.set('/broken', Buffer.from('nothing'))
    assert.deepEqual(await faults(good_.change), [])
    assert.deepEqual(await faults(old.change), ['bad crl-unusable client'])
    assert.deepEqual(await faults(revoked.change), ['bad crl-revoked client'])
    assert.deepEqual(await faults(broken.change), ['bad crl-unusable client'])
    assert.deepEqual(await faults(missing.change), ['bad crl-unusable client'])
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
