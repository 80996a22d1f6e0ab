/** Tests of name-constraints.ts: each kind of name against permitted and excluded subtrees. */
import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import { AT, make, makeCa } from '../../test/chain.ts'
import type { Holder } from '../../test/chain.ts'
import { Oid } from '../der/oid.ts'
import { explicit, ia5, implicit, octets, oid, sequence, tlv, utf8 } from '../der/writer.ts'
import type { IssueExtensions } from './issue-extensions.ts'
import { writeName } from './issue.ts'
import type { SubjectAttributes } from './issue.ts'
import { buildPath } from './path.ts'

const root = makeCa('Root')
type Side = 'permitted' | 'excluded'

function constrained(side: Side, ...bases: readonly Buffer[]): Holder {
  const subtrees = explicit(side === 'permitted' ? 0 : 1, ...bases.map((base) => sequence(base)))
  const value = sequence(subtrees)
  return makeCa('CA', {
    by: root,
    extensions: { other: [{ oid: Oid.idCeNameConstraints, critical: true, value }] },
  })
}

function reasons(
  ca: Holder,
  names: IssueExtensions,
  subject: SubjectAttributes = { O: 'Test', CN: 'x' },
): readonly string[] {
  const leaf = make('x', names, { by: ca, subject }).certificate
  const anchors = [root.certificate]
  return buildPath(leaf, {
    anchors,
    intermediates: [ca.certificate],
    at: AT,
    purpose: 'any',
    revocation: 'none',
  }).reasons
}

/** Whether the names are allowed; any other reason than the constraint is a failure of the test. */
function allowed(ca: Holder, names: IssueExtensions, subject?: SubjectAttributes): boolean {
  const found = reasons(ca, names, subject)
  assert.ok(
    found.every((reason) => reason === 'name-constraint-violated'),
    found.join(),
  )
  return found.length === 0
}

const email = (text: string): Buffer => implicit(1, ia5(text))
const dns = (text: string): Buffer => implicit(2, ia5(text))
const uri = (text: string): Buffer => implicit(6, ia5(text))
const ip = (hex: string): Buffer => implicit(7, octets(Buffer.from(hex, 'hex')))
const directory = (attributes: SubjectAttributes): Buffer => explicit(4, writeName(attributes))

const table: readonly (readonly [string, Buffer, IssueExtensions, boolean])[] = [
  ['mail host, the same', email('example.org'), { emails: ['a@EXAMPLE.org'] }, true],
  ['mail host, below', email('example.org'), { emails: ['a@mail.example.org'] }, false],
  ['mail subtree, below', email('.example.org'), { emails: ['a@mail.example.org'] }, true],
  ['mail subtree, the domain itself', email('.example.org'), { emails: ['a@example.org'] }, false],
  ['mailbox, the same', email('jane@example.org'), { emails: ['jane@EXAMPLE.org'] }, true],
  ['mailbox, in another case', email('jane@example.org'), { emails: ['Jane@example.org'] }, false],
  ['mailbox, another', email('jane@example.org'), { emails: ['john@example.org'] }, false],
  [
    'mail host, one good and one bad',
    email('example.org'),
    { emails: ['a@example.org', 'a@evil.example'] },
    false,
  ],
  ['mail host, look-alike end', email('.example.org'), { emails: ['a@badexample.org'] }, false],
  ['mail host for SmtpUTF8Mailbox', email('example.org'), { emails: ['jäne@example.org'] }, true],
  ['mail host for SmtpUTF8Mailbox, another', email('example.org'), { emails: ['jäne@evil.example'] }, false],
  ['host, the same', dns('example.org'), { dnsNames: ['example.org'] }, true],
  ['host, below', dns('example.org'), { dnsNames: ['a.b.example.org'] }, true],
  ['host, look-alike end', dns('example.org'), { dnsNames: ['myexample.org'] }, false],
  ['host, above', dns('a.example.org'), { dnsNames: ['example.org'] }, false],
  ['host with a leading dot, below', dns('.example.org'), { dnsNames: ['a.example.org'] }, true],
  ['host with a leading dot, itself', dns('.example.org'), { dnsNames: ['example.org'] }, false],
  ['host, wildcard below', dns('example.org'), { dnsNames: ['*.example.org'] }, true],
  ['host, wildcard that covers more', dns('a.example.org'), { dnsNames: ['*.example.org'] }, false],
  ['every host', dns(''), { dnsNames: ['example.org'] }, true],
  ['network, inside', ip('c0000200ffffff00'), { ipAddresses: ['192.0.2.77'] }, true],
  ['network, outside', ip('c0000200ffffff00'), { ipAddresses: ['192.0.3.1'] }, false],
  ['network of the other family', ip('c0000200ffffff00'), { ipAddresses: ['2001:db8::1'] }, false],
  [
    'IPv6 network, inside',
    ip(`20010db8${'0'.repeat(24)}ffffffff${'0'.repeat(24)}`),
    { ipAddresses: ['2001:db8::1'] },
    true,
  ],
]
for (const [name, base, names, inside] of table) {
  test(`permitted ${name}: ${inside ? 'allowed' : 'refused'}`, () => {
    assert.equal(allowed(constrained('permitted', base), names), inside)
  })
}

