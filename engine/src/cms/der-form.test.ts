/** Tests of der-form.ts: DER is handed out as it stands, BER is written again with the same values. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readElement } from '../der/reader.ts'
import { toDer } from './der-form.ts'

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex')
const der = (text: string): string => toDer(readElement(hex(text), { ber: true })).toString('hex')

test('DER is a view on the input', () => {
  const bytes = hex('3108 020101 3003 020102')
  const element = readElement(bytes, { ber: true })
  assert.equal(toDer(element).buffer, bytes.buffer)
  assert.deepEqual(toDer(element), bytes)
})

test('what is not DER anywhere inside is written again', () => {
  assert.equal(der('3081 03 020101'), '3003020101')
  assert.equal(der('3080 020101 0000'), '3003020101')
  assert.equal(der('30 08 3006 3004 02 8101 01'), '30073005' + '3003020101')
  assert.equal(der('2407 0402 6162 0401 63'), '0403616263')
  assert.equal(der('a0 06 3104 0500 0400'), 'a0063104' + '04000500')
})

test('a SET OF is sorted, also by what its members become', () => {
  assert.equal(der('3106 020102 020101'), '3106020101020102')
  assert.equal(der('3107 02 8101 01 020100'), '3106020100020101')
})
