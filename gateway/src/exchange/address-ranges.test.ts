import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compileRanges } from './address-ranges.ts'

describe('address ranges', () => {
  it('matches the ranges of Exchange Online', () => {
    const { contains, refused } = compileRanges([
      '40.92.0.0/15',
      '52.100.0.0/14',
      '2a01:111:f400::/48',
      '127.0.0.1',
    ])
    assert.deepEqual(refused, [])
    for (const inside of [
      '40.92.0.1',
      '40.93.255.255',
      '52.103.1.2',
      '2a01:111:f400:7e00::1',
      '127.0.0.1',
      '::ffff:40.92.3.4',
    ])
      assert.ok(contains(inside), inside)
    for (const outside of [
      '40.94.0.0',
      '40.95.1.1',
      '2a01:111:f401::1',
      '127.0.0.2',
      '',
      'x',
      '1.2.3',
      '01.2.3.4',
    ])
      assert.ok(!contains(outside), outside)
  })

  it('refuses what is no range and lets nothing in for it', () => {
    const { contains, refused } = compileRanges([
      '300.1.1.1/8',
      '10.0.0.0/33',
      '::1/129',
      '1.2.3.4/8/8',
      'x/8',
      '1:2::3::4',
      '10.0.0.0/',
    ])
    assert.equal(refused.length, 7)
    assert.ok(!contains('10.0.0.1'))
  })

  it('agrees with the runtime on every IPv4 address and prefix', () => {
    const octet = fc.integer({ min: 0, max: 255 })
    const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'))
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: 32 }), (base, probe, prefix) => {
        const list = new BlockList()
        list.addSubnet(base, prefix)
        assert.equal(compileRanges([`${base}/${prefix}`]).contains(probe), list.check(probe))
      }),
    )
  })
})