test('excluded subtrees refuse what lies in them and what cannot be told apart from it', () => {
  assert.equal(allowed(constrained('excluded', dns('example.org')), { dnsNames: ['a.example.org'] }), false)
  assert.equal(allowed(constrained('excluded', dns('example.org')), { dnsNames: ['a.example.com'] }), true)
  assert.equal(allowed(constrained('excluded', dns('a.example.org')), { dnsNames: ['*.example.org'] }), false)
  assert.equal(allowed(constrained('excluded', email('example.org')), { emails: ['a@example.org'] }), false)
  assert.equal(allowed(constrained('excluded', email('example.org')), { emails: ['not an address'] }), false)
  assert.equal(allowed(constrained('excluded', email('example.org')), { emails: ['a@other.example'] }), true)
  assert.equal(allowed(constrained('excluded', email('a@example.org')), { emails: ['A@example.org'] }), false)
})

test('a name that cannot be read is outside what is permitted', () => {
  assert.equal(allowed(constrained('permitted', email('example.org')), { emails: ['a@example.org '] }), false)
  assert.equal(
    allowed(constrained('permitted', dns('example.org')), { dnsNames: ['a b.example.org'] }),
    false,
  )
})

test('constraints on one kind of name leave the others alone', () => {
  assert.equal(allowed(constrained('permitted', dns('example.org')), { emails: ['a@evil.example'] }), true)
  assert.equal(allowed(constrained('permitted', email('example.org')), { dnsNames: ['evil.example'] }), true)
})

test('one of several permitted subtrees is enough, excluded ones win', () => {
  assert.equal(
    allowed(constrained('permitted', dns('a.example'), dns('b.example')), { dnsNames: ['x.b.example'] }),
    true,
  )
  const both = sequence(
    explicit(0, sequence(dns('example.org'))),
    explicit(1, sequence(dns('bad.example.org'))),
  )
  const ca = makeCa('CA', {
    by: root,
    extensions: { other: [{ oid: Oid.idCeNameConstraints, critical: true, value: both }] },
  })
  assert.equal(allowed(ca, { dnsNames: ['good.example.org'] }), true)
  assert.equal(allowed(ca, { dnsNames: ['x.bad.example.org'] }), false)
})

test('directory names bind the subject', () => {
  const ca = constrained('permitted', directory({ C: 'DE', O: 'Siegel' }))
  assert.equal(allowed(ca, {}, { C: 'DE', O: 'SIEGEL', CN: 'x' }), true)
  assert.equal(allowed(ca, {}, { C: 'DE', O: 'Other', CN: 'x' }), false)
  assert.equal(allowed(ca, {}, { O: 'Siegel', C: 'DE', CN: 'x' }), false)
  assert.equal(allowed(ca, { emails: ['a@example.org'] }, {}), true)
})

