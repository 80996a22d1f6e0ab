/** Tests of DNS messages: honest ones are read whole, hostile ones are refused and never break or stall the reader. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decode, encode } from 'dns-packet'
import fc from 'fast-check'
import { decodeAnswer, encodeQuestion, NoAnswer, type RecordType } from './message.ts'

const NAME = 'mx.example'
const ID = 4711
const TYPES: readonly Exclude<RecordType, 'SMIMEA'>[] = ['A', 'AAAA', 'CNAME', 'MX', 'TLSA', 'TXT']

/** An answer with records of several kinds. */
function honest(type: Exclude<RecordType, 'SMIMEA'>): Buffer {
  return encode({
    type: 'response',
    id: ID,
    flags: 0x01a0,
    questions: [{ name: NAME, type, class: 'IN' }],
    answers: [
      { type: 'A', name: NAME, ttl: 60, data: '192.0.2.1' },
      { type: 'AAAA', name: NAME, ttl: 60, data: '2001:db8::1' },
      { type: 'MX', name: NAME, ttl: 50, data: { preference: 10, exchange: 'A.Example' } },
      { type: 'TXT', name: NAME, ttl: 60, data: ['v=STSv1; ', 'id=1;'] },
      {
        ...{ type: 'TLSA', name: NAME, ttl: 0x8000_0001 },
        data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.alloc(32, 1) },
      },
    ],
  })
}

describe('DNS messages', () => {
  test('a question asks for recursion and DNSSEC', () => {
    const { questions, flag_rd, flag_ad, additionals } = decode(encodeQuestion(ID, NAME, 'TLSA'))
    assert.deepEqual([questions, flag_rd, flag_ad], [[{ name: NAME, type: 'TLSA', class: 'IN' }], true, true])
    const [option] = additionals ?? []
    assert.ok(option?.type === 'OPT')
    assert.deepEqual([option.flag_do, option.udpPayloadSize], [true, 1232])
  })

  test('each type is read as what it is', () => {
    assert.deepEqual(decodeAnswer(honest('A'), ID, NAME, 'A').records, ['192.0.2.1'])
    assert.deepEqual(decodeAnswer(honest('AAAA'), ID, NAME, 'AAAA').records, ['2001:db8::1'])
    assert.deepEqual(decodeAnswer(honest('TXT'), ID, NAME, 'TXT').records, ['v=STSv1; id=1;'])
    const mx = decodeAnswer(honest('MX'), ID, 'MX.Example', 'MX')
    assert.deepEqual(
      [mx.records, mx.ttl, mx.authentic, mx.code],
      [[{ preference: 10, exchange: 'a.example' }], 50, true, 0],
    )
    const [tlsa] = decodeAnswer(honest('TLSA'), ID, NAME, 'TLSA').records
    assert.deepEqual(tlsa, { usage: 3, selector: 1, matching: 1, data: Buffer.alloc(32, 1) })
  })

  test('a time to live with the top bit set is none', () => {
    assert.equal(decodeAnswer(honest('TLSA'), ID, NAME, 'TLSA').ttl, 0)
  })

  test('another identifier, name, type, or a question is no answer', () => {
    assert.throws(() => decodeAnswer(honest('A'), ID + 1, NAME, 'A'), NoAnswer)
    assert.throws(() => decodeAnswer(honest('A'), ID, 'my.example', 'A'), NoAnswer)
    assert.throws(() => decodeAnswer(honest('A'), ID, NAME, 'AAAA'), NoAnswer)
    assert.throws(() => decodeAnswer(encodeQuestion(ID, NAME, 'A'), ID, NAME, 'A'), NoAnswer)
  })

  test('a name that points at itself is damage', () => {
    const loop = Buffer.from(
      '1267818000010001000000000378787803636f6d0000010001c000000100010000003c0004c0000201',
      'hex',
    )
    for (const offset of [12, 29]) {
      const octets = Buffer.from(loop)
      octets.writeUInt16BE(0xc000 | offset, offset)
      assert.throws(() => decodeAnswer(octets, 0x1267, 'xxx.com', 'A'), NoAnswer)
    }
  })

  test('property: any octets are an answer or NoAnswer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.constantFrom(...TYPES), (octets, type) => {
        isAnswerOrNone(Buffer.from(octets), type)
      }),
      { numRuns: 2000 },
    )
  })

  test('property: an honest answer with octets changed, cut or doubled is an answer or NoAnswer', () => {
    const change = fc.record({ at: fc.nat(400), value: fc.integer({ min: 0, max: 255 }) })
    fc.assert(
      fc.property(
        fc.constantFrom(...TYPES),
        fc.array(change, { maxLength: 8 }),
        fc.nat(400),
        (type, changes, length) => {
          const octets = honest(type)
          for (const { at, value } of changes) octets[at % octets.length] = value
          isAnswerOrNone(octets, type)
          isAnswerOrNone(octets.subarray(0, length), type)
          isAnswerOrNone(Buffer.concat([octets, octets]), type)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('a largest message of names that jump back and back is read in time', () => {
    const octets = Buffer.alloc(65_535)
    honest('A').copy(octets, 0, 0, 28)
    octets.writeUInt16BE(0xffff, 6)
    // A chain of pointers, each to the one before, then records that begin at its end.
    for (let at = 30; at < 30_000; at += 2) octets.writeUInt16BE(0xc000 | ((at - 2) & 0x3fff), at)
    const start = performance.now()
    isAnswerOrNone(octets, 'A')
    assert.ok(performance.now() - start < 1000)
  })
})

function isAnswerOrNone(octets: Buffer, type: RecordType): void {
  try {
    const { records } = decodeAnswer(octets, ID, NAME, type)
    assert.ok(Array.isArray(records))
  } catch (error) {
    assert.ok(error instanceof NoAnswer, String(error))
  }
}
