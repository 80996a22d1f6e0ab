/** Tests of revocation.ts and crl-status.ts through paths: RFC 5280 6.3 rule by rule, and who may sign a CRL. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { AT, make, makeCa, makeLeaf } from '../../test/chain.ts'
import type { Holder } from '../../test/chain.ts'
import { makeCrl, makeOcsp } from '../../test/revocation.ts'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { readElement } from '../der/reader.ts'
import {
  bits,
  boolean,
  explicit,
  ia5,
  implicit,
  integer,
  nil,
  octets,
  oid,
  sequence,
  set,
  tlv,
  utf8,
} from '../der/writer.ts'
import { parseCrl } from './crl.ts'
import type { Crl } from './crl.ts'
import type { Extension } from './extensions.ts'
import type { CrlScope, IssueCrlOptions } from './issue-crl.ts'
import type { IssueExtensions } from './issue-extensions.ts'
import { namedBits } from './issue-extensions.ts'
import { buildPath } from './path.ts'
import type { PathOptions } from './path-options.ts'

const HOUR = 3_600_000
const root = makeCa('Root')
const ca = makeCa('CA', { by: root })
const jane = makeLeaf('jane', ca)
const rootCrl = makeCrl(root)
const cleanCrl = makeCrl(ca)

type Given = Partial<Omit<PathOptions, 'intermediates'>> & { readonly intermediates?: readonly Holder[] }

function judge(leaf: Holder, given: Given = {}) {
  const { intermediates = [ca], ...rest } = given
  return buildPath(leaf.certificate, {
    ...{ anchors: [root.certificate], at: AT, purpose: 'email-sign', revocation: 'require' },
    ...rest,
    intermediates: intermediates.map(({ certificate }) => certificate),
  })
}

/** The verdict in one word, on CRLs of CA and a clean one of the root. */
function status(leaf: Holder, crls: PathOptions['crls'], given: Given = {}): string {
  const { valid, reasons } = judge(leaf, { crls: [rootCrl, ...(crls ?? [])], ...given })
  if (valid) return 'good'
  return reasons.includes('certificate-revoked') ? 'revoked' : reasons.join()
}

const UNKNOWN = 'revocation-unknown'

test('a complete CRL: good, revoked, and unknown without one', () => {
  assert.equal(status(jane, [cleanCrl]), 'good')
  assert.equal(status(jane, [makeCrl(ca, [jane])]), 'revoked')
  assert.equal(status(jane, []), UNKNOWN)
  assert.equal(status(jane, [cleanCrl], { crls: [cleanCrl] }), UNKNOWN)
})

test('a revoked CA spoils what is below it', () => {
  const revoked = judge(jane, { crls: [makeCrl(root, [ca]), cleanCrl] })
  assert.deepEqual([revoked.valid, revoked.reasons], [false, ['certificate-revoked']])
  assert.equal(revoked.findings[0]?.certificate, ca.certificate)
  assert.match(revoked.findings[0].detail, /^unspecified since 2026-03-01T11/)
})

test('prefer notes what is unknown; none does not ask; revoked is revoked', () => {
  const soft = judge(jane, { revocation: 'prefer', crls: [cleanCrl] })
  assert.deepEqual([soft.valid, soft.reasons], [true, ['revocation-unknown']])
  assert.deepEqual(judge(jane, { revocation: 'prefer', crls: [rootCrl, cleanCrl] }).reasons, [])
  assert.equal(judge(jane, { revocation: 'prefer', crls: [makeCrl(ca, [jane])] }).valid, false)
  assert.deepEqual(judge(jane, { revocation: 'none', crls: [makeCrl(ca, [jane])] }).reasons, [])
})

test('the window from thisUpdate to nextUpdate counts, to the second and inclusively', () => {
  const crl = makeCrl(ca, [], { thisUpdate: AT, nextUpdate: AT + 1000 })
  for (const at of [AT, AT + 1000, AT + 1999]) assert.equal(status(jane, [crl], { at }), 'good')
  for (const at of [AT - 1, AT + 2000]) assert.equal(status(jane, [crl], { at }), UNKNOWN)
})

