/**
 * The examples of RFC 4134 and the keys of RFC 9216: old algorithms and BER on one side, RSA and the Edwards curves on
 * the other. The expected results are the RFCs' texts.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readCertificates } from '@siegel/engine'
import { difference } from '../case.ts'
import type { Case, Suite } from '../case.ts'
import { scratch, scratchFile, siegel } from '../siegel.ts'

/** Signed examples: how many signers, all of them good, and whether From is another address (4.8, 4.9). */
const SIGNED: Readonly<Record<string, { signers: number; status: string }>> = {
  '4.1.bin': { signers: 1, status: 'valid' },
  '4.2.bin': { signers: 1, status: 'valid' },
  '4.4.bin': { signers: 1, status: 'valid' },
  '4.5.bin': { signers: 1, status: 'valid' },
  '4.6.bin': { signers: 2, status: 'valid' },
  '4.7.bin': { signers: 1, status: 'valid' },
  '4.8.eml': { signers: 1, status: 'signer-mismatch' },
  '4.9.eml': { signers: 1, status: 'signer-mismatch' },
  '4.10.bin': { signers: 1, status: 'valid' },
}
const ENCRYPTED: Readonly<Record<string, string>> = {
  '5.1.bin': 'des-ede3-cbc',
  '5.2.bin': 'rc2-128-cbc',
  '5.3.eml': 'des-ede3-cbc',
}
/** Objects that are read and are not signed: data, certificates only, digested and encrypted data. */
const OTHERS = ['3.1.bin', '3.2.bin', '4.11.bin', '6.0.bin', '7.1.bin', '7.2.bin']

function cases4134(folder: string): readonly Case[] {
  const at = (name: string) => join(folder, name)
  const trust = ['--trust', at('CarlRSASelf.cer'), '--trust', at('CarlDSSSelf.cer')]
  const judge = [...trust, '--at', '2003-01-01T00:00:00Z', '--allow-weak', '--revocation', 'none', '--json']
  const signed = Object.entries(SIGNED).map(([name, { signers, status }]): Case => ({
    name,
    run: async () => {
      const more = name === '4.6.bin' ? ['--intermediates', at('DianeDSSSignByCarlInherit.cer')] : []
      const answer = await siegel(['smime', 'verify', at(name), ...judge, ...more])
      const found = answer.json['signers'] as { status: string; reasons: string[] }[] // our own JSON
      const bad = found.find((each) => each.status !== 'valid')
      if (bad !== undefined) return `a signer is ${bad.status}: ${bad.reasons.join(' ')}`
      if (found.length !== signers) return `${found.length} signers`
      return difference(answer.json, { status, coverage: 'whole' })
    },
  }))
  const detached: Case = {
    name: '4.3.bin',
    run: async () => {
      // A detached signature has no content in the command's forms: it goes into a mail with the RFC's content.
      const mail = [
        ...['From: AliceDSS@example.com', 'MIME-Version: 1.0'],
        'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary="b"',
        ...['', '--b', readFileSync(at('ExContent.bin'), 'latin1'), '--b'],
        ...['Content-Type: application/pkcs7-signature', 'Content-Transfer-Encoding: base64', ''],
        ...[readFileSync(at('4.3.bin')).toString('base64'), '--b--', ''],
      ]
      const answer = await siegel(['smime', 'verify', scratchFile(mail.join('\r\n')), ...judge])
      return difference(answer.json, { status: 'valid', from: ['AliceDSS@example.com'] })
    },
  }
  const encrypted = Object.entries(ENCRYPTED).map(([name, cipher]): Case => ({
    name,
    run: async () => {
      const key = ['--key', at('BobPrivRSAEncrypt.pri'), '--cert', at('BobRSASignByCarl.cer')]
      const out = scratchFile('')
      const answer = await siegel([
        ...['smime', 'decrypt', at(name), ...key, '--allow-weak'],
        '--out',
        out,
        '--json',
      ])
      const wrong = difference(answer.json, { status: 'decrypted', contentEncryption: cipher })
      if (wrong !== null) return wrong
      return readFileSync(out).equals(readFileSync(at('ExContent.bin'))) ? null : 'another plaintext'
    },
  }))
  const others = OTHERS.map((name): Case => ({
    name,
    run: async () => {
      const answer = await siegel(['smime', 'verify', at(name), ...judge])
      return difference(answer.json, { status: 'unsigned', reasons: ['not-signed'] })
    },
  }))
  const files = readdirSync(folder).filter((name) => name.endsWith('.cer'))
  const certificates = files.map((name): Case => ({
    name,
    run: async () => {
      const answer = await siegel([
        ...['cert', 'path', '--leaf', at(name), ...trust, '--purpose', 'any', '--allow-weak'],
        ...['--revocation', 'none', '--at', '2003-01-01T00:00:00Z', '--json'],
      ])
      return difference(answer.json, { valid: true })
    },
  }))
  return [...signed, detached, ...encrypted, ...others, ...certificates]
}

