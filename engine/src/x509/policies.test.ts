/** Tests of policies.ts: the cases of RFC 5280 6.1 and the worst case that RFC 9618 is about. */
import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import { AT, make, makeCa } from '../../test/chain.ts'
import type { Holder } from '../../test/chain.ts'
import { Oid } from '../der/oid.ts'
import { implicit, integer, oid, sequence } from '../der/writer.ts'
import type { Extension } from './extensions.ts'
import { buildPath } from './path.ts'
import type { PolicyOptions } from './policies.ts'

const P1 = '2.16.840.1.101.3.2.1.48.1'
const P2 = '2.16.840.1.101.3.2.1.48.2'
const P3 = '2.16.840.1.101.3.2.1.48.3'
const ANY = Oid.anyPolicy

/** What one certificate of a chain says about policies. */
interface Says {
  readonly policies?: readonly string[]
  readonly map?: readonly (readonly [string, string])[]
  readonly requireExplicit?: number
  readonly inhibitMapping?: number
  readonly inhibitAny?: number
  readonly selfIssued?: boolean
}

function extensionsOf(says: Says): readonly Extension[] {
  const out: Extension[] = []
  const { map, requireExplicit, inhibitMapping, inhibitAny } = says
  if (map !== undefined) {
    const value = sequence(...map.map(([from, to]) => sequence(oid(from), oid(to))))
    out.push({ oid: Oid.idCePolicyMappings, critical: true, value })
  }
  if (requireExplicit !== undefined || inhibitMapping !== undefined) {
    const parts = [
      ...(requireExplicit === undefined ? [] : [implicit(0, integer(requireExplicit))]),
      ...(inhibitMapping === undefined ? [] : [implicit(1, integer(inhibitMapping))]),
    ]
    out.push({ oid: Oid.idCePolicyConstraints, critical: true, value: sequence(...parts) })
  }
  if (inhibitAny !== undefined)
    out.push({ oid: Oid.idCeInhibitAnyPolicy, critical: true, value: integer(inhibitAny) })
  return out
}

/** Whether a chain is valid; `says` from the first CA below the anchor to the leaf. */
function valid(says: readonly Says[], options: PolicyOptions = {}): boolean {
  const root = makeCa('Root')
  let by: Holder = root
  const made: Holder[] = []
  for (const [index, one] of says.entries()) {
    const extensions = {
      ...(one.policies === undefined ? {} : { policies: one.policies }),
      other: extensionsOf(one),
    }
    const leaf = index === says.length - 1
    const name = one.selfIssued === true ? `CA ${index - 1}` : `CA ${index}`
    by = leaf ? make('Leaf', extensions, { by }) : makeCa(name, { by, extensions })
    made.push(by)
  }
  const intermediates = made.map(({ certificate }) => certificate)
  const base = {
    anchors: [root.certificate],
    intermediates,
    at: AT,
    purpose: 'any',
    revocation: 'none',
  } as const
  const result = buildPath(by.certificate, { ...base, ...options })
  assert.ok(
    result.reasons.every((reason) => reason === 'policy-mismatch'),
    result.reasons.join(),
  )
  return result.valid
}

const explicitPolicy = true

test('without demands, policies do no harm', () => {
  assert.ok(valid([{}, {}]))
  assert.ok(valid([{ policies: [P1] }, { policies: [P2] }]))
  assert.ok(valid([{ policies: [P1] }, {}], { policies: [P2] }))
})

test('an explicit policy must run through the whole chain', () => {
  assert.ok(valid([{ policies: [P1] }, { policies: [P1] }], { explicitPolicy }))
  assert.ok(!valid([{ policies: [P1] }, { policies: [P2] }], { explicitPolicy }))
  assert.ok(!valid([{ policies: [P1] }, {}], { explicitPolicy }))
  assert.ok(!valid([{}, { policies: [P1] }], { explicitPolicy }))
})

test('it must be one that is wanted', () => {
  const chain = [{ policies: [P1, P2] }, { policies: [P1, P3] }]
  assert.ok(valid(chain, { explicitPolicy, policies: [P1] }))
  assert.ok(valid(chain, { explicitPolicy, policies: [P2, P1] }))
  assert.ok(!valid(chain, { explicitPolicy, policies: [P2] }))
  assert.ok(!valid(chain, { explicitPolicy, policies: [P3] }))
  assert.ok(valid(chain, { explicitPolicy, policies: [ANY] }))
})