test('an expired CRL proves nothing good, but what it revoked for ever stays revoked', () => {
  const expired = { thisUpdate: AT - 2 * HOUR, nextUpdate: AT - HOUR }
  assert.equal(status(jane, [makeCrl(ca, [], expired)]), UNKNOWN)
  assert.equal(status(jane, [makeCrl(ca, [jane], expired)]), 'revoked')
  const held = { serial: jane.certificate.serial, reason: 'certificateHold' } as const
  assert.equal(status(jane, [makeCrl(ca, [held], expired)]), UNKNOWN)
  assert.equal(status(jane, [makeCrl(ca, [jane], expired), cleanCrl]), 'good')
  assert.equal(status(jane, [makeCrl(makeCa('CA'), [jane], expired)]), UNKNOWN)
  assert.equal(status(jane, [makeCrl(ca, [jane], { thisUpdate: AT + HOUR })]), UNKNOWN)
})

test('of several CRLs the newest counts', () => {
  const old = { thisUpdate: AT - 2 * HOUR }
  assert.equal(status(jane, [makeCrl(ca, [jane], old), cleanCrl]), 'good')
  assert.equal(status(jane, [makeCrl(ca, [], old), makeCrl(ca, [jane])]), 'revoked')
})

test('a forged CRL changes nothing', () => {
  const forger = makeCa('CA')
  assert.equal(status(jane, [makeCrl(forger)]), UNKNOWN)
  assert.equal(status(jane, [makeCrl(forger, [jane]), cleanCrl]), 'good')
  assert.equal(status(jane, [makeCrl(forger), makeCrl(ca, [jane])]), 'revoked')
  assert.equal(status(jane, [makeCrl(ca, [makeLeaf('joe', ca)])]), 'good')
})

test('a CRL with a critical extension that is not understood is not used', () => {
  const unknown: Extension = { oid: '1.2.3.4', critical: true, value: nil() }
  assert.equal(status(jane, [makeCrl(ca, [], { other: [unknown] })]), UNKNOWN)
})

test('the signer may sign CRLs, if its key usage says anything', () => {
  const silent = makeCa('CA', { by: root, extensions: { keyUsage: ['keyCertSign'] } })
  const leaf = makeLeaf('jane', silent)
  assert.equal(status(leaf, [makeCrl(silent)], { intermediates: [silent] }), UNKNOWN)
})

const old = { signature: { digest: 'sha256' } } as const

test('key rollover: a CRL of the new key of the same CA, whose chain leads to the same anchor', () => {
  const renewed = makeCa('CA', { by: root })
  const crls = [makeCrl(renewed, [], old)]
  assert.equal(status(jane, crls, { intermediates: [ca, renewed] }), 'good')
  assert.equal(status(jane, [makeCrl(renewed, [jane])], { intermediates: [ca, renewed] }), 'revoked')
  assert.equal(status(jane, crls), UNKNOWN)
  const revoked = { intermediates: [ca, renewed], crls: [makeCrl(root, [renewed]), ...crls] }
  assert.equal(status(jane, crls, revoked), UNKNOWN)
  assert.equal(status(jane, crls, { ...revoked, revocation: 'prefer' }), 'good')
  const soft = judge(jane, { ...revoked, revocation: 'prefer' })
  assert.deepEqual(soft.reasons, ['revocation-unknown'])
  const elsewhere = makeCa('Elsewhere')
  const foreign = makeCa('CA', { by: elsewhere })
  assert.equal(
    status(jane, [makeCrl(foreign)], {
      intermediates: [ca, foreign],
      anchors: [root.certificate, elsewhere.certificate],
    }),
    UNKNOWN,
  )
})

test('a separate key for CRLs only', () => {
  const signer = makeCa('CA', { by: root, extensions: { keyUsage: ['cRLSign'] } })
  const expired = makeCa('CA', { by: root, notAfter: AT - HOUR })
  assert.equal(status(jane, [makeCrl(signer)], { intermediates: [ca, signer] }), 'good')
  assert.equal(status(jane, [makeCrl(expired)], { intermediates: [ca, expired] }), UNKNOWN)
})

test('nobody vouches for themselves', () => {
  const signer = make('CA', { keyUsage: ['cRLSign'] }, { by: ca, subject: { O: 'Test', CN: 'CA' } })
  const own = makeCrl(signer)
  assert.equal(status(jane, [own], { intermediates: [ca, signer] }), UNKNOWN)
  assert.equal(status(signer, [own], { intermediates: [ca], purpose: 'any' }), UNKNOWN)
  const soft = judge(signer, { revocation: 'prefer', purpose: 'any', crls: [rootCrl, own] })
  assert.deepEqual([soft.valid, soft.reasons], [true, ['revocation-unknown']])
  // With a CRL of the CA's own key about the signer all is well
  assert.equal(
    status(jane, [own, makeCrl(ca, [], { thisUpdate: AT - 2 * HOUR })], { intermediates: [ca, signer] }),
    'good',
  )
})

