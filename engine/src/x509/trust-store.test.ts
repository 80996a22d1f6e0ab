/** Tests of trust-store.ts: what the store says of a CA counts in every certificate of it, and reaches down. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AT, makeCa, makeLeaf } from '../../test/chain.ts'
import type { Holder } from '../../test/chain.ts'
import { Oid } from '../der/oid.ts'
import { writePem } from '../der/pem.ts'
import { implicit, oid, sequence } from '../der/writer.ts'
import { Certificate } from './certificate.ts'
import { buildPath } from './path.ts'
import type { PathOptions } from './path-options.ts'
import { readCertificates } from './read-certificates.ts'

const root = makeCa('Root')
const ca = makeCa('CA', { by: root })
const leaf = makeLeaf('jane', ca)

const REJECTS_MAIL = sequence(implicit(0, sequence(oid(Oid.idKpEmailProtection))))
const TRUSTS_MAIL = sequence(sequence(oid(Oid.idKpEmailProtection)))
const TRUSTS_TLS = sequence(sequence(oid(Oid.idKpServerAuth)))

/** The certificate as `openssl x509 -addtrust` and `-addreject` leave it. */
function settled({ certificate: { raw } }: Holder, settings: Buffer): Certificate {
  const pem = writePem('TRUSTED CERTIFICATE', Buffer.concat([raw, settings]))
  const [certificate] = readCertificates(Buffer.from(pem))
  assert.ok(certificate)
  return certificate
}

type Material = readonly (Holder | Certificate)[]

function judge(anchors: Material, intermediates: Material = [ca], more: Partial<PathOptions> = {}) {
  const plain = (items: Material): Certificate[] =>
    items.map((item) => (item instanceof Certificate ? item : item.certificate))
  return buildPath(leaf.certificate, {
    ...{ at: AT, purpose: 'email-sign', revocation: 'none', ...more },
    ...{ anchors: plain(anchors), intermediates: plain(intermediates) },
  })
}

function accepts(anchors: Material, intermediates?: Material, more?: Partial<PathOptions>): void {
  assert.deepEqual(judge(anchors, intermediates, more).reasons, [])
}

function distrusts(anchors: Material, intermediates?: Material): void {
  const { valid, reasons } = judge(anchors, intermediates)
  assert.equal(valid, false)
  assert.ok(reasons.includes('certificate-distrusted'), reasons.join())
}

test('settings reject a CA in any certificate, and overrule the anchor itself', () => {
  distrusts([settled(root, REJECTS_MAIL)])
  distrusts([root, settled(makeCa('CA', { by: root, key: ca.key }), REJECTS_MAIL)])
  distrusts([settled(root, TRUSTS_TLS)])
  const tlsRoot = makeCa('Root', { key: root.key, extensions: { extendedKeyUsage: [Oid.idKpServerAuth] } })
  accepts([settled(tlsRoot, TRUSTS_MAIL)])
  assert.equal(judge([tlsRoot]).valid, false)
  // Also where the same certificate lies there without settings
  for (const order of [0, 1]) {
    const both = [tlsRoot, settled(tlsRoot, TRUSTS_MAIL)]
    accepts(order === 0 ? both : both.reverse())
  }
})

test('a CA that the store has for other purposes only is not wider in a certificate that others supply', () => {
  const narrow = makeCa('CA', {
    ...{ by: root, key: ca.key },
    extensions: { extendedKeyUsage: [Oid.idKpServerAuth] },
  })
  assert.equal(judge([root, narrow]).valid, false)
  accepts([root, narrow], [ca], { purpose: 'any' })
  // Another certificate of it in the store that fits is enough
  accepts([root, narrow, ca], [])
  // One that is merely out of date says nothing of purposes
  accepts([root, makeCa('CA', { by: root, key: ca.key, notAfter: AT - 1000 })])
})

test('what a rejected CA certified is no anchor for lying beside it, unless trusted expressly', () => {
  const other = makeCa('Other')
  const crossed = makeCa('CA', { by: other, key: ca.key })
  accepts([root, other, crossed])
  distrusts([root, settled(other, REJECTS_MAIL), crossed])
  distrusts([root, settled(other, TRUSTS_TLS), crossed])
  accepts([root, settled(other, REJECTS_MAIL), settled(crossed, TRUSTS_MAIL)])
  // A name alone is no rejection: the key must have signed
  accepts([root, settled(makeCa('Other'), REJECTS_MAIL), crossed])
  // Another certificate of the rejected CA does not help
  const twin = makeCa('Other', { key: other.key })
  distrusts([root, settled(other, REJECTS_MAIL), twin, crossed])
})

test('cross-certificates in a ring come to an end', () => {
  const one = makeCa('One')
  const two = makeCa('Two')
  const ring = [makeCa('One', { by: two, key: one.key }), makeCa('Two', { by: one, key: two.key })]
  const jane = makeLeaf('jane', one)
  const { valid } = buildPath(jane.certificate, {
    ...{ at: AT, purpose: 'email-sign', revocation: 'none' },
    anchors: ring.map(({ certificate }) => certificate),
  })
  assert.ok(valid)
})
