/**
 * C2SP's Wycheproof where a wrong answer would be our own: padding, key wrap, parameters and key encodings. Works on the
 * engine's inner functions, because the command has no form for them. What is `acceptable` may go either way.
 */
import { createPublicKey, decapsulate, diffieHellman } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError, Oid, readPrivateKey } from '@siegel/engine'
import { decryptPieces } from '../../../engine/src/cms/content-encryption.ts'
import { readContentEncryption } from '../../../engine/src/cms/content-parameters.ts'
import { unwrapLoosely } from '../../../engine/src/cms/key-transport.ts'
import { unwrapKey } from '../../../engine/src/cms/key-wrap.ts'
import { readAlgorithm, writeAlgorithm } from '../../../engine/src/der/algorithm.ts'
import type { AlgorithmIdentifier } from '../../../engine/src/der/algorithm.ts'
import { Cursor, readElement } from '../../../engine/src/der/reader.ts'
import { integer, nil, octets, sequence } from '../../../engine/src/der/writer.ts'
import { RoundBudget } from '../../../engine/src/pkcs/password-kdf.ts'
import { decryptWithPassword } from '../../../engine/src/pkcs/pbes2.ts'
import { verifySignature } from '../../../engine/src/x509/signature.ts'
import type { Case, Suite } from '../case.ts'

type Fields = Readonly<Record<string, unknown>>

/** What a test gave: the octets, true or false, or null for a refusal. */
type Got = Buffer | boolean | null

const text = (fields: Fields, name: string): string => {
  const value = fields[name]
  return typeof value === 'string' ? value : ''
}
const hex = (fields: Fields, name: string): Buffer => Buffer.from(text(fields, name), 'hex')
const algorithm = (der: Buffer): AlgorithmIdentifier => readAlgorithm(readElement(der))
const spki = (der: Buffer) => createPublicKey({ key: der, format: 'der', type: 'spki' })
const keyOf = (group: Fields) => readPrivateKey(hex(group, 'privateKeyPkcs8'))
/** `SHA-256` and `SHA-512/256` as node:crypto names them; the latter is none of ours. */
const hashName = (name: string) => name.toLowerCase().replace('sha-', 'sha')

function gcm(group: Fields, test: Fields): Got {
  const key = hex(test, 'key')
  const parameters = sequence(octets(hex(test, 'iv')), integer(Number(group['tagSize']) / 8))
  const oid = { 16: Oid.aes128Gcm, 24: Oid.aes192Gcm, 32: Oid.aes256Gcm }[key.length] ?? ''
  const encryption = readContentEncryption(algorithm(writeAlgorithm(oid, parameters)), false)
  return decryptPieces(encryption, key, [hex(test, 'ct')], hex(test, 'aad'), hex(test, 'tag'))
}

function oaep(group: Fields, test: Fields): Got {
  const transport = {
    scheme: 'oaep' as const,
    hash: hashName(text(group, 'sha')) as 'sha256', // one of the hashes that the files hold
    mgfHash: hashName(text(group, 'mgfSha')) as 'sha256',
    label: hex(test, 'label'),
  }
  return unwrapLoosely(transport, keyOf(group), hex(test, 'ct'))
}

function pkcs1(group: Fields, test: Fields): Got {
  return unwrapLoosely({ scheme: 'pkcs1v15' }, keyOf(group), hex(test, 'ct'))
}

function pbes2(_group: Fields, test: Fields): Got {
  const prf = writeAlgorithm(Oid.idHmacWithSha256, nil())
  const rounds = integer(Number(test['iterationCount']))
  const kdf = writeAlgorithm(Oid.idPbkdf2, sequence(octets(hex(test, 'salt')), rounds, prf))
  const scheme = writeAlgorithm(Oid.aes256Cbc, octets(hex(test, 'iv')))
  const password = hex(test, 'password')
  if (!Buffer.from(password.toString('utf8')).equals(password))
    throw new NotApplicable('a password that is no text')
  return decryptWithPassword(
    algorithm(writeAlgorithm(Oid.idPbes2, sequence(kdf, scheme))),
    hex(test, 'ct'),
    password.toString('utf8'),
    new RoundBudget(),
  )
}