const delta = (
  number: number,
  base: number,
  list: Parameters<typeof makeCrl>[1],
  more: Partial<IssueCrlOptions> = {},
) => makeCrl(ca, list, { number, deltaBase: base, ...more })
const complete = (
  number: number,
  list: Parameters<typeof makeCrl>[1] = [],
  more: Partial<IssueCrlOptions> = {},
) => makeCrl(ca, list, { number, thisUpdate: AT - 10 * HOUR, ...more })

test('a delta CRL adds and takes away', () => {
  const hold = { serial: jane.certificate.serial, reason: 'certificateHold' } as const
  const release = { serial: jane.certificate.serial, reason: 'removeFromCRL' } as const
  assert.equal(status(jane, [complete(1), delta(2, 1, [jane])]), 'revoked')
  assert.equal(status(jane, [complete(1), delta(2, 1, [])]), 'good')
  assert.equal(status(jane, [complete(1, [hold])]), 'revoked')
  assert.equal(status(jane, [complete(1, [hold]), delta(2, 1, [release])]), 'good')
  assert.equal(status(jane, [complete(1), delta(2, 1, [hold]), delta(3, 1, [release])]), 'good')
})

test('a delta CRL without its base says nothing', () => {
  assert.equal(status(jane, [delta(2, 1, [jane])]), UNKNOWN)
  assert.equal(status(jane, [delta(2, 1, [])]), UNKNOWN)
})

test('a delta CRL goes with complete ones from its base on, up to its own number (RFC 5280 5.2.4)', () => {
  assert.equal(status(jane, [complete(4), delta(6, 5, [jane])]), 'good')
  assert.equal(status(jane, [complete(5), delta(6, 5, [jane])]), 'revoked')
  assert.equal(status(jane, [complete(6), delta(6, 5, [jane])]), 'good')
})

test('a fresh delta CRL revives an expired complete one; a stale or forged one does not', () => {
  const expired = complete(1, [], { nextUpdate: AT - HOUR })
  assert.equal(status(jane, [expired]), UNKNOWN)
  assert.equal(status(jane, [expired, delta(2, 1, [])]), 'good')
  assert.equal(
    status(jane, [expired, delta(2, 1, [], { thisUpdate: AT - 3 * HOUR, nextUpdate: AT - HOUR })]),
    UNKNOWN,
  )
  const forger = makeCa('CA')
  const forged = makeCrl(forger, [], { number: 9, deltaBase: 1 })
  assert.equal(status(jane, [expired, forged]), UNKNOWN)
  assert.equal(status(jane, [complete(1), delta(2, 1, [jane]), forged]), 'revoked')
})

test('a delta CRL of another scope or key does not belong', () => {
  const scope: CrlScope = { only: 'user' }
  assert.equal(status(jane, [complete(1), delta(2, 1, [jane], { scope })]), 'good')
  assert.equal(status(jane, [complete(1, [], { scope }), delta(2, 1, [jane], { scope })]), 'revoked')
  const renewed = makeCa('CA', { by: root })
  const other = makeCrl(renewed, [jane], { number: 2, deltaBase: 1 })
  assert.equal(status(jane, [complete(1), other], { intermediates: [ca, renewed] }), 'good')
})

test('CRLs for users, for CAs, for attribute certificates', () => {
  const only = (kind: 'user' | 'ca' | 'attribute') => makeCrl(ca, [jane], { scope: { only: kind } })
  assert.equal(status(jane, [only('user')]), 'revoked')
  assert.equal(status(jane, [only('ca')]), UNKNOWN)
  assert.equal(status(jane, [only('attribute')]), UNKNOWN)
  const forCas = judge(jane, { crls: [makeCrl(root, [ca], { scope: { only: 'ca' } }), cleanCrl] })
  assert.deepEqual(forCas.reasons, ['certificate-revoked'])
  const forUsers = judge(jane, { crls: [makeCrl(root, [ca], { scope: { only: 'user' } }), cleanCrl] })
  assert.deepEqual(forUsers.reasons, ['revocation-unknown'])
})

