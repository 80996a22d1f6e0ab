/** Tests of the list of addresses: how answers are read, and which list is believed. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  checkSuccessor,
  newerOf,
  RangeListRefused,
  readEndpoints,
  readKept,
  readVersion,
  SHIPPED_LIST,
} from './range-list.ts'
import { endpointSets, NEWER_RANGES } from './testing/service.ts'

const NEXT = { version: '2026110200', confirmedAt: 5, ranges: NEWER_RANGES }

describe('the answers of the endpoint service', () => {
  test('only the addresses of Exchange on port 25 count', () => {
    assert.deepEqual(readEndpoints(endpointSets(NEWER_RANGES)), NEWER_RANGES.toSorted())
  })

  test('the version is that of the worldwide instance, in both forms of the answer', () => {
    assert.equal(readVersion([{ instance: 'China', latest: '2027010100' }, { instance: 'Worldwide', latest: '2026110200' }]), '2026110200') // prettier-ignore
    assert.equal(readVersion({ instance: 'Worldwide', latest: '2026110200' }), '2026110200')
  })

  for (const answer of [
    null,
    'x',
    [],
    {},
    [{ instance: 'Worldwide' }],
    { instance: 'Worldwide', latest: '1' },
    { instance: 'Worldwide', latest: '2026110200x' },
  ])
    test(`no version is in ${JSON.stringify(answer)}`, () => {
      assert.throws(() => readVersion(answer), RangeListRefused)
    })

  for (const answer of [
    null,
    {},
    'x',
    [{ serviceArea: 'Exchange', tcpPorts: '25', ips: 'x' }],
    [{ serviceArea: 'Exchange', tcpPorts: '25', ips: [1] }],
  ])
    test(`no endpoints are in ${JSON.stringify(answer)}`, () => {
      assert.throws(() => readEndpoints(answer), RangeListRefused)
    })

  test('property: any JSON is a list of texts, or refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (answer) => {
        try {
          assert.ok(readEndpoints(answer).every((range) => typeof range === 'string'))
        } catch (error) {
          assert.ok(error instanceof RangeListRefused)
        }
      }),
    )
  })
})

describe('which list is believed', () => {
  test('the shipped one, and one that grew', () => {
    checkSuccessor(SHIPPED_LIST, SHIPPED_LIST, false)
    checkSuccessor(NEXT, SHIPPED_LIST, false)
  })

  for (const [name, ranges, why] of [
    ['empty', [], /0 ranges/],
    ['two ranges', NEWER_RANGES.slice(0, 2), /2 ranges/],
    [
      'too many',
      Array.from({ length: 1001 }, (_, i) => `52.${100 + (i >> 8)}.${i & 255}.0/24`),
      /1001 ranges/,
    ],
    ['everything', [...NEWER_RANGES, '0.0.0.0/0'], /wider than \/8/],
    ['half of IPv4', [...NEWER_RANGES, '64.0.0.0/7'], /wider than \/8/],
    ['half of IPv6', [...NEWER_RANGES, '2000::/18'], /wider than \/19/],
    ['private', [...NEWER_RANGES, '10.1.0.0/16'], /not a public range/],
    ['loopback', [...NEWER_RANGES, '127.0.0.1'], /not a public range/],
    ['mapped', [...NEWER_RANGES, '::ffff:52.0.0.0/104'], /not a public range/],
    ['no address', [...NEWER_RANGES, 'x'], /not an address/],
    ['bits behind the prefix', [...NEWER_RANGES, '52.1.2.3/8'], /bits are set/],
    ['IPv6 only', ['2a01:111:f400::/48', '2a01:111:f403::/48', '2a01:111:f404::/48'], /no IPv4/],
  ] as const)
    test(`not one that is ${name}, whoever accepts it`, () => {
      const check = () => {
        checkSuccessor({ ...NEXT, ranges }, SHIPPED_LIST, true)
      }
      assert.throws(check, (error: Error) => error instanceof RangeListRefused && why.test(error.message))
    })

  test('one that lost more than half of its addresses only when somebody accepts it', () => {
    for (const ranges of [
      ['40.107.0.0/16', '104.47.0.0/17', '40.92.0.0/16', '2a01:111:f400::/48', '2a01:111:f403::/48'],
      SHIPPED_LIST.ranges.filter((range) => !range.includes(':')),
    ]) {
      const smaller = { ...NEXT, ranges }
      assert.throws(() => {
        checkSuccessor(smaller, SHIPPED_LIST, false)
      }, /more than half of the IPv[46] addresses are gone/)
      checkSuccessor(smaller, SHIPPED_LIST, true)
    }
  })

  test('not an older one', () => {
    assert.throws(() => {
      checkSuccessor({ ...NEXT, version: '2026010100' }, SHIPPED_LIST, true)
    }, /is older/)
  })

  test('a kept list is judged again, and an older one gives way to the shipped one', () => {
    assert.deepEqual(readKept(JSON.parse(JSON.stringify(NEXT))), NEXT)
    for (const broken of [
      null,
      5,
      {},
      { ...NEXT, ranges: ['0.0.0.0/0'] },
      { ...NEXT, version: 'x' },
      { ...NEXT, confirmedAt: '5' },
      { ...NEXT, ranges: [5] },
    ])
      assert.equal(readKept(broken), null)
    assert.deepEqual(newerOf(NEXT), { list: NEXT, source: 'refreshed' })
    assert.equal(newerOf(null).list, SHIPPED_LIST)
    assert.equal(newerOf({ ...NEXT, version: '2026010100' }).source, 'shipped')
  })
})