const HASH_OID: Readonly<Record<string, string>> = { 'SHA-256': Oid.sha256, 'SHA-384': Oid.sha384 }

function signature(group: Fields, test: Fields): Got {
  const der = hex(group, 'publicKeyDer')
  const named = readAlgorithm(new Cursor(readElement(der)).next('algorithm'))
  if (test['ctx'] !== undefined && test['ctx'] !== '') throw new NotApplicable('a context; RFC 9882 has none')
  const digest = HASH_OID[text(group, 'sha')]
  // The key's own identifier: PSS with its parameters, curves and Edwards keys; with the hash where it names none
  const scheme = named.oid === Oid.idEcPublicKey ? algorithm(writeAlgorithm(Oid.idEcPublicKey)) : named
  const options = digest === undefined ? {} : { digestOid: digest }
  return verifySignature(scheme, spki(der), hex(test, 'msg'), hex(test, 'sig'), options)
}

function agreement(_group: Fields, test: Fields): Got {
  const privateKey = readPrivateKey(Buffer.from(text(test, 'private')))
  return diffieHellman({ privateKey, publicKey: createPublicKey(text(test, 'public')) })
}

function encapsulated(_group: Fields, test: Fields): Got {
  const inner = Buffer.concat([Buffer.from([0x80, 64]), hex(test, 'seed')])
  const key = readPrivateKey(sequence(integer(0), writeAlgorithm('2.16.840.1.101.3.4.4.2'), octets(inner)))
  return decapsulate(key, hex(test, 'c'))
}

function keyWrap(_group: Fields, test: Fields): Got {
  return unwrapKey(hex(test, 'key'), hex(test, 'ct'))
}

const RUNS: Readonly<Record<string, (group: Fields, test: Fields) => Got>> = {
  AeadTest: gcm,
  KeywrapTest: keyWrap,
  RsaesOaepDecrypt: oaep,
  RsaesPkcs1Decrypt: pkcs1,
  PbeTest: pbes2,
  RsassaPkcs1Verify: signature,
  RsassaPssWithParametersVerify: signature,
  EcdsaVerify: signature,
  EddsaVerify: signature,
  MlDsaVerify: signature,
  EcdhPemTest: agreement,
  XdhPemComp: agreement,
  MLKEMTest: encapsulated,
}
/** Where the expected octets stand. */
const RESULT: Readonly<Record<string, string>> = {
  EcdhPemTest: 'shared',
  XdhPemComp: 'shared',
  MLKEMTest: 'K',
}

class NotApplicable extends Error {}

function judge(run: (group: Fields, test: Fields) => Got, group: Fields, test: Fields): string | null {
  const expected = text(test, 'result')
  let got: Got
  let why = ''
  try {
    got = run(group, test)
  } catch (error) {
    // Refusing is an answer; whatever node:crypto throws for a broken key or point is one as well.
    got = null
    why = error instanceof EngineError ? error.message : error instanceof Error ? error.message : ''
    if (error instanceof NotApplicable) return error.message
  }
  const accepted = got !== null && got !== false
  if (expected === 'invalid') return accepted ? 'accepted' : null
  if (!accepted) return expected === 'acceptable' ? null : `refused: ${why}`
  if (typeof got === 'boolean') return null
  const want = hex(test, RESULT[text(group, 'type')] ?? 'msg')
  return Buffer.isBuffer(got) && got.equals(want) ? null : 'another result'
}

function casesOf(folder: string, file: string): readonly Case[] {
  const { testGroups } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
    testGroups: (Fields & { tests: Fields[] })[]
  } // the origin's file
  const [first] = testGroups
  // RFC 5649 has the same type of test as RFC 3394
  const run = file.includes('kwp') ? undefined : RUNS[text(first ?? {}, 'type')]
  if (run === undefined) return [{ name: file, run: () => Promise.resolve('no such function here') }]
  return testGroups.flatMap((group) =>
    group.tests.map((test) => ({
      name: `${file} ${String(test['tcId'])}`,
      run: () => Promise.resolve(judge(run, group, test)),
    })),
  )
}

/** Wycheproof. */
export const wycheproof: Suite = {
  name: 'wycheproof',
  folder: 'wycheproof',
  cases: (folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort()
      .flatMap((name) => casesOf(folder, name)),
}
