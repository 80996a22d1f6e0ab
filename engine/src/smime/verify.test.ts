import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOW, intermediate, makePerson, root } from '../../test/pki.ts'
import type { Person } from '../../test/pki.ts'
import { signDetached } from '../cms/sign.ts'
import { protectedEntityOf, signableMessage, wrapMessage } from './entity.ts'
import { protectHeaders } from './protected-headers.ts'
import { signEntity } from './sign.ts'
import type { VerifyOptions } from './verdict.ts'
import { verifyCms, verifyMessage } from './verify.ts'

const options: VerifyOptions = { anchors: [root], at: NOW, revocation: 'none' }
const alice = makePerson('alice', 'p256')
const mallory = makePerson('mallory', 'p256')

const mail = (
  from = `Alice <${alice.email}>`,
  body = 'Content-Type: text/plain\r\n\r\nHello\r\n\r\nBye\r\n',
) => `From: ${from}\r\nTo: bob@example.org\r\nSubject: test\r\nMIME-Version: 1.0\r\n${body}`

interface How {
  readonly opaque?: boolean
  readonly at?: number
}

function sign(message: string, person: Person = alice, how: How = {}): Buffer {
  const bytes = signableMessage(Buffer.from(message))
  const { outer, entity } = protectedEntityOf(bytes)
  const made = signEntity(entity, person, {
    opaque: how.opaque ?? false,
    at: NOW,
    boundary: 'b0undaryb0undary',
  })
  return Buffer.concat(wrapMessage(bytes, outer, made))
}

/** Changes the text of a message without looking at its structure. */
function edit(bytes: Buffer, change: (text: string) => string): Buffer {
  const before = bytes.toString('latin1')
  const after = change(before)
  assert.notEqual(after, before)
  return Buffer.from(after, 'latin1')
}

function verdict(bytes: Buffer, how: Partial<VerifyOptions> = {}) {
  const { status, reasons, coverage, from } = verifyMessage(bytes, { ...options, ...how })
  return { status, reasons: [...reasons], coverage, from: [...from] }
}

for (const opaque of [false, true]) {
  const form = opaque ? 'opaque' : 'clear'

  test(`a ${form}-signed mail is valid as a whole`, () => {
    const signed = sign(mail(), alice, { opaque })
    assert.deepEqual(verdict(signed), {
      status: 'valid',
      reasons: [],
      coverage: 'whole',
      from: [alice.email],
    })
    const [signer] = verifyMessage(signed, options).signers
    assert.deepEqual(
      [signer?.emails, signer?.digest, signer?.signature, signer?.signingTime],
      [[alice.email], 'sha256', 'ecdsa', NOW],
    )
    assert.deepEqual(
      signer?.path.map((each) => each.fingerprint),
      [alice.certificate, intermediate, root].map((each) => each.fingerprint),
    )
  })

  test(`a ${form}-signed mail whose line ends became LF is still valid`, () => {
    const signed = edit(sign(mail(), alice, { opaque }), (text) => text.replaceAll('\r\n', '\n'))
    assert.equal(verdict(signed).status, 'valid')
  })

  test(`a ${form}-signed mail is judged at the given time, not at signingTime`, () => {
    const signed = sign(mail(), alice, { opaque })
    const late = verdict(signed, { at: NOW + 1000 * 86_400_000 })
    assert.equal(late.status, 'invalid')
    assert.ok(late.reasons.includes('certificate-expired'))
  })

  test(`a ${form}-signed mail without its trust anchor is invalid`, () => {
    const found = verdict(sign(mail(), alice, { opaque }), { anchors: [] })
    assert.deepEqual([found.status, found.reasons], ['invalid', ['issuer-not-found']])
  })

  test(`the signer of a ${form}-signed mail must be its From`, () => {
    const found = verdict(sign(mail(), mallory, { opaque }))
    assert.deepEqual([found.status, found.reasons], ['signer-mismatch', ['signer-address-mismatch']])
    const [signer] = verifyMessage(sign(mail(), mallory, { opaque }), options).signers
    assert.equal(signer?.status, 'valid')
  })
}

test('an unknown revocation state is a reason, or a failure when it is required', () => {
  const signed = sign(mail())
  const preferred = verdict(signed, { revocation: 'prefer' })
  assert.deepEqual([preferred.status, preferred.reasons], ['valid', ['revocation-unknown']])
  const required = verdict(signed, { revocation: 'require' })
  assert.deepEqual([required.status, required.reasons], ['invalid', ['revocation-unknown']])
})

test('changed content is invalid, changed outer header is not covered', () => {
  const signed = sign(mail())
  assert.deepEqual(verdict(edit(signed, (text) => text.replace('Hello', 'Hallo'))).reasons, [
    'digest-mismatch',
  ])
  assert.equal(
    verdict(edit(signed, (text) => text.replace('Subject: test', 'Subject: other'))).status,
    'valid',
  )
})

test('micalg is ignored', () => {
  assert.equal(
    verdict(edit(sign(mail()), (text) => text.replace('micalg=sha-256', 'micalg=md5'))).status,
    'valid',
  )
})