/** RFC 4134. */
export const rfc4134: Suite = { name: 'rfc4134', folder: 'rfc4134', cases: cases4134 }

const PEOPLE = ['alice', 'bob', 'carlos', 'dana'] as const

function cases9216(folder: string): readonly Case[] {
  const files = readdirSync(folder)
  const file = (...words: string[]) =>
    join(
      folder,
      files.find((name) => words.every((word) => name.includes(word))) ?? `missing ${words.join(' ')}`,
    )
  const roots = ['3.1-', '6.1-'].flatMap((start) => ['--trust', file(start)])
  return PEOPLE.flatMap((person): Case[] => {
    const p12 = file(`for-${person}.p12`)
    const own = (words: string) => file(`${person}-s-${words}`)
    return [
      {
        name: `${person}: PKCS#12`,
        run: async () => {
          const answer = await siegel(['cert', 'p12', p12, '--pass', person, '--json'])
          const keys = answer.json['keys'] as unknown[] | undefined // our own JSON
          return difference({ ...answer.json, count: keys?.length }, { ok: true, reasons: [], count: 2 })
        },
      },
      ...['signature-verification', 'encryption'].map((kind) => ({
        name: `${person}: ${kind} certificate`,
        run: async () => {
          const leaf = own(kind)
          const address = `${person}@smime.example`
          const options = ['--purpose', 'email', '--email', address, '--json']
          return difference((await siegel(['cert', 'path', '--leaf', leaf, ...roots, ...options])).json, {
            valid: true,
          })
        },
      })),
      { name: `${person}: signs and is verified`, run: () => signAndVerify(person, p12, roots) },
      {
        name: `${person}: is encrypted to and decrypts`,
        run: () => encryptAndDecrypt(person, own('encryption-end'), p12),
      },
    ]
  }).concat(crossSigned(file))
}

/** The cross-signed authorities lead from one root to the other's people. */
function crossSigned(file: (...words: string[]) => string): Case[] {
  const pairs = [
    ['alice', '6.1-', '3.3-'],
    ['dana', '3.1-', '6.3-'],
  ] as const
  return pairs.map(([person, root, cross]) => ({
    name: `${person}: over the cross certificate`,
    run: async () => {
      const leaf = file(`${person}-s-signature-verification`)
      const options = ['--trust', file(root), '--intermediates', file(cross), '--purpose', 'email', '--json']
      return difference((await siegel(['cert', 'path', '--leaf', leaf, ...options])).json, { valid: true })
    },
  }))
}

const mailFrom = (person: string) =>
  scratchFile(`From: ${person}@smime.example\r\nTo: bob@smime.example\r\nSubject: x\r\n\r\nHello\r\n`)

async function signAndVerify(person: string, p12: string, roots: readonly string[]): Promise<string | null> {
  const out = join(scratch, `${person}.signed.eml`)
  const made = await siegel(['smime', 'sign', mailFrom(person), '--key', p12, '--pass', person, '--out', out])
  if (made.code !== 0) return made.words
  const answer = await siegel(['smime', 'verify', out, ...roots, '--json'])
  return difference(answer.json, { status: 'valid', from: [`${person}@smime.example`] })
}

async function encryptAndDecrypt(person: string, certificate: string, p12: string): Promise<string | null> {
  if (readCertificates(readFileSync(certificate)).length === 0) return 'no certificate'
  const mail = mailFrom(person)
  const encrypted = join(scratch, `${person}.encrypted.eml`)
  const made = await siegel(['smime', 'encrypt', mail, '--to', certificate, '--out', encrypted])
  if (made.code !== 0) return made.words
  const answer = await siegel(['smime', 'decrypt', encrypted, '--key', p12, '--pass', person, '--json'])
  return difference(answer.json, { status: 'decrypted' })
}

/** RFC 9216. */
export const rfc9216: Suite = { name: 'rfc9216', folder: 'rfc9216', cases: cases9216 }