test('partitions are found by the name of the distribution point', () => {
  const here = makeLeaf('jane', ca, { crlUrls: ['http://x.example/a', 'http://x.example/b'] })
  const at = (...urls: string[]): Partial<IssueCrlOptions> => ({ scope: { urls } })
  assert.equal(status(here, [makeCrl(ca, [here], at('HTTP://X.example/b'))]), 'revoked')
  assert.equal(status(here, [makeCrl(ca, [], at('http://x.example/b', 'http://y.example/b'))]), 'good')
  assert.equal(status(here, [makeCrl(ca, [], at('http://x.example/B'))]), UNKNOWN)
  assert.equal(status(here, [cleanCrl]), 'good')
  assert.equal(status(jane, [makeCrl(ca, [], at('http://x.example/a'))]), UNKNOWN)
})

const extension = (type: string, value: Buffer, critical = true): Extension => ({
  oid: type,
  critical,
  value,
})
/** A leaf with distribution points of any form. */
const pointed = (...points: readonly Buffer[]): Holder => {
  const other: IssueExtensions['other'] = [
    extension(Oid.idCeCrlDistributionPoints, sequence(...points), false),
  ]
  return makeLeaf('jane', ca, { other })
}
const scoped = (...fields: readonly Buffer[]): Partial<IssueCrlOptions> => ({
  other: [extension(Oid.idCeIssuingDistributionPoint, sequence(...fields))],
})
const common = (text: string): Buffer => sequence(oid(Oid.idAtCommonName), utf8(text))
const relative = (text: string): Buffer => explicit(0, implicit(1, set(common(text))))
const directory = (...names: readonly Buffer[]): Buffer => explicit(4, sequence(...names))
const full = (...names: readonly Buffer[]): Buffer => explicit(0, explicit(0, ...names))

test('names relative to the CRL issuer', () => {
  const leaf = pointed(sequence(relative('Part 1')))
  assert.equal(status(leaf, [makeCrl(ca, [leaf], scoped(relative('part  1')))]), 'revoked')
  assert.equal(status(leaf, [makeCrl(ca, [], scoped(relative('Part 2')))]), UNKNOWN)
  const rdns = ca.certificate.subject.rdns.map((rdn) =>
    set(...rdn.map(({ oid: type, value }) => sequence(oid(type), value.raw))),
  )
  const whole = full(directory(...rdns, set(common('Part 1'))))
  assert.equal(status(leaf, [makeCrl(ca, [], scoped(whole))]), 'good')
  assert.equal(status(pointed(sequence(whole)), [makeCrl(ca, [], scoped(relative('Part 1')))]), 'good')
})

test('reasons: all of them must be covered', () => {
  const some = makeCrl(ca, [], { scope: { reasons: ['keyCompromise', 'cACompromise'] } })
  const rest = makeCrl(ca, [], {
    scope: {
      reasons: [
        'affiliationChanged',
        'superseded',
        'cessationOfOperation',
        'certificateHold',
        'privilegeWithdrawn',
        'aACompromise',
      ],
    },
  })
  assert.equal(status(jane, [some]), UNKNOWN)
  assert.equal(status(jane, [rest]), UNKNOWN)
  assert.equal(status(jane, [some, rest]), 'good')
  const compromised = makeCrl(ca, [jane], { scope: { reasons: ['keyCompromise'] } })
  assert.equal(status(jane, [compromised]), 'revoked')
  // A distribution point limits the reasons too
  const url = implicit(6, ia5('http://x.example/a'))
  const limited = (...indexes: number[]): Buffer => sequence(full(url), implicit(1, namedBits(indexes)))
  const leaf = pointed(limited(1, 2))
  const here: Partial<IssueCrlOptions> = { scope: { urls: ['http://x.example/a'] } }
  assert.equal(status(leaf, [makeCrl(ca, [], here)]), UNKNOWN)
  const both = pointed(limited(1, 2), limited(3, 4, 5, 6, 7, 8))
  assert.equal(status(both, [makeCrl(ca, [], here)]), 'good')
})

const authority = makeCa('CRL Authority', { by: root, extensions: { keyUsage: ['cRLSign'] } })
const names = (holder: Holder): Buffer => implicit(2, sequence(explicit(4, holder.certificate.subject.raw)))
const indirectly = pointed(sequence(full(implicit(6, ia5('http://x.example/i'))), names(authority)))
const all = { intermediates: [ca, authority] }
const listed = (leaf: Holder) => ({
  serial: leaf.certificate.serial,
  certificateIssuer: ca.certificate.subject,
})