test('mail addresses in the subject are bound too', () => {
  const ca = constrained('permitted', email('example.org'))
  assert.equal(allowed(ca, {}, { CN: 'x', emailAddress: 'a@example.org' }), true)
  assert.equal(allowed(ca, {}, { CN: 'x', emailAddress: 'a@evil.example' }), false)
  assert.equal(allowed(ca, { emails: ['a@example.org'] }, { CN: 'x', emailAddress: 'a@evil.example' }), false)
})

test('URIs are bound by their host', () => {
  const sanOf = (text: string): IssueExtensions => ({
    other: [{ oid: Oid.idCeSubjectAltName, critical: false, value: sequence(uri(text)) }],
  })
  const ca = constrained('permitted', uri('.example.org'))
  assert.equal(allowed(ca, sanOf('https://user@www.example.org:8080/path')), true)
  assert.equal(allowed(ca, sanOf('https://www.evil.example/.example.org')), false)
  assert.equal(allowed(ca, sanOf('https://192.0.2.1/')), false)
  assert.equal(allowed(ca, sanOf('mailto:a@www.example.org')), false)
  assert.equal(allowed(constrained('excluded', uri('evil.example')), sanOf('ftp://evil.example:21/x')), false)
})

test('names of a kind that cannot be compared are refused where it is constrained', () => {
  const other = tlv(0xa0, oid('1.2.3'), explicit(0, utf8('x')))
  const names: IssueExtensions = {
    other: [{ oid: Oid.idCeSubjectAltName, critical: false, value: sequence(other) }],
  }
  assert.equal(allowed(constrained('permitted', other), names), false)
  assert.equal(allowed(constrained('excluded', other), names), false)
  assert.equal(allowed(constrained('excluded', dns('example.org')), names), true)
})

test('malformed constraints make the chain invalid', () => {
  for (const base of [ip('c0000200'), ip('c0000200ff00ff00'), dns('a b'), email('a b'), email('a@b@c')])
    assert.ok(reasons(constrained('permitted', base), {}).includes('certificate-malformed'))
})

test('constraints bind every CA below, but not self-issued ones', () => {
  const top = constrained('permitted', directory({ O: 'Test' }))
  const judge = (between: Holder): readonly string[] => {
    const leaf = make('x', {}, { by: between, subject: { O: 'Test', CN: 'x' } }).certificate
    const intermediates = [top.certificate, between.certificate]
    return buildPath(leaf, {
      anchors: [root.certificate],
      intermediates,
      at: AT,
      purpose: 'any',
      revocation: 'none',
    }).reasons
  }
  assert.deepEqual(judge(makeCa('Inside', { by: top })), [])
  assert.deepEqual(judge(makeCa('Outside', { by: top, subject: { O: 'Other' } })), [
    'name-constraint-violated',
  ])
  const elsewhere = constrained('permitted', directory({ O: 'Test', OU: 'x' }))
  const renewed = makeCa('CA', { by: elsewhere })
  const leaf = make('x', {}, { by: renewed, subject: { O: 'Test', OU: 'x', CN: 'x' } }).certificate
  const intermediates = [elsewhere.certificate, renewed.certificate]
  const options = {
    anchors: [root.certificate],
    intermediates,
    at: AT,
    purpose: 'any',
    revocation: 'none',
  } as const
  assert.deepEqual(buildPath(leaf, options).reasons, [])
})

test('constraints of the anchor count too', () => {
  const anchor = makeCa('Anchor', {
    extensions: { nameConstraints: { permitted: { emails: ['example.org'] } } },
  })
  const leaf = (address: string) => make('x', { emails: [address] }, { by: anchor }).certificate
  const options = { anchors: [anchor.certificate], at: AT, purpose: 'any', revocation: 'none' } as const
  assert.equal(buildPath(leaf('a@example.org'), options).valid, true)
  assert.equal(buildPath(leaf('a@evil.example'), options).valid, false)
})

test('too many names and constraints are given up, quickly', () => {
  const many = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => `host${index}.example`)
  const ca = constrained('excluded', ...many(1100).map(dns))
  const start = performance.now()
  assert.deepEqual(reasons(ca, { dnsNames: many(1100).map((name) => `x-${name}`) }), [
    'path-search-exhausted',
  ])
  assert.ok(performance.now() - start < 3000)
})
