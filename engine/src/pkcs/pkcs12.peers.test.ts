/** PKCS#12 both ways against the real OpenSSL: what it writes we read, what we write it reads. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeCa, makeLeaf } from '../../test/chain.ts'
import { writePem } from '../der/pem.ts'
import { readPkcs12 } from './pkcs12.ts'
import { readPrivateKey } from './private-key.ts'
import { writePkcs12 } from './write-pkcs12.ts'

const folder = mkdtempSync(join(tmpdir(), 'siegel-p12-'))
after(() => {
  rmSync(folder, { recursive: true })
})

const ca = makeCa('CA')
const jane = makeLeaf('jane', ca)
const path = (name: string): string => join(folder, name)
writeFileSync(path('key.pem'), jane.key.export({ format: 'pem', type: 'pkcs8' }))
writeFileSync(path('jane.pem'), writePem('CERTIFICATE', jane.certificate.raw))
writeFileSync(path('ca.pem'), writePem('CERTIFICATE', ca.certificate.raw))

function openssl(...args: readonly string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

const styles: readonly (readonly [string, readonly string[]])[] = [
  ['its defaults', []],
  ['AES-128 and a SHA-1 MAC', ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-128-CBC', '-macalg', 'sha1']],
  ['AES-192 and a SHA-512 MAC', ['-keypbe', 'AES-192-CBC', '-certpbe', 'AES-192-CBC', '-macalg', 'sha512']],
  ['a SHA-384 MAC', ['-macalg', 'sha384']],
  ['triple DES', ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1']],
  ['RC2 as it once was default', ['-legacy']],
  ['RC2 with 128 bits', ['-legacy', '-certpbe', 'PBE-SHA1-RC2-128']],
  ['no encryption at all', ['-keypbe', 'NONE', '-certpbe', 'NONE']],
  ['no MAC', ['-nomac']],
  ['many rounds', ['-iter', '50000']],
]
for (const [name, options] of styles) {
  test(`a file that OpenSSL wrote with ${name} is read`, () => {
    for (const password of ['secret', 'Grüße', '']) {
      const names = [
        '-inkey',
        path('key.pem'),
        '-in',
        path('jane.pem'),
        '-certfile',
        path('ca.pem'),
        '-name',
        'Jane',
      ]
      openssl(
        'pkcs12',
        '-export',
        ...names,
        '-out',
        path('out.p12'),
        '-passout',
        `pass:${password}`,
        ...options,
      )
      const { keys, certificates } = readPkcs12(readFileSync(path('out.p12')), password)
      const [key] = keys
      assert.ok(key?.key.equals(jane.key) === true, password)
      assert.equal(key.friendlyName, 'Jane')
      assert.deepEqual(
        certificates.map((certificate) => certificate.fingerprint).sort(),
        [jane, ca].map((holder) => holder.certificate.fingerprint).sort(),
      )
    }
  })
}

test('OpenSSL reads what we write', () => {
  for (const password of ['secret', 'Grüße']) {
    writeFileSync(
      path('ours.p12'),
      writePkcs12({
        key: jane.key,
        certificates: [jane.certificate, ca.certificate],
        password,
        friendlyName: 'Jane',
      }),
    )
    const shown = openssl('pkcs12', '-in', path('ours.p12'), '-passin', `pass:${password}`, '-nodes')
    assert.equal(shown.match(/BEGIN CERTIFICATE/g)?.length, 2)
    assert.ok(readPrivateKey(Buffer.from(shown)).equals(jane.key))
    assert.match(shown, /friendlyName: Jane/)
    const info = openssl('pkcs12', '-in', path('ours.p12'), '-passin', `pass:${password}`, '-nokeys', '-info')
    assert.ok(info.includes('CN = jane') || info.includes('CN=jane'))
  }
})

test('OpenSSL accepts the certificates that we issue', () => {
  assert.match(
    openssl(
      'verify',
      '-x509_strict',
      '-purpose',
      'smimesign',
      '-attime',
      String(jane.certificate.notBefore / 1000 + 1000),
      '-CAfile',
      path('ca.pem'),
      path('jane.pem'),
    ),
    /OK/,
  )
})
