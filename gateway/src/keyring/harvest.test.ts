/**
 * Harvest on real mail and a real store: what is taken, what is left, and that an old mail brings nothing back.
 */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { signEntity, verifyMessage, type Certificate } from '@siegel/engine'
import { createLog } from '../observe/log.ts'
import type { TenantStore } from '../store/index.ts'
import { Fixture } from '../store/testing/fixture.ts'
import { createTrust } from '../trust/trust.ts'
import type { HarvestPolicy } from './harvest-ports.ts'
import { createHarvester } from './harvest.ts'
import { make, makeRoot, type Made } from './testing/credentials.ts'

const ANNA = 'anna@partner.example'
const HOUR = 3_600_000
const root = makeRoot()
const trust = createTrust({ version: 1, anchors: [root.certificate.raw] })

describe('harvest', () => {
  let fixture: Fixture
  let store: TenantStore
  let policy: HarvestPolicy = 'trusted'
  beforeEach(async () => {
    fixture = new Fixture()
    const opened = await fixture.openWithTenants()
    store = opened.store.forTenant(opened.contoso)
    policy = 'trusted'
  })
  afterEach(() => fixture.end())

  /** A mail of Anna's, signed at a time, taken by the harvester. */
  async function take(
    signer: Made,
    {
      at = Date.now(),
      chain = [],
      from = ANNA,
    }: { at?: number; chain?: readonly Certificate[]; from?: string } = {},
  ): Promise<string[]> {
    const entity = Buffer.from('Content-Type: text/plain\r\n\r\nhello\r\n')
    const key = { key: signer.key, certificate: signer.certificate, chain }
    const signed = signEntity([entity], key, { digest: 'sha256', pss: false, at, boundary: 'b1' })
    const mail = Buffer.concat([Buffer.from(`From: ${from}\r\nMIME-Version: 1.0\r\n`), ...signed])
    const verdict = verifyMessage(mail, { anchors: trust.anchors, at: Date.now() })
    const harvester = createHarvester({
      ...{ policy: () => policy, trust: () => trust, isOwn: (domain: string) => domain === 'contoso.com' },
      ...{
        keyring: store.keyring,
        store: store.harvest,
        log: createLog({ level: 'error', write: () => undefined }),
      },
    })
    const events = await harvester.take(verdict, { id: '0'.repeat(26), receivedAt: Date.now() })
    return events.map(({ code }) => code)
  }
  const kept = async (): Promise<string[]> =>
    (await store.credentials.byAddress('partner', ANNA)).map(
      ({ fingerprint, state }) => `${state} ${fingerprint}`,
    )

  test('takes the certificate of a valid signature, once', async () => {
    const anna = make('Anna', root, { emails: [ANNA], rsa: true })
    assert.deepEqual(await take(anna), ['harvested'])
    assert.deepEqual(await take(anna), [])
    assert.deepEqual(await kept(), [`active ${anna.certificate.fingerprint}`])
  })

  test('takes nothing from a stranger, from another From, or from our own domain', async () => {
    assert.deepEqual(await take(make('Anna', null, { emails: [ANNA] })), [])
    const anna = make('Anna', root, { emails: [ANNA] })
    assert.deepEqual(await take(anna, { from: 'eve@partner.example' }), [])
    assert.deepEqual(
      await take(make('Bob', root, { emails: ['bob@contoso.com'] }), { from: 'bob@contoso.com' }),
      [],
    )
    policy = 'never'
    assert.deepEqual(await take(anna), [])
    assert.deepEqual(await kept(), [])
  })

  test('takes the certificate for encryption that comes with one for signatures, and never one of another address', async () => {
    const signing = make('Anna signs', root, {
      emails: [ANNA],
      extensions: { keyUsage: ['digitalSignature'] },
    })
    const encrypting = make('Anna reads', root, {
      emails: [ANNA],
      rsa: true,
      extensions: { keyUsage: ['keyEncipherment'] },
    })
    const eve = make('Eve', root, { emails: ['eve@partner.example'] })
    assert.deepEqual(await take(signing, { chain: [eve.certificate, encrypting.certificate] }), ['harvested'])
    assert.deepEqual(await kept(), [`active ${encrypting.certificate.fingerprint}`])
  })

  test('keeps it for approval where that is the policy', async () => {
    policy = 'approval'
    const anna = make('Anna', root, { emails: [ANNA] })
    assert.deepEqual(await take(anna), ['harvested-for-approval'])
    assert.deepEqual(await kept(), [`awaiting-approval ${anna.certificate.fingerprint}`])
    assert.equal(store.harvest.refusal(anna.certificate.fingerprint), 'awaiting-approval')
  })

  test('leaves what comes in an older mail, and the fourth of a day', async () => {
    const [old, first, second, third] = Array.from({ length: 4 }, (_, at) =>
      make(`Anna ${at}`, root, { emails: [ANNA] }),
    ) as [Made, Made, Made, Made]
    const now = Date.now()
    assert.deepEqual(await take(first, { at: now - 3 * HOUR }), ['harvested'])
    assert.deepEqual(await take(old, { at: now - 4 * HOUR }), ['harvest-older'])
    assert.deepEqual(await take(second, { at: now - 2 * HOUR }), ['harvested'])
    assert.deepEqual(await take(third, { at: now - HOUR }), ['harvested'])
    assert.deepEqual(await take(make('Anna 4', root, { emails: [ANNA] })), ['harvest-too-many'])
  })

  test('does not take what an operator distrusts or took out', async () => {
    const deed = { actor: 'test', action: 'test', detail: {} }
    const bad = make('Anna', root, { emails: [ANNA] })
    await store.keyring.distrust(bad.certificate.fingerprint, 'stolen', deed)
    assert.deepEqual(await take(bad), ['harvest-distrusted'])
    const gone = make('Anna', root, { emails: [ANNA] })
    await take(gone)
    const [entry] = await store.credentials.byAddress('partner', ANNA)
    await store.keyring.remove(entry?.id ?? '', deed)
    assert.equal(store.harvest.refusal(gone.certificate.fingerprint), 'removed')
  })
})
