import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makePerson } from '../../test/pki.ts'
import { Rope } from '../bytes/rope.ts'
import type { ByteSource } from '../bytes/source.ts'
import { readContentInfo } from './content-info.ts'
import { WRITTEN_CIPHERS } from './content-parameters.ts'
import { decryptContent } from './decrypt.ts'
import { encryptSource } from './encrypt.ts'

const PIECES = [Buffer.from('Content-Type: text/plain\r\n\r\n'), Buffer.alloc(70_000, 'text\r\n')]

async function collect(source: ByteSource): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of source.chunks()) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

for (const cipher of WRITTEN_CIPHERS)
  test(`${cipher}: content that is not in memory, with the same result whenever it is read`, async () => {
    const people = (['rsa', 'p256', 'ml-kem-768'] as const).map((kind) => makePerson('bob', kind))
    const recipients = people.map(({ certificate }) => certificate)
    for (const hkdf of [false, true]) {
      const made = encryptSource(new Rope(PIECES), { recipients, cipher, keyTransport: 'oaep-sha256', hkdf })
      const bytes = await collect(made)
      assert.equal(bytes.length, made.length)
      assert.ok(bytes.equals(await collect(made)))
      const info = readContentInfo(bytes)
      assert.ok(info.kind === 'enveloped-data' || info.kind === 'auth-enveloped-data')
      for (const person of people)
        assert.ok(decryptContent(info, [person]).content?.equals(Buffer.concat(PIECES)) === true)
    }
  })
