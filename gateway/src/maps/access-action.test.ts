/** Tests of what a line of access(5) may answer. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readAccessAction } from './access-action.ts'

describe('an action of access(5)', () => {
  for (const value of ['DUNNO', 'dunno', 'OK', 'ok', 'OK whatever'])
    test(`${value} lets other checks decide`, () => {
      assert.deepEqual(readAccessAction(value).action, { kind: 'dunno' })
    })

  for (const [value, code, enhanced, text] of [
    ['REJECT', null, '5.7.1', 'Access denied'],
    ['reject No mail\n  from you', null, '5.7.1', 'No mail from you'],
    ['REJECT 5.1.1 Nobody here', null, '5.1.1', 'Nobody here'],
    ['REJECT 5.1.1', null, '5.1.1', 'Access denied'],
    ['DEFER', null, '4.7.1', 'Access denied'],
    ['DEFER 4.3.2 Later', null, '4.3.2', 'Later'],
    ['550', 550, '5.7.1', 'Access denied'],
    ['554 5.7.0 Go away', 554, '5.7.0', 'Go away'],
    ['450 Not now', 450, '4.7.1', 'Not now'],
    ['421 4.3.2 Closed', 421, '4.3.2', 'Closed'],
    ['REJECT 5.1', null, '5.7.1', '5.1'],
  ] as const)
    test(`${JSON.stringify(value)} refuses`, () => {
      const temporary = enhanced.startsWith('4')
      assert.deepEqual(readAccessAction(value).action, { kind: 'refuse', code, temporary, enhanced, text })
    })

  for (const [value, code, why] of [
    ['DISCARD', 'action-not-possible', /never dropped/],
    ['FILTER smtp:[x]', 'action-not-possible', /policy of its tenant/],
    ['REDIRECT eve@x.example', 'action-not-possible', /policy of its tenant/],
    ['PREPEND X-Y: z', 'action-not-possible', /policy of its tenant/],
    ['HOLD', 'action-not-possible', /policy of its tenant/],
    ['BCC eve@x.example', 'action-not-possible', /policy of its tenant/],
    ['RELAY', 'action-not-possible', /never grants relay/],
    ['PERMIT', 'action-not-possible', /never grants anything/],
    ['DEFER_IF_PERMIT', 'action-not-possible', /DEFER/],
    ['WARN', 'action-not-possible', /logged/],
    ['REJCT', 'action-unknown', /REJCT/],
    ['250 welcome', 'action-unknown', /three digits/],
    ['5500', 'action-unknown', /three digits/],
    ['550x', 'action-unknown', /550x/],
    ['REJECT 4.7.1 x', 'action-unknown', /4\.7\.1/],
    ['DEFER 5.7.1 x', 'action-unknown', /5\.7\.1/],
    ['REJECT Für niemand', 'action-unknown', /ASCII/],
    [`REJECT ${'x'.repeat(401)}`, 'action-unknown', /at most 400/],
    ['toString', 'action-unknown', /toString/],
  ] as const)
    test(`${JSON.stringify(value.slice(0, 40))} is an error that says why`, () => {
      const { action, fault } = readAccessAction(value)
      assert.equal(action, null)
      assert.equal(fault?.code, code)
      assert.match(fault.detail, why)
    })

  test('property: no text gives anything but a refusal, nothing, or a fault; a reply is one short line of ASCII', () => {
    const word = fc.constantFrom(
      'OK',
      'RELAY',
      'REJECT',
      '550',
      '2',
      '5.7.1',
      ' ',
      '\n',
      '\r',
      '\u0000',
      'x',
      'PERMIT',
      'ä',
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        const { action, fault } = readAccessAction(words.join('').trim())
        assert.equal(action === null, fault !== null)
        if (action?.kind !== 'refuse') return
        assert.match(action.text, /^[ -~]{1,400}$/)
        assert.match(String(action.code ?? (action.temporary ? 450 : 554)), action.temporary ? /^4/ : /^5/)
        assert.ok(action.enhanced.startsWith(action.temporary ? '4.' : '5.'))
      }),
    )
  })
})
