/** Tests of which mail goes into the world, and what it must not take along. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withRig } from './testing/rig.ts'
import { worldRoute } from './world.ts'

const INTERNAL = [
  'X-MS-Exchange-Organization-AuthAs: Internal',
  'X-MS-Exchange-CrossPremises-AuthAs: Internal',
  'X-OrganizationHeadersPreserved: server',
]
const MAIL = `From: alice@contoso.com\r\nTo: bob@hop.example\r\n${INTERNAL.join('\r\n')}\r\nX-MS-Exchange-CrossTenant-Id: 1\r\nSubject: x\r\n\r\nhello\r\n`

describe('mail into the world', () => {
  it('goes to the domain of the recipient, without what is for the own servers only', () =>
    withRig({}, async (rig) => {
      rig.current = { ...rig.tenant, outboundDelivery: 'direct' }
      await rig.receive(MAIL, { to: ['bob@hop.example', 'carol@Contoso.com'] })
      await rig.turn()
      const copies = rig.next.hop.heard.map(({ rcpt, content }) => ({
        rcpt: rcpt.join(),
        text: content.toString(),
      }))
      const copyFor = (address: string) => copies.find(({ rcpt }) => rcpt.includes(address))?.text ?? ''
      const [world, own] = [copyFor('bob@hop.example'), copyFor('carol@Contoso.com')]
      for (const field of [...INTERNAL, 'X-Contoso-Done: word-out', 'X-Siegel-']) {
        assert.ok(!world.includes(field), field)
        assert.ok(own.includes(field), field)
      }
      for (const text of [world, own]) assert.ok(text.includes('X-MS-Exchange-CrossTenant-Id: 1'))
      assert.ok(world.startsWith('Received: from exo by gw.contoso.com'))
      assert.equal(copies.length, 2)
    }))

  it('raises no alarm for what is wrong at a host of the world', () =>
    withRig({}, async (rig) => {
      rig.current = { ...rig.tenant, outboundDelivery: 'direct' }
      rig.next.settings.maps.set('tls-policy', 'hop.example verify match=other.example\n')
      const mail = await rig.receive(MAIL, { to: ['bob@hop.example'] })
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['queued tls-name-mismatch 1'])
      assert.deepEqual(rig.alarms(), [])
    }))

  it('goes where the map transport leads it, waits or is returned as the map says', () =>
    withRig({}, async (rig) => {
      rig.current = { ...rig.tenant, outboundDelivery: 'direct' }
      rig.next.settings.maps.set(
        'transport',
        'moved.example smtp:[hop.example]\ngone.example error:5.1.6 has moved\nlater.example retry:not today\nbad.example nonsense:x\ncontoso.com smtp:[hop.example]\n',
      )
      const to = ['a@moved.example', 'b@gone.example', 'c@later.example', 'd@bad.example']
      const mail = await rig.receive(MAIL, { to })
      await rig.turn()
      assert.deepEqual(
        rig.next.hop.heard.map(({ rcpt }) => rcpt.join()).filter((rcpt) => rcpt.includes('moved')).length,
        1,
      )
      assert.deepEqual(await rig.states(mail), [
        'delivered - 1',
        'bounced transport-refuses 1',
        'queued transport-defers 1',
        'queued transport-line-at-fault 1',
      ])
      assert.deepEqual(rig.alarms(), [])
    }))

  it('is only what a tenant sends out, to domains that are not its own, where it says so', () =>
    withRig({}, ({ tenant }) => {
      const direct = { ...tenant, outboundDelivery: 'direct' as const }
      assert.equal(worldRoute(direct, 'outbound', 'bob@Fabrikam.com'), 'fabrikam.com')
      assert.equal(worldRoute(direct, 'outbound', 'bob@m\u00fcnchen.example'), 'xn--mnchen-3ya.example')
      assert.equal(worldRoute(direct, 'outbound', 'bob@[192.0.2.1]'), '[192.0.2.1]')
      assert.equal(worldRoute(direct, 'outbound', 'bob@contoso.com'), null)
      assert.equal(worldRoute(direct, 'outbound', 'postmaster'), null)
      assert.equal(worldRoute(direct, 'inbound', 'bob@fabrikam.com'), null)
      assert.equal(worldRoute(direct, 'notice', 'bob@fabrikam.com'), null)
      assert.equal(worldRoute(tenant, 'outbound', 'bob@fabrikam.com'), null)
      return Promise.resolve()
    }))
})