test('a weak RSA key is invalid unless weak keys are allowed, and stays marked', () => {
  const weak = makePerson('alice', 'rsa-1024')
  const signed = sign(mail(), weak)
  assert.deepEqual([verdict(signed).status, verdict(signed).reasons], ['invalid', ['weak-key']])
  const allowed = verdict(signed, { allowWeak: true })
  assert.deepEqual([allowed.status, allowed.reasons], ['valid', ['weak-key']])
})

test('a certificate for encryption only signs nothing', () => {
  const encrypting = makePerson('alice', 'p256', { keyUsage: ['keyAgreement'] })
  assert.deepEqual(verdict(sign(mail(), encrypting)).reasons, ['key-usage-mismatch'])
})

test('CVE-2026-27444: several or unclear From addresses are never valid', () => {
  const cases: readonly (readonly [string, string])[] = [
    [`${alice.email}, boss@example.org`, 'from-multiple'],
    [`Alice <${alice.email}>\r\nFrom: Boss <boss@example.org>`, 'from-multiple'],
    [`"boss@example.org" <${alice.email}> <boss@example.org>`, 'from-ambiguous'],
    [`Alice <${alice.email}`, 'from-ambiguous'],
    ['Nobody:;', 'from-missing'],
  ]
  for (const [from, reason] of cases) {
    const found = verdict(sign(mail(from)))
    assert.equal(found.status, 'signer-mismatch', from)
    assert.ok(
      found.reasons.some((each) => each === reason || each === 'from-ambiguous'),
      `${from}: ${found.reasons.join()}`,
    )
  }
  const none = verdict(sign(mail().replace(/^From.*\r\n/, '')))
  assert.deepEqual([none.status, none.reasons], ['signer-mismatch', ['from-missing']])
})

test('the Sender field and the display name do not count', () => {
  const found = verdict(
    sign(mail(`"${alice.email}" <boss@example.org>`).replace('To:', `Sender: ${alice.email}\r\nTo:`)),
  )
  assert.equal(found.status, 'signer-mismatch')
})

test('CVE-2026-2748: an address with white space in the certificate stands for nobody', () => {
  for (const email of [
    ' alice@example.org',
    'alice@example.org ',
    'alice@ example.org',
    'alice@example.org\n',
  ]) {
    const spoofer = makePerson('spoofer', 'p256', { emails: [email] })
    assert.equal(verdict(sign(mail(), spoofer)).status, 'signer-mismatch', JSON.stringify(email))
  }
})

test('Johnny, you are fired: a signed part beside unsigned text is partial', () => {
  const inner = sign(mail()).toString('latin1')
  const entity = inner.slice(inner.indexOf('Content-Type: multipart/signed'))
  const wrapped = Buffer.from(
    mail(
      undefined,
      `Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\nContent-Type: text/html\r\n\r\nPay!\r\n--outer\r\n${entity}\r\n--outer--\r\n`,
    ),
    'latin1',
  )
  assert.deepEqual(verdict(wrapped), {
    status: 'partial',
    reasons: ['signed-part-not-root'],
    coverage: 'part',
    from: [alice.email],
  })
})

test('Johnny, you are fired: an attached signed mail does not sign the mail around it', () => {
  const attached = sign(mail()).toString('latin1')
  const wrapped = Buffer.from(
    mail(
      undefined,
      `Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n\r\nPay!\r\n--outer\r\nContent-Type: message/rfc822\r\n\r\n${attached}\r\n--outer--\r\n`,
    ),
    'latin1',
  )
  assert.equal(verdict(wrapped).status, 'unsigned')
})

test('multipart/signed with a third part, or with content inside the signature, is no good', () => {
  const signed = sign(mail())
  const third = edit(signed, (text) =>
    text.replace(/(--[^\r\n]+)--\r\n$/, '$1\r\nContent-Type: text/plain\r\n\r\nmore\r\n$1--\r\n'),
  )
  assert.deepEqual([verdict(third).status, verdict(third).reasons], ['error', ['multipart-signed-malformed']])
  const opaque = sign(mail(), alice, { opaque: true }).toString('latin1')
  const base64 = opaque.slice(opaque.indexOf('\r\n\r\n') + 4)
  const start = signed.toString('latin1').replace('Hello', 'Shown')
  const head = start.slice(0, start.indexOf('\r\n\r\n', start.indexOf('pkcs7-signature; name')) + 4)
  const end = start.slice(start.lastIndexOf('\r\n--'))
  const found = verdict(Buffer.from(head + base64 + end, 'latin1'))
  assert.deepEqual([found.status, found.reasons], ['error', ['multipart-signed-malformed']])
})

