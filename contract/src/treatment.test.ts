// The objects of treatment settings: whom they can be for, in which form that is kept, and what is refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfigDocument } from './object.ts'

const settings = (spec: object) =>
  parseConfigDocument({
    apiVersion: 'siegel/v1',
    kind: 'TreatmentSettings',
    tenant: 'contoso',
    name: 'x',
    spec,
  })

test('whom settings are for is kept in lower case and A-labels', () => {
  for (const [given, kept] of [
    [{ partner: 'Bob@Fabrikam.COM' }, { partner: 'bob@fabrikam.com' }],
    [{ partner: '*.Fabrikam.com.' }, { partner: '*.fabrikam.com' }],
    [{ partner: 'müller.de' }, { partner: 'xn--mller-kva.de' }],
    [{ domain: '*.müller.de' }, { domain: '*.xn--mller-kva.de' }],
    [{ user: 'Alice@contoso.com' }, { user: 'alice@contoso.com' }],
    [{}, {}],
  ] as const) {
    const parsed = settings({ ...given, sign: 'always' })
    assert.ok(parsed.ok, JSON.stringify(parsed))
    assert.deepEqual(parsed.document.spec, { ...kept, sign: 'always' })
  }
})

test('what means nobody, two at once, or nothing is refused', () => {
  for (const spec of [
    {},
    { partner: 'fabrikam.com' },
    { partner: 'com', sign: 'always' },
    { partner: '*fabrikam.com', sign: 'always' },
    { partner: '*.', sign: 'always' },
    { domain: 'bob@fabrikam.com', sign: 'always' },
    { user: 'fabrikam.com', sign: 'always' },
    { user: 'alice@contoso.com', partner: 'fabrikam.com', sign: 'always' },
    { encrypt: 'maybe' },
    { holdHours: 0 },
    { holdHours: 121 },
    { profile: 'quick' },
    { encrypted: 'always' },
  ])
    assert.equal(settings(spec).ok, false, JSON.stringify(spec))
  const other = { apiVersion: 'siegel/v1', kind: 'TreatmentDefaults', name: 'other', spec: { sign: 'never' } }
  assert.equal(parseConfigDocument(other).ok, false)
  assert.equal(parseConfigDocument({ ...other, name: 'default' }).ok, true)
})
