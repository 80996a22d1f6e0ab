/** Tests of `siegel smime` on real files: every form, the fixed JSON, the exit codes, and what is refused by name. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { issueCertificate, parseCertificate, writePem, writePkcs12, type Certificate } from '@siegel/engine'
import { UsageError, type Io } from './io.ts'
import { smime } from './smime.ts'

const NOW = Date.UTC(2026, 0, 15)
const DAY = 86_400_000
const MAIL = 'From: Alice <alice@example.org>\nTo: bob@example.org\nSubject: Offer\n\nHello Bob\n'
const BODY = 'Hello Bob\r\n'

interface Json {
  readonly status: string
  readonly reasons: readonly string[]
  readonly [name: string]: unknown
}

function issue(
  name: string,
  publicKey: KeyObject,
  issuer: { readonly certificate?: Certificate; readonly key: KeyObject },
): Certificate {
  return parseCertificate(
    issueCertificate({
      subject: { CN: name },
      issuer,
      publicKey,
      notBefore: NOW - 10 * DAY,
      notAfter: NOW + 10 * DAY,
      extensions: issuer.certificate === undefined ? { ca: true } : { emails: [`${name}@example.org`] },
    }),
  )
}

describe('siegel smime', () => {
  let folder = ''
  const at = (name: string): string => join(folder, name)
  const run = async (...args: string[]) => {
    const out: string[] = []
    const err: string[] = []
    const io: Io = {
      out: (line) => out.push(line),
      err: (line) => err.push(line),
      now: () => NOW,
      standardInput: () => Promise.resolve(Buffer.from(MAIL)),
    }
    const code = await smime(args, io)
    return { code, out: out.join('\n'), err: err.join('\n') }
  }
  const json = async (...args: string[]) => {
    const { code, out } = await run(...args, '--json')
    return { code, result: JSON.parse(out) as Json }
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'siegel-smime-'))
    const ca = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const root = issue('root', ca.publicKey, { key: ca.privateKey })
    await writeFile(at('ca.pem'), writePem('CERTIFICATE', root.raw))
    const kinds = {
      alice: generateKeyPairSync('rsa', { modulusLength: 2048 }),
      bob: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      carol: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    }
    for (const [name, { privateKey, publicKey }] of Object.entries(kinds)) {
      const certificate = issue(name, publicKey, { certificate: root, key: ca.privateKey })
      const pem = writePem('CERTIFICATE', certificate.raw)
      await writeFile(at(`${name}.crt`), pem)
      const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
      await writeFile(at(`${name}.key`), key)
      await writeFile(at(`${name}.pem`), [key, pem])
      if (name === 'alice') {
        const p12 = writePkcs12({ key: privateKey, certificates: [certificate, root], password: 'pässword' })
        await writeFile(at('alice.p12'), p12)
      }
    }
    await writeFile(at('pass'), 'pässword\n')
    await writeFile(at('mail.eml'), MAIL)
  })
  after(() => rm(folder, { recursive: true }))

  const verified = (file: string, ...more: string[]) =>
    json('verify', at(file), '--trust', at('ca.pem'), ...more)

  test('signs with a PKCS#12 file, clear, and verifies: the fixed JSON', async () => {
    const key = ['--key', at('alice.p12'), '--pass-file', at('pass')]
    assert.equal((await run('sign', at('mail.eml'), ...key, '--out', at('signed.eml'))).code, 0)
    const { code, result } = await verified('signed.eml')
    assert.equal(code, 0)
    const certificate = parseCertificate(
      Buffer.from((await readFile(at('alice.crt'), 'latin1')).replace(/-----.*-----/g, ''), 'base64'),
    )
    assert.deepEqual(result, {
      status: 'valid',
      reasons: ['revocation-unknown'],
      from: ['alice@example.org'],
      signers: [
        {
          emails: ['alice@example.org'],
          subject: 'CN=alice',
          issuer: 'CN=root',
          serial: certificate.serialHex,
          status: 'valid',
          reasons: ['revocation-unknown'],
          digest: 'sha256',
          signature: 'rsa-pkcs1v15',
          signingTime: '2026-01-15T00:00:00Z',
        },
      ],
      coverage: 'whole',
      encrypted: false,
      protectedHeaders: null,
    })
    const signed = await readFile(at('signed.eml'), 'latin1')
    assert.ok(
      signed.startsWith(
        'From: Alice <alice@example.org>\r\nTo: bob@example.org\r\nSubject: Offer\r\nMIME-Version: 1.0\r\n',
      ),
    )
    assert.ok(!/[^\r]\n/.test(signed))
  })

  test('signs with every option, from standard input', async () => {
    const how = ['--opaque', '--digest', 'sha512', '--pss', '--header-protection']
    const { code } = await run('sign', '-', '--key', at('alice.pem'), ...how, '--out', at('all.eml'))
    assert.equal(code, 0)
    const { result } = await verified('all.eml', '--revocation', 'none')
    assert.deepEqual([result.status, result.reasons], ['valid', []])
    const [signer] = result['signers'] as { digest: string; signature: string }[]
    assert.deepEqual([signer?.digest, signer?.signature], ['sha512', 'rsa-pss'])
    assert.equal((result['protectedHeaders'] as { mode: string }).mode, 'clear')
  })

  test('encrypts to several, and each decrypts and sees the signature', async () => {
    await run('sign', at('mail.eml'), '--key', at('alice.pem'), '--out', at('signed.eml'))
    const to = ['--to', at('bob.crt'), '--to', at('carol.crt')]
    const how = ['--cipher', 'aes128-gcm', '--key-transport', 'oaep-sha256']
    assert.equal((await run('encrypt', at('signed.eml'), ...to, ...how, '--out', at('sealed.eml'))).code, 0)
    const keys = [
      ['--key', at('bob.pem')],
      ['--key', at('carol.key'), '--cert', at('carol.crt')],
      ['--key', at('carol.key')],
    ]
    for (const key of keys) {
      const { code, result } = await json(
        ...['decrypt', at('sealed.eml'), ...key, '--trust', at('ca.pem'), '--out', at('plain')],
      )
      assert.equal(code, 0)
      assert.deepEqual(
        [result.status, result['layers'], result['contentEncryption']],
        ['decrypted', ['auth-enveloped', 'clear-signed'], 'aes128-gcm'],
      )
      assert.ok(['oaep-sha256', 'ecdh-sha256kdf-aes128-wrap'].includes(String(result['keyEncryption'])))
      assert.equal((result['verified'] as Json).status, 'valid')
      assert.ok((await readFile(at('plain'), 'latin1')).includes(BODY))
    }
    const { code, result } = await json('decrypt', at('sealed.eml'), '--key', at('alice.pem'))
    assert.deepEqual([code, result.status, result.reasons], [1, 'failed', ['no-matching-recipient']])
  })

  test('every algorithm can be chosen, and what is chosen is used', async () => {
    const bob = ['bob.crt', ['--key', at('bob.pem')]] as const
    const carol = ['carol.crt', ['--key', at('carol.key'), '--cert', at('carol.crt')]] as const
    const cases: readonly (readonly [typeof bob | typeof carol, string, string, string])[] = [
      [bob, '--cipher aes192-ccm --hkdf', 'aes192-ccm', 'ecdh-sha256kdf-aes256-wrap'],
      [
        bob,
        '--cipher chacha20-poly1305 --recipient-id ski',
        'chacha20-poly1305',
        'ecdh-sha256kdf-aes256-wrap',
      ],
      [
        bob,
        '--cipher aes192-cbc --agreement-kdf x963 --agreement-hash sha512 --key-wrap 192 --cofactor --ukm 0102',
        ...(['aes192-cbc', 'ecdh-cofactor-sha512kdf-aes192-wrap'] as const),
      ],
      [bob, '--agreement-kdf hkdf', 'aes256-cbc', 'ecdh-sha256-hkdf-aes256-wrap'],
      [
        carol,
        '--key-transport oaep-sha512-mgf1-sha1 --oaep-label 00ff',
        'aes256-cbc',
        'oaep-sha512-mgf1-sha1',
      ],
      [
        carol,
        '--cipher aes192-gcm --key-transport oaep-sha384 --recipient-id ski',
        'aes192-gcm',
        'oaep-sha384',
      ],
    ]
    for (const [[to, key], how, cipher, keyEncryption] of cases) {
      const made = await run(
        ...['encrypt', at('mail.eml'), '--to', at(to), ...how.split(' '), '--out', at('chosen.eml')],
      )
      assert.equal(made.code, 0, how)
      const { result } = await json('decrypt', at('chosen.eml'), ...key)
      assert.deepEqual(
        [result.status, result['contentEncryption'], result['keyEncryption']],
        ['decrypted', cipher, keyEncryption],
        how,
      )
    }
    await run('sign', at('mail.eml'), '--key', at('alice.pem'), '--signer-id', 'ski', '--out', at('ski.eml'))
    assert.equal((await verified('ski.eml', '--revocation', 'none')).result.status, 'valid')
  })

  test('hides the subject when it encrypts with header protection', async () => {
    await run(
      'encrypt',
      at('mail.eml'),
      '--to',
      at('bob.crt'),
      '--header-protection',
      '--out',
      at('hidden.eml'),
    )
    const text = await readFile(at('hidden.eml'), 'latin1')
    assert.ok(text.includes('Subject: [...]\r\n') && !text.includes('Offer'))
    const { result } = await json('decrypt', at('hidden.eml'), '--key', at('bob.pem'))
    assert.deepEqual(result.reasons, ['legacy-unauthenticated'])
    assert.equal((result['protectedHeaders'] as { mode: string }).mode, 'cipher')
  })

  test('a signed mail that is not encrypted: not-encrypted with its verdict, exit 1', async () => {
    await run('sign', at('mail.eml'), '--key', at('alice.pem'), '--out', at('signed.eml'))
    const { code, result } = await json(
      'decrypt',
      at('signed.eml'),
      '--key',
      at('bob.pem'),
      '--trust',
      at('ca.pem'),
    )
    assert.deepEqual(
      [code, result.status, (result['verified'] as Json).status],
      [1, 'not-encrypted', 'valid'],
    )
  })

  test('bare objects in DER and PEM are recognised; they have no From', async () => {
    await run('sign', at('mail.eml'), '--key', at('carol.pem'), '--opaque', '--out', at('opaque.eml'))
    const text = await readFile(at('opaque.eml'), 'latin1')
    const der = Buffer.from(text.slice(text.indexOf('\r\n\r\n')), 'base64')
    await writeFile(at('bare.der'), der)
    await writeFile(at('bare.pem'), writePem('CMS', der))
    await writeFile(at('text.pem'), `Some words (and more)\n\n${writePem('PKCS7', der)}`)
    assert.equal((await verified('opaque.eml')).result.status, 'signer-mismatch')
    for (const file of ['bare.der', 'bare.pem', 'text.pem']) {
      const { code, result } = await verified(file)
      assert.deepEqual([code, result.status, result['from']], [0, 'valid', []])
    }
    await assert.rejects(verified('ca.pem'), UsageError)
    await writeFile(at('quoted.eml'), `${MAIL}\n${writePem('CMS', der)}`)
    assert.equal((await verified('quoted.eml')).result.status, 'unsigned')
  })

  test('any verdict but valid exits with 1, and people are told why', async () => {
    const { code, out } = await run('verify', at('mail.eml'), '--trust', at('ca.pem'))
    assert.equal(code, 1)
    assert.match(out, /^signature: unsigned\n/)
    assert.match(out, /not-signed: The message is not signed\./)
    await run('sign', at('mail.eml'), '--key', at('alice.pem'), '--out', at('signed.eml'))
    const late = await verified('signed.eml', '--at', '2027-01-01T00:00:00Z')
    assert.deepEqual([late.code, late.result.status], [1, 'invalid'])
    const strict = await verified('signed.eml', '--revocation', 'require')
    assert.deepEqual([strict.code, strict.result.status], [1, 'invalid'])
  })

  test('options that cannot be honoured are refused by name, wrong calls too', async () => {
    const refused: readonly (readonly [RegExp, readonly string[]])[] = [
      [/cannot read/, ['verify', at('mail.eml'), '--crl', at('nothing')]],
      [/cannot read/, ['decrypt', at('mail.eml'), '--key', at('bob.pem'), '--ocsp', at('nothing')]],
      [/cannot write .*no-folder.x: ENOENT/, ['decrypt', at('sealed.eml'), '--key', at('bob.pem'), '--out', at('no-folder/x')]], // prettier-ignore
      [/--at/, ['verify', at('mail.eml'), '--at', 'yesterday']],
      [/--revocation/, ['verify', at('mail.eml'), '--revocation', 'maybe']],
      [/--policy/, ['verify', at('mail.eml'), '--policy', 'x']],
      [/--digest/, ['sign', at('mail.eml'), '--key', at('alice.pem'), '--digest', 'md5', '--out', at('x')]],
      [/--pss/, ['sign', at('mail.eml'), '--key', at('bob.pem'), '--pss', '--out', at('x')]],
      ...(
        [
          ['--recipient-id', 'name'],
          ['--agreement-kdf', 'md5'],
          ['--agreement-hash', 'md5'],
          ['--key-wrap', '64'],
          ['--ukm', 'no hex'],
          ['--oaep-label', '0'],
        ] as const
      ).map(
        ([option, value]) =>
          [
            new RegExp(option),
            ['encrypt', at('mail.eml'), '--to', at('bob.crt'), option, value, '--out', at('x')],
          ] as const,
      ),
      [
        /--signer-id/,
        ['sign', at('mail.eml'), '--key', at('alice.pem'), '--signer-id', 'x', '--out', at('x')],
      ],
      [/--cipher/, ['encrypt', at('mail.eml'), '--to', at('bob.crt'), '--cipher', 'rc4', '--out', at('x')]],
      [
        /--key-transport/,
        ['encrypt', at('mail.eml'), '--to', at('bob.crt'), '--key-transport', 'x', '--out', at('x')],
      ],
      [
        /--cert/,
        ['sign', at('mail.eml'), '--key', at('alice.key'), '--cert', at('bob.crt'), '--out', at('x')],
      ],
      [/no certificate/, ['sign', at('mail.eml'), '--key', at('alice.key'), '--out', at('x')]],
      [
        /pkcs12-password/,
        ['sign', at('mail.eml'), '--key', at('alice.p12'), '--pass', 'no', '--out', at('x')],
      ],
      [/--out/, ['sign', at('mail.eml'), '--key', at('alice.pem')]],
      [/usage/, ['encrypt', at('mail.eml'), '--out', at('x')]],
      [/usage/, ['verify']],
      [/usage/, ['verify', at('mail.eml'), at('mail.eml')]],
      [/usage/, ['seal']],
      [/unknown|Unknown/, ['verify', at('mail.eml'), '--frobnicate']],
      [/cannot read/, ['verify', at('nothing')]],
      [/standard output/, ['decrypt', at('mail.eml'), '--key', at('bob.pem'), '--out', '-', '--json']],
    ]
    for (const [text, args] of refused)
      await assert.rejects(
        run(...args),
        (error) => error instanceof UsageError && text.test(error.message),
        args.join(' '),
      )
  })
})
