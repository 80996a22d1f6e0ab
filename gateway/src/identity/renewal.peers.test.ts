// Certificates by ACME from Debian's pebble: both challenges, rejected nonces, external accounts, other roots, failures, restarts.
import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { readCertificates } from '@siegel/engine'
import { createTxtLookup, HttpResponder } from '../acme/challenges.ts'
import { createFreshTexts } from '../dns/fresh-texts.ts'
import { createDnsCommand, type DnsCommand } from '../acme/dns-command.ts'
import type { AcmeIssuer } from '../config/ports.ts'
import { newMailId } from '../mail/id.ts'
import { createLog } from '../observe/log.ts'
import type { Store } from '../store/index.ts'
import { Fixture } from '../store/testing/fixture.ts'
import { ownAnchors } from '../trust/tls-anchors.ts'
import { certificateById, Identities, slotFor } from './identities.ts'
import { Renewal, renewAt } from './renewal.ts'
import { Pebble, type PebbleOptions } from './testing/pebble.ts'

const FQDN = 'smime.contoso.example'
const responders: HttpResponder[] = []
after(() => Promise.all(responders.map((one) => one.close())))

interface Rig {
  readonly pebble: Pebble
  readonly fixture: Fixture
  store: Store
  readonly tenantId: string
  readonly issuer: AcmeIssuer
  readonly responder: HttpResponder
  /** Looks once with an issuer that differs so. */
  look(changed?: Partial<AcmeIssuer>): Promise<void>
  reopen(): Promise<void>
  active(): X509Certificate
  codes(): string[]
}

async function rig(
  t: TestContext,
  options: Omit<PebbleOptions, 'httpPort'> & { readonly dnsCommand?: (pebble: Pebble) => DnsCommand } = {},
): Promise<Rig> {
  const pebble = new Pebble()
  const responder = new HttpResponder()
  responders.push(responder)
  await responder.listen([{ address: '127.0.0.1', port: 0 }])
  t.after(() => pebble.end())
  await pebble.start({ ...options, httpPort: responder.addresses[0]?.port ?? 0 })
  const fixture = new Fixture()
  t.after(() => fixture.end())
  const started = fixture.now
  const opened = await fixture.openWithTenants()
  let root = await pebble.root(0)
  for (let number = 1; number <= (options.alternateRoots ?? 0); number += 1) root += await pebble.root(number)
  const issuer: AcmeIssuer = {
    name: 'pebble',
    directory: pebble.directory,
    hosts: [{ tenantId: opened.contoso, fqdn: FQDN }],
    ...{ use: 'both', challenge: 'http-01', contact: ['admin@contoso.example'], termsOfServiceAgreed: true },
    ...{ externalAccount: null, preferredRoot: null, key: 'p-256' },
  }
  // Certificates begin when they are issued: the clock goes on with the authority's, and can be moved.
  const now = (): number => fixture.now + Date.now() - started
  const made: Rig = {
    ...{ pebble, fixture, tenantId: opened.contoso, issuer, responder, store: opened.store },
    async look(changed = {}) {
      const { store } = made
      const identities = new Identities({
        store: store.identities,
        newId: () => newMailId(fixture.now),
        now,
        anchors: () => ({ publicRoots: [], own: ownAnchors([root]) }),
        atHand: () => [],
        actor: 'test',
      })
      const renewal = new Renewal({
        ...{ identities, store: store.identities, alarms: store.alarms },
        solvers: {
          http: responder,
          dnsCommand: options.dnsCommand?.(pebble) ?? null,
          txtLookup: createTxtLookup(createFreshTexts([pebble.nameServer])),
        },
        clock: { now, sleep: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 100))) },
        tlsAnchors: () => [pebble.anchor],
        presentedToOffice: () => null,
        userAgent: 'siegel-test',
        log: createLog({ level: 'fatal', write: () => undefined }),
      })
      await renewal.look([{ ...issuer, ...changed }])
    },
    async reopen() {
      await fixture.close(made.store)
      made.store = await fixture.open()
    },
    active() {
      const state = made.store.identities.state()
      const id = slotFor(state, made.tenantId, 'server').active
      const certificate = certificateById(state, made.tenantId, id)
      assert.ok(
        certificate?.chain,
        JSON.stringify([made.store.identities.orders(), made.store.alarms.list()]),
      )
      return new X509Certificate(certificate.chain)
    },
    codes: () => made.store.alarms.list().map(({ code }) => code),
  }
  return made
}

