/**
 * Tests of what counts as protected already on the way out: the content, not its label. What only calls itself encrypted is
 * encrypted when the recipient's certificate is known.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encryptEntity } from '@siegel/engine'
import { entryOf, make } from '../../keyring/testing/credentials.ts'
import { mailRoot, withRig } from './testing/rig.ts'

const bob = make('Bob', mailRoot, { emails: ['bob@partner.example'] })
const HEAD = 'From: alice@contoso.com\r\nTo: bob@partner.example\r\nMIME-Version: 1.0\r\n'
const CANARY = 'TOPSECRET'

const mail = (type: string, body = `${CANARY}\r\n`) =>
  Buffer.from(`${HEAD}Content-Type: ${type}\r\n\r\n${body}`)
const parts = (...types: string[]) =>
  `${types.map((type) => `--b\r\nContent-Type: ${type}\r\n\r\n${CANARY}\r\n`).join('')}--b--\r\n`

describe('a label without the content', () => {
  for (const [name, message] of [
    ['enveloped-data', mail('application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m')],
    ['signed-data', mail('application/pkcs7-mime; smime-type=signed-data')],
    ['compressed-data', mail('application/pkcs7-mime; smime-type=compressed-data')],
    [
      'multipart/encrypted without protocol',
      mail('multipart/encrypted; boundary=b', parts('text/plain', 'text/plain')),
    ],
    [
      'multipart/encrypted with another part',
      mail(
        'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b',
        parts('text/plain', 'text/plain'),
      ),
    ],
    [
      'multipart/signed without protocol',
      mail('multipart/signed; boundary=b', parts('text/plain', 'text/plain')),
    ],
  ] as const)
    it(`${name} is encrypted`, () =>
      withRig({}, async (rig) => {
        await rig.keep(entryOf(bob, 'partner'))
        await rig.receive(message)
        await rig.turn()
        const content = rig.next.hop.heard.at(-1)?.content.toString('latin1') ?? assert.fail()
        assert.match(content, /smime-type=(enveloped-data|authEnveloped-data)/)
        assert.ok(!content.includes(CANARY), 'in clear')
      }))
})

describe('what is protected already', () => {
  const encrypted = Buffer.concat([
    Buffer.from(HEAD),
    ...encryptEntity([Buffer.from('\r\nsecret\r\n')], {
      recipients: [bob.certificate],
      cipher: 'aes128-cbc',
      keyTransport: 'pkcs1v15',
    }),
  ])
  for (const [name, message] of [
    ['S/MIME', encrypted],
    [
      'OpenPGP, encrypted',
      mail(
        'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b',
        parts('application/pgp-encrypted', 'application/octet-stream'),
      ),
    ],
    [
      'OpenPGP, signed',
      mail(
        'multipart/signed; protocol="application/pgp-signature"; boundary=b',
        parts('text/plain', 'application/pgp-signature'),
      ),
    ],
  ] as const)
    it(`${name} passes untouched`, () =>
      withRig({}, async (rig) => {
        await rig.keep(entryOf(bob, 'partner'))
        await rig.receive(message)
        await rig.turn()
        const content = rig.next.hop.heard.at(-1)?.content ?? assert.fail()
        assert.ok(content.subarray(-200).equals(message.subarray(-200)))
      }))
})
