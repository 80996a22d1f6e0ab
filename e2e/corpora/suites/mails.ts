/**
 * S/MIME mails of real producers and of RFCs: the Thunderbird project's, RFC 9788's, and the older protected-headers
 * draft's. What they expect stands in their file names and in the plaintexts beside them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { difference } from '../case.ts'
import type { Case, Suite } from '../case.ts'
import { scratchFile, siegel } from '../siegel.ts'
import type { Answer } from '../siegel.ts'

const mailsOf = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.eml'))
    .sort()

/** Compares text without regard to line ends: the plaintexts beside the mails are kept with LF. */
function sameText(a: Buffer, b: Buffer): boolean {
  return a.toString('latin1').replaceAll('\r\n', '\n') === b.toString('latin1').replaceAll('\r\n', '\n')
}

function verified(answer: Answer): Readonly<Record<string, unknown>> {
  const value = answer.json['verified']
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {} // narrowed above
}

/** The name says what was done to a mail, innermost first: dsig, sig (opaque) and env. */
function thunderbirdCase(folder: string, name: string): Case {
  const path = join(folder, name)
  const trust = ['--trust', join(folder, 'TestCA.pem'), '--at', '2024-01-01T00:00:00Z']
  const key = ['--key', join(folder, 'Bob.p12'), '--pass', 'nss']
  const steps = name.split('.').filter((word) => ['dsig', 'sig', 'env'].includes(word))
  return {
    name,
    run: async () => {
      const decrypted = await siegel(['smime', 'decrypt', path, ...key, ...trust, '--json'])
      const isEncrypted = steps.includes('env')
      const wrong = difference(decrypted.json, { status: isEncrypted ? 'decrypted' : 'not-encrypted' })
      if (wrong !== null) return wrong
      if (!steps.some((step) => step !== 'env')) return difference(decrypted.json, { verified: null })
      const inside = difference(verified(decrypted), { status: 'valid', from: ['Alice@example.com'] })
      if (inside !== null) return `verified: ${inside}`
      if (steps.at(-1) === 'env') return null
      const answer = await siegel(['smime', 'verify', path, ...trust, '--json'])
      return answer.code === 0
        ? difference(answer.json, { status: 'valid', coverage: 'whole' })
        : `status ${String(answer.json['status'])}`
    },
  }
}

/** S/MIME mails of the Thunderbird project, made with NSS. */
export const thunderbird: Suite = {
  name: 'thunderbird',
  folder: 'thunderbird/smime',
  cases: (folder) => mailsOf(folder).map((name) => thunderbirdCase(folder, name)),
}

function subjectOf(json: Readonly<Record<string, unknown>>): string | undefined {
  const headers = json['protectedHeaders'] as { fields?: { name: string; value: string }[] } | null // our own JSON
  return headers?.fields?.find(({ name }) => name === 'Subject')?.value
}

/** RFC 9788 C.2: a one-part signed mail whose protected Subject and `hp` are known. */
export const rfc9788: Suite = {
  name: 'rfc9788',
  folder: 'rfc9788',
  cases: (folder) =>
    mailsOf(folder).map((name) => ({
      name,
      run: async () => {
        const keys = join(folder, '..', 'rfc9216', '3.1-rsa-certification-authority-root-certificate.crt.pem')
        const answer = await siegel(['smime', 'verify', join(folder, name), '--trust', keys, '--json'])
        const wrong = difference(answer.json, { status: 'valid', coverage: 'whole' })
        if (wrong !== null) return wrong
        if (subjectOf(answer.json) !== 'smime-one-part-hp') return `Subject ${subjectOf(answer.json)}`
        const headers = answer.json['protectedHeaders'] as Record<string, unknown> // our own JSON
        return difference(headers, { scheme: 'rfc9788', mode: 'clear', from: 'alice@smime.example' })
      },
    })),
}

/** `.inner` is what is inside the outermost layer, `.inner.inner` what is inside the next. */
function draftCase(folder: string, name: string): Case {
  const path = join(folder, name)
  // The mails of 2019 are encrypted with 3DES
  const trust = ['--trust', join(folder, 'sample-ca.pem'), '--allow-weak']
  const inner = `${path.slice(0, -4)}.inner`
  return {
    name,
    run: async () => {
      if (name.includes('complex')) {
        // OpenPGP: it must be read and must not be taken for S/MIME
        const answer = await siegel(['smime', 'verify', path, ...trust, '--json'])
        return difference(answer.json, { status: 'unsigned' })
      }
      if (!name.includes('enc')) {
        const answer = await siegel(['smime', 'verify', path, ...trust, '--json'])
        const subject = subjectOf(answer.json)
        if (subject !== 'The FooCorp contract') return `Subject ${subject}`
        return difference(answer.json, { status: 'valid', coverage: 'whole' })
      }
      const out = scratchFile('')
      const key = ['--key', join(folder, 'bob.der.p12'), '--pass', 'bob']
      const answer = await siegel(['smime', 'decrypt', path, ...key, ...trust, '--out', out, '--json'])
      const wrong = difference(answer.json, { status: 'decrypted' })
      if (wrong !== null) return wrong
      if (!sameText(readFileSync(out), readFileSync(inner)))
        return 'the plaintext is not that of the .inner file'
      const subject = subjectOf(answer.json)
      if (subject !== "BarCorp contract signed, let's go!") return `Subject ${subject}`
      return name.includes('sign') ? difference(verified(answer), { status: 'valid' }) : null
    },
  }
}

/** S/MIME mails of the draft that came before RFC 9788. */
export const protectedHeadersDraft: Suite = {
  name: 'autocrypt-protected-headers',
  folder: 'autocrypt-protected-headers',
  cases: (folder) => mailsOf(folder).map((name) => draftCase(folder, name)),
}

/** PKITS as signed mails: certificates and CRLs are inside. What counts is the signer, whose certificate has no address. */
export const pkits: Suite = {
  name: 'pkits',
  folder: 'pkits',
  cases: (folder) => {
    const list = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
      id: string
      title: string
      smime: string
      policy_args: string
      expected: 'valid' | 'invalid'
    }[] // the origin's file
    return list
      .filter(({ smime }) => existsSync(join(folder, smime)))
      .map(({ id, title, smime, policy_args: policy, expected }) => ({
        name: `${id} ${title}`,
        run: async () => {
          const trust = join(folder, 'certs', 'TrustAnchorRootCertificate.crt')
          const given = policy.split(' ').map((word) => word.replace(/^-(?=[a-z])/, '--'))
          const answer = await siegel([
            ...['smime', 'verify', join(folder, smime), '--trust', trust],
            ...[
              ...given,
              '--allow-weak',
              '--revocation',
              'require',
              '--at',
              '2025-01-01T00:00:00Z',
              '--json',
            ],
          ])
          const [signer] = answer.json['signers'] as { status: string; reasons: string[] }[] // our own JSON
          if (signer === undefined) return `no signer: ${JSON.stringify(answer.json['reasons'])}`
          return signer.status === expected ? null : `${signer.status} ${signer.reasons.join(' ')}`
        },
      }))
  },
}