test('indirect CRLs: by the CRL issuer that the certificate names, with the issuer of the entry', () => {
  const scope: CrlScope = { indirect: true }
  assert.equal(status(indirectly, [makeCrl(authority, [], { scope })], all), 'good')
  assert.equal(status(indirectly, [makeCrl(authority, [listed(indirectly)], { scope })], all), 'revoked')
  // The same serial number of another issuer
  const stranger = { ...listed(indirectly), certificateIssuer: root.certificate.subject }
  assert.equal(status(indirectly, [makeCrl(authority, [stranger], { scope })], all), 'good')
  assert.equal(status(indirectly, [makeCrl(authority, [indirectly], { scope })], all), 'good')
  // Not marked as indirect, or not named
  assert.equal(status(indirectly, [makeCrl(authority)], all), UNKNOWN)
  assert.equal(status(jane, [makeCrl(authority, [], { scope })], all), UNKNOWN)
  // The issuer's own CRL still does
  assert.equal(status(indirectly, [cleanCrl], all), 'good')
})

test('a CRL issuer that its CA appoints to issue the CRLs about itself (PKITS 4.14.30)', () => {
  const subject = { O: 'Test', CN: 'Appointed' }
  const named = implicit(2, sequence(explicit(4, makeCa('Appointed').certificate.subject.raw)))
  const point = {
    ...{ oid: Oid.idCeCrlDistributionPoints, critical: false },
    value: sequence(sequence(full(implicit(6, ia5('http://x.example/c'))), named)),
  }
  const appointed = make('Appointed', { keyUsage: ['cRLSign'], other: [point] }, { by: ca, subject })
  const bob = makeLeaf('bob', ca, { other: [point] })
  const scope: CrlScope = { indirect: true }
  const given = { intermediates: [ca, appointed] }
  assert.equal(status(bob, [makeCrl(appointed, [], { scope })], given), 'good')
  assert.equal(status(bob, [makeCrl(appointed, [listed(bob)], { scope })], given), 'revoked')
  // On its own list it speaks of nobody any more
  assert.equal(status(bob, [makeCrl(appointed, [listed(appointed)], { scope })], given), UNKNOWN)
  const own = { ...given, purpose: 'any' } as const
  assert.equal(status(appointed, [makeCrl(appointed, [], { scope })], own), 'good')
  assert.equal(status(appointed, [makeCrl(appointed, [listed(appointed)], { scope })], own), 'revoked')
  // Not indirect, not appointed, or not allowed to sign CRLs
  assert.equal(status(bob, [makeCrl(appointed)], given), UNKNOWN)
  const self = make('Appointed', { keyUsage: ['cRLSign'] }, { by: ca, subject })
  assert.equal(status(bob, [makeCrl(self, [], { scope })], { intermediates: [ca, self] }), UNKNOWN)
  const mute = make('Appointed', { keyUsage: ['digitalSignature'], other: [point] }, { by: ca, subject })
  assert.equal(status(bob, [makeCrl(mute, [], { scope })], { intermediates: [ca, mute] }), UNKNOWN)
})

test('a CRL issuer without a name for the point: its own name counts', () => {
  const leaf = pointed(sequence(names(authority)))
  const own = makeCrl(
    authority,
    [listed(leaf)],
    scoped(full(explicit(4, authority.certificate.subject.raw)), implicit(4, Buffer.from([1, 1, 255]))),
  )
  assert.equal(status(leaf, [own], all), 'revoked')
  const other = makeCrl(authority, [listed(leaf)], {
    scope: { indirect: true, urls: ['http://x.example/i'] },
  })
  assert.equal(status(leaf, [other], all), UNKNOWN)
})

test('damaged distribution points are unknown, not passed over', () => {
  for (const points of [[], [sequence()], [sequence(implicit(1, namedBits([1])))], [integer(1)]])
    assert.equal(status(pointed(...points), [cleanCrl]), UNKNOWN)
})

/** The same CRL signed with SHA-1. */
function resigned(crl: Crl, key: KeyObject): Crl {
  const [version, , ...rest] = readElement(crl.tbs).children()
  assert.ok(version)
  const algorithm = writeAlgorithm(Oid.sha1WithRSAEncryption, nil())
  const tbs = sequence(version.raw, algorithm, ...rest.map(({ raw }) => raw))
  return parseCrl(sequence(tbs, algorithm, bits(sign('sha1', tbs, key))))
}

test('a CRL signed with SHA-1 can revoke, but proves nothing good', () => {
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const weak = makeCa('Weak', { by: root, key })
  const leaf = makeLeaf('jane', weak)
  const crls = (listing: readonly Holder[]) => [resigned(makeCrl(weak, listing), key)]
  const given = { intermediates: [weak] }
  assert.equal(status(leaf, crls([leaf]), given), 'revoked')
  assert.equal(status(leaf, crls([]), given), UNKNOWN)
  assert.equal(status(leaf, crls([]), { ...given, allowWeak: true }), 'good')
})