test('HTTP-01 with every second nonce rejected; renewed when a third of the lifetime is left, with another key', async (t) => {
  const one = await rig(t, { rejectedNonces: 50 })
  await one.look()
  const first = one.active()
  assert.equal(first.subjectAltName, `DNS:${FQDN}`)
  const state = one.store.identities.state()
  const id = slotFor(state, one.tenantId, 'server').active
  assert.equal(slotFor(state, one.tenantId, 'client').active, id)
  assert.ok(
    first.checkPrivateKey(createPrivateKey(one.store.identities.privateKey(one.tenantId, id ?? '') ?? '')),
  )
  assert.deepEqual(one.codes(), [])
  // The chain that is sent ends below the root.
  const chain = readCertificates(Buffer.from(certificateById(state, one.tenantId, id)?.chain ?? ''))
  assert.equal(chain.length, 2)

  // Not due yet, even when it is looked at again.
  one.fixture.now += 86_400_000
  await one.look()
  assert.equal(one.active().fingerprint256, first.fingerprint256)
  const [leaf] = chain
  assert.ok(leaf)
  one.fixture.now = renewAt(leaf, 0) + 1
  await one.look()
  const second = one.active()
  assert.notEqual(second.fingerprint256, first.fingerprint256)
  assert.ok(!second.publicKey.equals(first.publicKey))
  assert.equal(slotFor(one.store.identities.state(), one.tenantId, 'server').former, id)
})

/** Writes records the way an administrator's program would: arguments in, an HTTP interface out. */
function program(folder: string): string {
  const file = join(folder, 'dns.mjs')
  writeFileSync(
    file,
    `const [url, action, name, value] = process.argv.slice(2)
const path = action === 'present' ? '/set-txt' : '/clear-txt'
if (Object.keys(process.env).some((one) => one.startsWith('SIEGEL'))) throw new Error('sees our environment')
const response = await fetch(url + path, { method: 'POST', body: JSON.stringify({ host: name + '.', value }) })
if (!response.ok) throw new Error(String(response.status))
`,
  )
  return file
}

test('DNS-01 by the command of the administrator, which sees nothing of our environment', async (t) => {
  process.env['SIEGEL_MASTER_KEY'] = 'secret'
  const one = await rig(t, {
    dnsCommand: (pebble) =>
      createDnsCommand([process.execPath, program(one.fixture.folder), pebble.recordsUrl]),
  })
  await one.look({ challenge: 'dns-01' })
  assert.equal(one.active().subjectAltName, `DNS:${FQDN}`)
  // Taken away again.
  const lookUp = createTxtLookup(createFreshTexts([one.pebble.nameServer]))
  assert.equal(await lookUp({ name: `_acme-challenge.${FQDN}`, value: 'x' }), false)
})

test('a command that fails is alarmed of with its complaint', async (t) => {
  const one = await rig(t, {
    dnsCommand: () =>
      createDnsCommand([process.execPath, '-e', 'console.error("no such zone"); process.exit(3)']),
  })
  await one.look({ challenge: 'dns-01' })
  const [alarm] = one.store.alarms.list()
  assert.equal(alarm?.code, 'acme-not-ready')
  assert.match(JSON.stringify(alarm.arguments), /no such zone/)
})

