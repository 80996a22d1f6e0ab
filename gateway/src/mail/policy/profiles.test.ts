// The profiles as a lattice: what two demand together is never less than either demands, whoever is asked first.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PROFILES } from '@siegel/contract'
import { combined, demandsOf, type Demands } from './profiles.ts'

const CHOICES = ['signatures', 'digests', 'ciphers', 'transports'] as const

/** Whether the first demands at least what the second does. */
function atLeast(a: Demands, b: Demands): boolean {
  const within = (some: readonly string[], all: readonly string[]) => some.every((each) => all.includes(each))
  return (
    CHOICES.every((name) => within(a[name].allowed, b[name].allowed)) &&
    within(a.curves, b.curves) &&
    within(a.recipients, b.recipients) &&
    a.rsaBits >= b.rsaBits &&
    Number(a.pssChain) >= Number(b.pssChain) &&
    Number(a.signAndEncrypt) >= Number(b.signAndEncrypt) &&
    a.postQuantum >= b.postQuantum &&
    a.kem <= b.kem
  )
}

describe('two profiles together', () => {
  for (const a of PROFILES)
    for (const b of PROFILES)
      it(`${a} and ${b}: ${combined(a, b)}`, () => {
        assert.equal(combined(a, b), combined(b, a))
        assert.equal(combined(a, a), a)
        const both = demandsOf(combined(a, b))
        assert.ok(atLeast(both, demandsOf(a)))
        assert.ok(atLeast(both, demandsOf(b)))
        for (const c of PROFILES)
          assert.deepEqual(demandsOf(combined(combined(a, b), c)), demandsOf(combined(a, combined(b, c))), c)
      })

  it('are told by the one that demands what both do', () => {
    assert.equal(combined('compatible', 'modern'), 'modern')
    assert.equal(combined('modern', 'bsi-strict'), 'bsi-strict')
    assert.equal(combined('compatible', 'edi-energy'), 'edi-energy')
    assert.equal(combined('pq', 'pq-hybrid'), 'pq-hybrid')
    assert.equal(combined('pq', 'modern'), 'pq')
    assert.equal(combined('edi-energy', 'bsi-strict'), 'bsi-strict+edi-energy')
  })

  it('the usual is always allowed', () => {
    for (const name of PROFILES)
      for (const choice of CHOICES) {
        const { allowed, usual } = demandsOf(name)[choice]
        assert.ok(usual.length > 0 && usual.every((each) => (allowed as readonly string[]).includes(each)))
      }
  })

  it('a name that nobody knows is an error, not the weakest', () => {
    assert.throws(() => demandsOf('strong'), RangeError)
  })
})