test('CRLs that break the rules for issuers prove nothing good where these count, but what they revoke is revoked', () => {
  const strict = { profile: 'strict' } as const
  const number = (critical: boolean): Extension => ({
    ...{ oid: Oid.idCeCrlNumber, critical, value: integer(1) },
  })
  const scope = (critical: boolean, ...fields: readonly Buffer[]): Extension => ({
    ...{ oid: Oid.idCeIssuingDistributionPoint, critical, value: sequence(...fields) },
  })
  const crl = (listing: readonly Holder[], ...extensions: readonly Extension[]): Crl => {
    const parts = readElement(makeCrl(ca, listing).tbs).children()
    const [, algorithm] = parts
    assert.ok(algorithm)
    const written = extensions.map(({ oid: type, critical, value }) =>
      sequence(oid(type), ...(critical ? [boolean(true)] : []), octets(value)),
    )
    const tbs = sequence(
      ...parts.filter((part) => part.class === 0).map(({ raw }) => raw),
      ...(written.length === 0 ? [] : [explicit(0, sequence(...written))]),
    )
    return parseCrl(sequence(tbs, algorithm.raw, bits(sign('sha256', tbs, ca.key))))
  }
  const yes = Buffer.from([255])
  const directory = full(explicit(4, ca.certificate.subject.raw))
  const odd = [
    [],
    [number(true)],
    [number(false), scope(false)],
    [number(false), scope(true, tlv(0x84, yes))],
    [number(false), scope(true, directory)],
  ]
  for (const extensions of odd) {
    assert.equal(status(jane, [crl([], ...extensions)]), 'good')
    assert.equal(status(jane, [crl([], ...extensions)], strict), UNKNOWN)
    assert.equal(status(jane, [crl([jane], ...extensions)], strict), 'revoked')
  }
  assert.equal(status(jane, [crl([], number(false), scope(true, tlv(0x81, yes)))], strict), 'good')
  assert.equal(status(jane, [cleanCrl], strict), 'good')
})

test('noRevAvail: nothing to ask for (RFC 9608)', () => {
  const none = extension(Oid.idCeNoRevAvail, nil(), false)
  assert.equal(status(makeLeaf('jane', ca, { other: [none] }), []), 'good')
  assert.equal(status(makeLeaf('jane', ca, { other: [none], crlUrls: ['http://x.example/a'] }), []), UNKNOWN)
})

test('CRLs of a message cannot use up the work that the CRLs of the operator need', () => {
  const forgers = Array.from({ length: 8 }, () => makeCa('CA'))
  const messageCrls = Array.from({ length: 40 }, (_, index) => {
    const forger = forgers[index % forgers.length] ?? ca
    return makeCrl(forger, [], { thisUpdate: AT - 1000 - index * 1000 })
  })
  const given: Given = { intermediates: [ca, ...forgers], messageCrls, revocation: 'prefer' }
  assert.equal(status(jane, [makeCrl(ca, [jane])], given), 'revoked')
  assert.equal(status(jane, [], { ...given, messageCrls: [makeCrl(ca, [jane])] }), 'revoked')
})

test('OCSP and CRLs together: whoever says revoked is believed', () => {
  const about = { certificate: jane.certificate, issuer: ca.certificate }
  const good = makeOcsp(ca, [about])
  const revoked = makeOcsp(ca, [{ ...about, status: 'revoked' }])
  const unknown = makeOcsp(ca, [{ ...about, status: 'unknown' }])
  assert.equal(status(jane, [], { ocspResponses: [good] }), 'good')
  assert.equal(status(jane, [makeCrl(ca, [jane])], { ocspResponses: [good] }), 'revoked')
  assert.equal(status(jane, [cleanCrl], { ocspResponses: [revoked] }), 'revoked')
  assert.equal(status(jane, [], { ocspResponses: [good, revoked] }), 'revoked')
  assert.equal(status(jane, [cleanCrl], { ocspResponses: [unknown] }), 'good')
  assert.equal(status(jane, [], { ocspResponses: [unknown] }), UNKNOWN)
  const forged = makeOcsp(makeCa('CA'), [{ ...about, status: 'revoked' }])
  assert.equal(status(jane, [cleanCrl], { ocspResponses: [forged] }), 'good')
})
