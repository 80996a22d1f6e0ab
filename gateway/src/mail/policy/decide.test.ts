import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { copiesOf, decide, treatedSize } from './decide.ts'
import type { Facts, RecipientFacts } from './facts.ts'
import { askedTreatment, NO_LEVELS } from './levels.ts'

const PARTNER = { credential: 'CERT1', fingerprint: 'f1', algorithm: 'rsa' }

function recipient(delivery: number, change: Partial<RecipientFacts> = {}): RecipientFacts {
  return {
    delivery,
    address: `r${delivery}@partner.example`,
    visible: true,
    certificate: null,
    certificateReasons: [{ code: 'no-certificate', arguments: { address: `r${delivery}@partner.example` } }],
    asked: null,
    rules: [],
    action: null,
    released: false,
    ...change,
  }
}

function facts(change: Partial<Facts> = {}): Facts {
  return {
    version: 2,
    settingsVersion: 7,
    direction: 'outbound',
    sender: 'alice@contoso.example',
    from: { addresses: ['alice@contoso.example'], fields: 1, ambiguous: false },
    fromAccepted: true,
    authAs: 'Internal',
    kind: 'ordinary',
    protection: 'none',
    earlierPasses: 0,
    age: 0,
    size: 5000,
    needsEncoding: false,
    sizeLimit: 157_286_400,
    signer: { credential: 'KEY1', fingerprint: 'f0' },
    signerReasons: [{ code: 'key-chosen', arguments: {} }],
    apart: 0,
    recipients: [recipient(0)],
    ...change,
  }
}

const treatmentOf = (input: Facts, index = 0) => decide(input).recipients[index]?.treatment

describe('factory treatment, outbound', () => {
  it('signs when we hold a key of the From address and encrypts when a certificate is known', () => {
    const plan = decide(facts({ recipients: [recipient(0), recipient(1, { certificate: PARTNER })] }))
    const [clear, sealed] = plan.recipients.map((entry) => entry.treatment)
    assert.ok(clear?.kind === 'protect' && clear.sign === 'KEY1' && clear.encrypt === null)
    assert.ok(sealed?.kind === 'protect' && sealed.sign === 'KEY1')
    assert.deepEqual(sealed.encrypt, ['CERT1'])
  })

  it('leaves a mail unsigned without a key, and says why', () => {
    const plan = decide(
      facts({
        signer: null,
        signerReasons: [{ code: 'no-own-key', arguments: { address: 'alice@contoso.example' } }],
      }),
    )
    assert.equal(plan.recipients[0]?.treatment.kind, 'pass')
    assert.equal(plan.reasons[0]?.code, 'no-own-key')
  })

  it('encrypts unsigned when only the certificate is there', () => {
    const treatment = treatmentOf(
      facts({ signer: null, recipients: [recipient(0, { certificate: PARTNER })] }),
    )
    assert.ok(treatment?.kind === 'protect' && treatment.sign === null && treatment.encrypt !== null)
  })

  for (const [name, change, code] of [
    [
      'two From fields',
      { from: { addresses: ['a@contoso.example', 'b@contoso.example'], fields: 2, ambiguous: false } },
      'from-not-single',
    ],
    [
      'two mailboxes in From',
      { from: { addresses: ['a@contoso.example', 'b@contoso.example'], fields: 1, ambiguous: false } },
      'from-not-single',
    ],
    [
      'an ambiguous From',
      { from: { addresses: ['a@contoso.example'], fields: 1, ambiguous: true } },
      'from-not-single',
    ],
    ['a From outside the accepted domains', { fromAccepted: false }, 'from-not-accepted-domain'],
    ['an anonymous author', { authAs: 'Anonymous' }, 'author-not-internal'],
  ] as const)
    it(`never signs with ${name}`, () => {
      const plan = decide(facts(change))
      assert.equal(plan.recipients[0]?.treatment.kind, 'pass')
      assert.equal(plan.reasons[0]?.code, code)
    })

  for (const protection of [
    'clear-signed',
    'opaque-signed',
    'enveloped',
    'auth-enveloped',
    'openpgp',
  ] as const)
    it(`passes ${protection} mail untouched`, () => {
      assert.equal(
        treatmentOf(facts({ protection, recipients: [recipient(0, { certificate: PARTNER })] }))?.kind,
        'pass',
      )
    })

  for (const kind of ['calendar', 'out-of-office', 'delivery-status', 'disposition'] as const)
    it(`passes ${kind} mail untouched`, () => {
      assert.equal(treatmentOf(facts({ kind }))?.kind, 'pass')
    })

  it('passes the test mail of connector validation, whatever it looks like', () => {
    for (const protection of ['none', 'damaged'] as const) {
      const found = facts({
        ...{ kind: 'connector-validation', protection },
        recipients: [recipient(0, { certificate: PARTNER })],
      })
      assert.equal(treatmentOf(found)?.kind, 'pass')
    }
  })

  it('bounces a message it cannot read instead of letting it out in clear', () => {
    assert.deepEqual(treatmentOf(facts({ protection: 'damaged' }))?.kind, 'bounce')
  })

  it('bounces what would be too large encrypted, and never sends it in clear instead', () => {
    const treatment = treatmentOf(
      facts({ size: 120_000_000, recipients: [recipient(0, { certificate: PARTNER })] }),
    )
    assert.ok(treatment?.kind === 'bounce' && treatment.status === '5.3.4')
  })
})