test('DNS-01 by hand: the alarm names the record, the order outlives a restart, the alarm goes', async (t) => {
  const one = await rig(t)
  await one.look({ challenge: 'dns-01' })
  const [alarm] = one.store.alarms.list()
  assert.equal(alarm?.code, 'acme-record-wanted')
  const [order] = one.store.identities.orders()
  assert.ok(order?.url)
  await one.reopen()
  const { name, value } = alarm.arguments
  await one.pebble.setRecord(String(name), String(value))
  // Not before its time.
  await one.look({ challenge: 'dns-01' })
  assert.deepEqual(one.codes(), ['acme-record-wanted'])
  one.fixture.now += 61_000
  await one.look({ challenge: 'dns-01' })
  assert.equal(one.active().subjectAltName, `DNS:${FQDN}`)
  assert.deepEqual(one.codes(), [])
  // The same request, not another one.
  const { certificates } = one.store.identities.state()
  assert.equal(certificates.length, 1)
})

test('an external account: demanded, wrong, right', async (t) => {
  const hmacKey = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W'
  const one = await rig(t, { externalAccounts: { 'kid-1': hmacKey } })
  await one.look()
  assert.deepEqual(one.codes(), ['acme-account'])
  one.fixture.now += 86_400_000
  await one.look({ externalAccount: { keyId: 'kid-1', hmacKey: `A${hmacKey.slice(1)}` } })
  assert.notDeepEqual(one.codes(), [])
  one.fixture.now += 86_400_000
  await one.look({ externalAccount: { keyId: 'kid-1', hmacKey } })
  assert.equal(one.active().subjectAltName, `DNS:${FQDN}`)
  assert.deepEqual(one.codes(), [])
})

test('terms that are not agreed to', async (t) => {
  const one = await rig(t)
  await one.look({ termsOfServiceAgreed: false })
  const [alarm] = one.store.alarms.list()
  assert.equal(alarm?.code, 'acme-account')
  assert.match(String(alarm.arguments['cause']), /termsOfServiceAgreed/)
})

test('of several chains the one to the preferred root', async (t) => {
  const one = await rig(t, { alternateRoots: 2 })
  const [wanted] = readCertificates(Buffer.from(await one.pebble.root(2)))
  const preferredRoot = /CN=([^,]+)/.exec(wanted?.subject.text ?? '')?.[1] ?? ''
  await one.look({ preferredRoot })
  const state = one.store.identities.state()
  const id = slotFor(state, one.tenantId, 'server').active
  const chain = readCertificates(Buffer.from(certificateById(state, one.tenantId, id)?.chain ?? ''))
  assert.equal(chain.at(-1)?.issuer.text, wanted?.subject.text)
})

test('a challenge that is not answered: alarm, patience that grows, a new order, and all is well', async (t) => {
  const one = await rig(t)
  // Somebody else answers on that port.
  const set = one.responder.set.bind(one.responder)
  one.responder.set = (token) => {
    set(token, 'nonsense')
  }
  await one.look()
  const [first] = one.store.identities.orders()
  assert.deepEqual(one.codes(), ['acme-challenge-failed'])
  assert.deepEqual([first?.failures, first?.url], [1, null])
  one.fixture.now = first?.nextAt ?? 0
  await one.look()
  const [second] = one.store.identities.orders()
  assert.ok((second?.nextAt ?? 0) - one.fixture.now > (first?.nextAt ?? 0) - Date.now() - 1)
  one.responder.set = set
  one.fixture.now = second?.nextAt ?? 0
  await one.look()
  assert.equal(one.active().subjectAltName, `DNS:${FQDN}`)
  assert.deepEqual([one.codes(), one.store.identities.orders()[0]?.failures], [[], 0])
})

test('a server that is down is unreachable, and the key of the account stays', async (t) => {
  const one = await rig(t)
  await one.pebble.end()
  await one.look()
  assert.deepEqual(one.codes(), ['acme-unreachable'])
  assert.ok(one.store.identities.account(one.pebble.directory))
})
