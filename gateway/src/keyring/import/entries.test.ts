/** What files of certificates give, whole and in every cut, and what hostile ones are refused for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certificatesOnly, writePem, writePkcs12 } from '@siegel/engine'
import { make, makeRoot } from '../testing/credentials.ts'
import { readEntries } from './entries.ts'
import type { FileEntry } from './entry.ts'
import { takeIn } from './intake.ts'

const root = makeRoot()
const bob = make('bob', root, { emails: ['bob@partner.example'] })
const carol = make('carol', root, { emails: ['carol@partner.example'] })
const pem = (der: Buffer) => writePem('CERTIFICATE', der)
const ldif = (attribute: string, der: Buffer) =>
  `${attribute}:: ${der.toString('base64').replaceAll(/(.{60})(?=.)/g, '$1\n ')}\n`

/** Reads with chunks of a size. */
async function read(bytes: Buffer | string, size = 65_536, password: string | null = null) {
  const whole = Buffer.from(bytes)
  const entries: FileEntry[] = []
  async function* chunks(): AsyncGenerator<Buffer> {
    const room = Buffer.alloc(size)
    for (let at = 0; at < whole.length; at += size) {
      await Promise.resolve()
      // The same memory each time, as files are read.
      yield room.subarray(0, whole.copy(room, 0, at, at + size))
    }
  }
  for await (const entry of readEntries(chunks(), password)) entries.push(entry)
  return entries
}

/** Short words for entries. */
function words(entries: readonly FileEntry[]): string[] {
  return entries.map((entry) => {
    const what =
      entry.kind === 'refused' ? entry.code : entry.kind === 'own' ? 'own' : entry.der.equals(bob.certificate.raw) ? 'bob' : 'other' // prettier-ignore
    return `${entry.place}: ${what}`
  })
}

for (const size of [1, 7, 4096, 65_536])
  test(`PEM and LDIF give the same in pieces of ${size} octets`, async () => {
    const text = `notes\r\n${pem(bob.certificate.raw).replaceAll('\n', '\r\n')}\n-----BEGIN X-----\nAA\n-----END X-----\n${pem(carol.certificate.raw)}`
    assert.deepEqual(words(await read(text, size)), [
      'line 2: bob',
      `line ${pem(bob.certificate.raw).split('\n').length + 2}: pem-label-not-taken`,
      `line ${pem(bob.certificate.raw).split('\n').length + 5}: other`,
    ])
    const directory = `version: 1\n# people\ndn: cn=bob\nmail: bob@partner.example\n${ldif('userCertificate;binary', bob.certificate.raw)}\ndn: cn=carol\n${ldif('userSMIMECertificate;binary', certificatesOnly([carol.certificate]))}`
    const found = words(await read(directory, size))
    assert.equal(found.length, 2)
    assert.equal(found[0], 'line 5: bob')
    assert.match(found[1] ?? '', /^line \d+: other$/)
  })

test('DER alone and one after the other, CMS, and PKCS#12 with and without a key', async () => {
  const both = Buffer.concat([bob.certificate.raw, carol.certificate.raw])
  assert.deepEqual(words(await read(both)), ['octet 0: bob', `octet ${bob.certificate.raw.length}: other`])
  const cut = both.subarray(0, both.length - 1)
  assert.equal((await read(cut)).at(-1)?.kind, 'refused')
  assert.equal((await read(certificatesOnly([bob.certificate, carol.certificate]))).length, 2)
  const p12 = writePkcs12({
    key: bob.key,
    certificates: [bob.certificate, root.certificate],
    password: 'geheim',
  })
  const [own, ...more] = await read(p12, 4096, 'geheim')
  assert.equal(more.length, 0)
  assert.ok(own?.kind === 'own')
  const intake = takeIn(own, 'bob.p12', Date.now())
  assert.ok('entry' in intake)
  assert.equal(intake.entry.owner, 'own')
  assert.notEqual(intake.entry.privateKey, null)
  assert.deepEqual(words(await read(p12, 4096, 'falsch')), [': pkcs12-unusable'])
})

const HOSTILE: readonly [string, Buffer | string, string][] = [
  ['nothing', '', 'nothing-found'],
  ['prose', 'hello\n', 'nothing-found'],
  ['a block without end', '-----BEGIN CERTIFICATE-----\nAAAA\n', 'pem-block-open'],
  ['no base64', '-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n', 'base64-malformed'],
  [
    'a private key',
    '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
    'private-key-not-taken',
  ],
  ['a block of three megabytes', `-----BEGIN CERTIFICATE-----\n${'QUJD\n'.repeat(600_000)}-----END CERTIFICATE-----\n`, 'entry-too-large'], // prettier-ignore
  ['one line of three megabytes', `-----BEGIN CERTIFICATE-----\n${'QUJD'.repeat(800_000)}\n-----END CERTIFICATE-----\n`, 'entry-too-large'], // prettier-ignore
  ['a folded value of three megabytes', `dn: a\nuserCertificate:: QUJD\n${' QUJD\n'.repeat(700_000)}`, 'entry-too-large'], // prettier-ignore
  ['a URL', 'dn: a\nuserCertificate;binary:< file:///etc/passwd\n', 'ldif-url-not-taken'],
  ['a value that is no base64', 'dn: a\nuserCertificate;binary: text\n', 'ldif-line-malformed'],
  ['an archive in an archive', 'PK\u0003\u0004....', 'archive-member-refused'],
  ['twenty megabytes of DER', Buffer.concat([Buffer.of(0x30, 0x84, 1, 0x40, 0, 0), Buffer.alloc(20_971_520)]), 'entry-too-large'], // prettier-ignore
  [
    'a length that goes beyond the file',
    Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0),
    'certificate-malformed',
  ],
  ['an endless length', Buffer.of(0x30, 0x80, 0x30, 0x00), 'certificate-malformed'],
]

for (const [name, bytes, code] of HOSTILE)
  test(`${name}: ${code}`, async () => {
    const entries = await read(bytes)
    assert.ok(
      entries.some((entry) => entry.kind === 'refused' && entry.code === code),
      JSON.stringify(words(entries)),
    )
    assert.ok(entries.every((entry) => entry.kind === 'refused'))
  })

test('what could serve nobody is not taken in', () => {
  const now = Date.now()
  const code = (der: Buffer) => {
    const intake = takeIn({ place: '', kind: 'certificate', der }, 'file', now)
    return 'refused' in intake ? intake.refused.code : 'taken'
  }
  const of = (options: Parameters<typeof make>[2]) => make('x', root, options).certificate.raw
  const emails = ['x@partner.example']
  assert.equal(code(bob.certificate.raw), 'taken')
  assert.equal(code(root.certificate.raw), 'certificate-of-authority')
  assert.equal(code(of({ emails, notAfter: now - 1000 })), 'certificate-expired')
  assert.equal(code(of({})), 'address-missing')
  assert.equal(
    code(of({ emails, extensions: { keyUsage: ['digitalSignature'] } })),
    'certificate-not-for-encryption',
  )
  assert.equal(code(Buffer.from('3003020101', 'hex')), 'certificate-malformed')
})