describe('copies', () => {
  it('gives a hidden recipient with a certificate a copy of their own, and shares one among the visible', () => {
    const recipients = [
      recipient(0, { certificate: { ...PARTNER, credential: 'B' } }),
      recipient(1, { certificate: { ...PARTNER, credential: 'A' } }),
      recipient(2, { certificate: { ...PARTNER, credential: 'C' }, visible: false }),
      recipient(3, { certificate: { ...PARTNER, credential: 'D' }, visible: false }),
      recipient(4),
    ]
    const copies = copiesOf(decide(facts({ recipients })))
    const lists = copies.map(({ treatment, deliveries }) => [
      deliveries,
      treatment.kind === 'protect' ? treatment.encrypt : null,
    ])
    assert.deepEqual(lists, [
      [
        [0, 1],
        ['A', 'B'],
      ],
      [[2], ['C']],
      [[3], ['D']],
      [[4], null],
    ])
  })

  it('puts every recipient into exactly one copy, and no hidden one into a shared encrypted copy', () => {
    const entry = fc.record({
      visible: fc.boolean(),
      certificate: fc.option(fc.constantFrom('A', 'B', 'C'), { nil: null }),
    })
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 20 }), (entries) => {
        const recipients = entries.map(({ visible, certificate }, index) =>
          recipient(index, {
            visible,
            certificate: certificate === null ? null : { ...PARTNER, credential: certificate },
          }),
        )
        const copies = copiesOf(decide(facts({ recipients })))
        const seen = copies.flatMap((copy) => copy.deliveries)
        assert.deepEqual(
          seen.toSorted((a, b) => a - b),
          recipients.map((_, index) => index),
        )
        for (const { treatment, deliveries } of copies)
          if (treatment.kind === 'protect' && treatment.encrypt !== null && deliveries.length > 1)
            assert.ok(deliveries.every((number) => entries[number]?.visible === true))
      }),
    )
  })
})

describe('all or nothing', () => {
  it('leaves encrypted for every recipient, or for none, whatever the others ask for', () => {
    const DEMANDED = ['never', 'if-possible', 'always', 'all-or-nothing'] as const
    const entry = fc.record({
      encrypt: fc.constantFrom(...DEMANDED),
      impossible: fc.constantFrom('hold' as const, 'bounce' as const),
      certified: fc.boolean(),
      action: fc.option(fc.constantFrom('hold' as const, 'reject' as const), { nil: null }),
    })
    const mails = fc.tuple(fc.array(entry, { minLength: 1, maxLength: 6 }), fc.nat(2), fc.boolean())
    fc.assert(
      fc.property(mails, ([entries, apart, old]) => {
        const recipients = entries.map(({ encrypt, impossible, certified, action }, index) =>
          recipient(index, {
            certificate: certified ? PARTNER : null,
            action: action === null ? null : { kind: action, rule: 'r' },
            asked: askedTreatment({ ...NO_LEVELS, tenant: { encrypt, impossible } }, [], ''),
          }),
        )
        const plan = decide(facts({ recipients, apart, age: old ? 90_000_000 : 0 }))
        const kinds = plan.recipients.map(({ treatment }) =>
          treatment.kind === 'protect' && treatment.encrypt !== null ? 'encrypted' : treatment.kind,
        )
        if (!entries.some(({ encrypt }) => encrypt === 'all-or-nothing')) return
        if (kinds.includes('encrypted')) {
          assert.equal(apart, 0)
          assert.ok(kinds.every((kind) => kind === 'encrypted'))
        } else assert.ok(kinds.every((kind) => kind === 'hold' || kind === 'bounce'))
      }),
    )
  })
})

describe('inbound and loops', () => {
  it('opens an encrypted mail for each recipient alone', () => {
    const input = facts({
      direction: 'inbound',
      protection: 'enveloped',
      recipients: [recipient(0), recipient(1)],
    })
    assert.equal(copiesOf(decide(input)).length, 2)
  })

  it('inspects all other inbound mail in one copy', () => {
    const input = facts({
      direction: 'inbound',
      protection: 'clear-signed',
      recipients: [recipient(0), recipient(1)],
    })
    assert.deepEqual(
      copiesOf(decide(input)).map((copy) => [copy.treatment.kind, copy.deliveries]),
      [['inspect', [0, 1]]],
    )
  })

  it('passes the second arrival untreated and holds the third', () => {
    assert.equal(treatmentOf(facts({ earlierPasses: 1 }))?.kind, 'pass')
    const held = treatmentOf(facts({ earlierPasses: 2 }))
    assert.ok(held?.kind === 'hold' && held.reason.code === 'loop')
  })
})

describe('treatedSize', () => {
  it('never estimates less than base64 really needs', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000 }), (size) => {
        const lines = Math.ceil((Math.ceil(size / 3) * 4) / 76)
        const encoded = Math.ceil(size / 3) * 4 + lines * 2
        assert.ok(treatedSize({ size, needsEncoding: false }, false, 1) >= encoded)
      }),
    )
  })
})