test('a multipart that says it is encoded is ambiguous and never valid', () => {
  // A reader that decodes the body as a whole finds what somebody has put before the signed part.
  const shown = '--=_b0undaryb0undary\r\nContent-Type: text/html\r\n\r\nPay 99\r\n--=_b0undaryb0undary--\r\n'
  const preamble = Buffer.from(shown).toString('base64')
  for (const encoding of [
    'base64',
    'quoted-printable',
    'x-uuencode',
    '7bit\r\nContent-Transfer-Encoding: base64',
  ]) {
    const changed = edit(sign(mail()), (text) =>
      text
        .replace('Content-Type: multipart/signed', `Content-Transfer-Encoding: ${encoding}\r\n$&`)
        .replace('\r\n\r\n', `\r\n\r\n${preamble}\r\n`),
    )
    const { status, reasons } = verdict(changed)
    assert.deepEqual([status, reasons], ['invalid', ['header-ambiguous']], encoding)
  }
  const stated = edit(sign(mail()), (text) =>
    text.replace('Content-Type: multipart/signed', 'Content-Transfer-Encoding: 8bit\r\n$&'),
  )
  assert.equal(verdict(stated).status, 'valid')
})

test('two Content-Type fields are ambiguous and never valid', () => {
  const doubled = edit(sign(mail()), (text) =>
    text.replace('MIME-Version', 'Content-Type: text/html\r\nMIME-Version'),
  )
  assert.notEqual(verdict(doubled).status, 'valid')
  const behind = edit(sign(mail()), (text) =>
    text.replace('\r\n\r\n--', '\r\nContent-Type: text/html\r\n\r\n--'),
  )
  assert.deepEqual([verdict(behind).status, verdict(behind).reasons], ['invalid', ['header-ambiguous']])
})

test('a damaged signature is an error, an unsigned mail is unsigned', () => {
  const damaged = edit(sign(mail()), (text) =>
    text.replace(/\r\n\r\nMI[^]*?\r\n\r\n--/, '\r\n\r\nAAAA\r\n\r\n--'),
  )
  assert.equal(verdict(damaged).status, 'error')
  assert.deepEqual(verdict(Buffer.from(mail())), {
    status: 'unsigned',
    reasons: ['not-signed'],
    coverage: 'none',
    from: [alice.email],
  })
  assert.equal(verdict(Buffer.alloc(0)).status, 'unsigned')
})

test('certificates only are not a signature', () => {
  const bytes = edit(sign(mail(), alice, { opaque: true }), (text) =>
    text.replace('smime-type=signed-data', 'smime-type=certs-only'),
  )
  assert.equal(verdict(bytes).status, 'unsigned')
})

test('a bare object is valid without a From; a detached one without content is not', () => {
  const content = [Buffer.from('anything')]
  const der = signDetached(content, alice, { at: NOW })
  assert.deepEqual(
    [verifyCms(der, options).status, verifyCms(der, options).reasons],
    ['invalid', ['content-missing']],
  )
  const opaque = sign(mail(), mallory, { opaque: true }).toString('latin1')
  const bare = Buffer.from(opaque.slice(opaque.indexOf('\r\n\r\n') + 4), 'base64')
  assert.deepEqual([verifyCms(bare, options).status, verifyCms(bare, options).from], ['valid', []])
  assert.equal(verifyCms(Buffer.from('3003020100', 'hex'), options).status, 'error')
})

test('RFC 9788: a protected From other than the one that is shown is a mismatch', () => {
  const bytes = Buffer.from(mail())
  const { outer, entity } = protectHeaders(bytes, 'clear')
  const made = signEntity(entity, alice, { at: NOW, boundary: 'b0undaryb0undary' })
  const signed = Buffer.concat([...outer, Buffer.from('MIME-Version: 1.0\r\n'), ...made])
  const good = verifyMessage(signed, options)
  assert.equal(good.status, 'valid')
  assert.deepEqual(
    [good.protectedHeaders?.scheme, good.protectedHeaders?.mode, good.protectedHeaders?.from],
    ['rfc9788', 'clear', alice.email],
  )
  const both = makePerson('both', 'p256', { emails: [alice.email, 'other@example.org'] })
  const again = signEntity(entity, both, { at: NOW, boundary: 'b0undaryb0undary' })
  const changed = edit(Buffer.concat([...outer, Buffer.from('MIME-Version: 1.0\r\n'), ...again]), (text) =>
    text.replace(/^From: .*\r\n/, 'From: other@example.org\r\n'),
  )
  assert.deepEqual(
    [verdict(changed).status, verdict(changed).reasons],
    ['signer-mismatch', ['protected-from-mismatch']],
  )
})

test('a signature that was sent as application/octet-stream is recognised by its file name', () => {
  const opaque = sign(mail(), alice, { opaque: true })
  const renamed = edit(opaque, (text) =>
    text.replace('application/pkcs7-mime; smime-type=signed-data;', 'application/octet-stream;'),
  )
  assert.equal(verdict(renamed).status, 'valid')
})

test('base64 of a signature may have any line length', () => {
  const signed = edit(sign(mail()), (text) =>
    text.replace(/(\r\n\r\n)(MI[^]*?)(\r\n\r\n--)/, (_, before: string, body: string, after: string) =>
      [before, body.replaceAll('\r\n', ''), after].join(''),
    ),
  )
  assert.equal(verdict(signed).status, 'valid')
})
