/**
 * Tests of what is gathered of Exchange's word about the author: a field that somebody else has added never makes it better.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { entryOf, make } from '../../keyring/testing/credentials.ts'
import { mailRoot, withRig } from './testing/rig.ts'

const family = (name: string, value: string) => `X-MS-Exchange-${name}-AuthAs: ${value}\r\n`

describe('the author', () => {
  for (const [fields, signed] of [
    ['', true],
    [family('CrossTenant', 'Internal'), true],
    [family('CrossTenant', ' internal '), true],
    [family('CrossTenant', 'Internal') + family('Organization', 'Internal'), true],
    [family('CrossTenant', 'Anonymous'), false],
    [family('CrossTenant', ''), false],
    [family('CrossTenant', 'Internal') + family('CrossTenant', 'Anonymous'), false],
    [family('CrossTenant', 'Anonymous') + family('CrossTenant', 'Internal'), false],
    [family('CrossTenant', 'Internal') + family('CrossPremises', 'Anonymous'), false],
    [family('Organization', 'Partner'), false],
  ] as const)
    it(`${JSON.stringify(fields)} is ${signed ? '' : 'not '}vouched for`, () =>
      withRig({}, async (rig) => {
        await rig.keep(entryOf(make('Alice', mailRoot, { emails: ['alice@contoso.com'] }), 'own'))
        await rig.receive(`${fields}From: alice@contoso.com\r\nTo: bob@partner.example\r\n\r\nhello\r\n`)
        await rig.turn()
        const content = rig.next.hop.heard.at(-1)?.content.toString() ?? ''
        assert.equal(content.includes('multipart/signed'), signed)
      }))

  it('of a field that is too long to be read is nobody', () =>
    withRig({}, async (rig) => {
      await rig.keep(entryOf(make('Alice', mailRoot, { emails: ['alice@contoso.com'] }), 'own'))
      const name = `"${'Alice '.repeat(150)}"\r\n `.repeat(20)
      const mail = await rig.receive(
        `From: ${name}<alice@contoso.com>\r\nTo: bob@partner.example\r\n\r\nhello\r\n`,
      )
      await rig.turn()
      assert.deepEqual(await rig.states(mail), ['delivered - 1'])
      assert.ok(!rig.next.hop.heard.at(-1)?.content.includes('multipart/signed'))
    }))
})