test('anyPolicy stands for all, unless inhibited', () => {
  assert.ok(valid([{ policies: [ANY] }, { policies: [P1] }], { explicitPolicy, policies: [P1] }))
  assert.ok(valid([{ policies: [P1] }, { policies: [ANY] }], { explicitPolicy, policies: [P1] }))
  assert.ok(!valid([{ policies: [P1] }, { policies: [ANY] }], { explicitPolicy, policies: [P2] }))
  assert.ok(valid([{ policies: [ANY] }, { policies: [ANY] }], { explicitPolicy, policies: [P2] }))
  assert.ok(!valid([{ policies: [ANY] }, { policies: [P1] }], { explicitPolicy, inhibitAnyPolicy: true }))
})

test('a CA can inhibit anyPolicy below itself, self-issued certificates excepted', () => {
  const first = { policies: [P1], inhibitAny: 0 }
  assert.ok(!valid([first, { policies: [ANY] }, { policies: [P1] }], { explicitPolicy }))
  assert.ok(valid([first, { policies: [ANY], selfIssued: true }, { policies: [P1] }], { explicitPolicy }))
  const later = { policies: [P1], inhibitAny: 1 }
  assert.ok(valid([later, { policies: [ANY] }, { policies: [P1] }], { explicitPolicy }))
  assert.ok(!valid([later, { policies: [P1] }, { policies: [ANY] }], { explicitPolicy }))
})

test('a CA can require an explicit policy', () => {
  assert.ok(!valid([{ policies: [P1], requireExplicit: 0 }, {}]))
  assert.ok(!valid([{ policies: [P1], requireExplicit: 1 }, {}, {}]))
  assert.ok(valid([{ policies: [P1], requireExplicit: 3 }, {}, {}]))
  assert.ok(!valid([{}, { requireExplicit: 0 }]))
  assert.ok(valid([{}, { requireExplicit: 1 }]))
})

test('policies are mapped', () => {
  const mapping = { policies: [P1], map: [[P1, P2]] as const }
  assert.ok(valid([mapping, { policies: [P2] }], { explicitPolicy, policies: [P1] }))
  assert.ok(!valid([mapping, { policies: [P2] }], { explicitPolicy, policies: [P2] }))
  assert.ok(!valid([mapping, { policies: [P1] }], { explicitPolicy }))
  assert.ok(!valid([mapping, { policies: [P2] }], { explicitPolicy, inhibitPolicyMapping: true }))
  const both = {
    policies: [P1],
    map: [
      [P1, P2],
      [P1, P3],
    ] as const,
  }
  assert.ok(valid([both, { policies: [P3] }], { explicitPolicy, policies: [P1] }))
  assert.ok(
    valid([{ policies: [ANY], map: [[P1, P2]] }, { policies: [P2] }], { explicitPolicy, policies: [P1] }),
  )
})

test('a CA can inhibit mapping below itself', () => {
  const mapping = { policies: [P1], map: [[P1, P2]] as const }
  assert.ok(!valid([{ policies: [P1], inhibitMapping: 0 }, mapping, { policies: [P2] }], { explicitPolicy }))
  assert.ok(valid([{ policies: [P1], inhibitMapping: 1 }, mapping, { policies: [P2] }], { explicitPolicy }))
})

test('mapping from or to anyPolicy is never valid', () => {
  assert.ok(!valid([{ policies: [P1], map: [[P1, ANY]] }, { policies: [P1] }]))
  assert.ok(!valid([{ policies: [P1], map: [[ANY, P1]] }, { policies: [P1] }]))
})

test('mappings that multiply from level to level stay cheap (RFC 9618)', () => {
  const names = Array.from({ length: 30 }, (_, index) => `1.3.6.1.4.1.99999.${index}`)
  const map = names.flatMap((from) => names.map((to) => [from, to] as const))
  const level = { policies: names, map }
  const start = performance.now()
  assert.ok(
    valid([...Array.from({ length: 8 }, () => level), { policies: names }], {
      explicitPolicy,
      policies: [names[0] ?? ''],
    }),
  )
  assert.ok(performance.now() - start < 3000)
})
