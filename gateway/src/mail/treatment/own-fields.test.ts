// The processed word on a treated mail: all words during a rotation, each a whole word for a mail-flow rule.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsNamed, headerValue, scanHeader } from '@siegel/engine'
import type { ReceivedMail } from '../message.ts'
import type { Tenant } from '../tenant.ts'
import { ownFields } from './own-fields.ts'

function stamped(
  outbound: string[],
  inbound: string[],
  direction: 'outbound' | 'inbound',
  toWorld = false,
): string[] {
  const tenant = {
    ...{ id: 'T', fqdn: 'gate.example', markerKey: Buffer.alloc(32, 1) },
    processedHeader: { name: 'X-Gate-Done', outbound, inbound },
  } as unknown as Tenant // all that the function looks at
  const mail = {
    id: '0'.repeat(26),
    direction,
    receivedField: '',
    attribution: null,
  } as unknown as ReceivedMail
  const bytes = Buffer.concat([...ownFields({ mail, tenant, toWorld, now: 0 }, null), Buffer.from('\r\n')])
  return fieldsNamed(scanHeader(bytes).fields, 'x-gate-done').map((field) => headerValue(bytes, field).trim())
}

test('one field with the words of the direction, none without a word', () => {
  assert.deepEqual(stamped(['o'], ['i'], 'outbound'), ['o'])
  assert.deepEqual(stamped(['o'], ['i'], 'inbound'), ['i'])
  assert.deepEqual(stamped([], [], 'inbound'), [])
})

test('during a rotation both words are sent, each by itself', () => {
  const [value = ''] = stamped(['new', 'old'], ['i'], 'outbound')
  assert.deepEqual(value.split(/\s+/), ['new', 'old'])
  const many = Array.from({ length: 16 }, (_, index) => `${'a'.repeat(60)}${index}`)
  const [long = '', ...more] = stamped(many, [], 'outbound')
  assert.deepEqual(long.split(/\s+/), many)
  assert.deepEqual(more, [])
})

test('what goes into the world has no word', () => {
  assert.deepEqual(stamped(['o'], ['i'], 'outbound', true), [])
})
