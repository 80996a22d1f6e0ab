/**
 * CMS with ML-DSA, SLH-DSA and ML-KEM: the RFCs' own examples, and artefacts made by BouncyCastle and OpenSSL 3.5.
 * Composites, Falcon, FrodoKEM, NTRU and the pre-hash variants are drafts or no CMS algorithms: they must be refused.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readPem } from '@siegel/engine'
import { difference } from '../case.ts'
import type { Case, Suite } from '../case.ts'
import { scratchFile, siegel } from '../siegel.ts'

/** Files of RFC examples have an explanation around the PEM. */
function pemFile(path: string): string {
  return scratchFile(
    readPem(readFileSync(path))
      .map(({ label, bytes }) => {
        const body =
          bytes
            .toString('base64')
            .match(/.{1,64}/g)
            ?.join('\n') ?? ''
        return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`
      })
      .join(''),
  )
}

function lampsCases(folder: string): readonly Case[] {
  const at = (...names: string[]) => join(folder, ...names)
  const signed = [44, 65, 87].map((size): Case => ({
    name: `SignedData ML-DSA-${size}`,
    run: async () => {
      const trust = pemFile(at('cert', 'mldsa', `ML-DSA-${size}.pem`))
      const file = pemFile(at('cms', 'mldsa', `SignedData_ML-DSA-${size}.pem`))
      const answer = await siegel(['smime', 'verify', file, '--trust', trust, '--json'])
      return difference(answer.json, { status: 'valid' })
    },
  }))
  const decrypted = ['seed', 'expanded', 'both'].map((form): Case => ({
    name: `ML-KEM-512.cms with the ${form} key`,
    run: async () => {
      const out = scratchFile('')
      const cms = at('cms-mlkem', 'ML-KEM-512.cms')
      const key = ['--key', at('cms-mlkem', `ML-KEM-512-${form}.priv`)]
      const cert = ['--cert', pemFile(at('cms-mlkem', 'ML-KEM-512.pem'))]
      const answer = await siegel(['smime', 'decrypt', cms, ...key, ...cert, '--out', out, '--json'])
      const wrong = difference(answer.json, { status: 'decrypted' })
      if (wrong !== null) return `${wrong} ${JSON.stringify(answer.json['reasons'] ?? answer.words)}`
      return readFileSync(out).equals(readFileSync(at('cms-mlkem', 'plaintext.txt')))
        ? null
        : 'another plaintext'
    },
  }))
  const certificates = ['mldsa', 'slhdsa', 'mlkem'].flatMap((kind) =>
    readdirSync(at('cert', kind)).map((name): Case => ({
      name: `certificate ${name}`,
      run: async () => {
        // The ML-KEM certificates are signed by the ML-DSA one of their level
        const trust = kind === 'mlkem' ? name.replace(/ML-KEM-(\d+)/, mlDsaOf) : name
        const folderOf = kind === 'mlkem' ? 'mldsa' : kind
        const answer = await siegel([
          ...['cert', 'path', '--leaf', pemFile(at('cert', kind, name))],
          ...['--trust', pemFile(at('cert', folderOf, trust)), '--purpose', 'any', '--json'],
        ])
        return difference(answer.json, { valid: true }) === null
          ? null
          : JSON.stringify(answer.json['reasons'])
      },
    })),
  )
  return [...signed, ...decrypted, ...certificates]
}

function mlDsaOf(_match: string, size: string): string {
  return `ML-DSA-${{ 512: 44, 768: 65, 1024: 87 }[size] ?? ''}`
}

/** The examples of RFC 9881, 9882, 9909, 9935 and 9936. */
export const lampsPqc: Suite = { name: 'lamps-pqc', folder: 'lamps-pqc-rfc', cases: lampsCases }

const SCORED_SIGNATURE = /^(?:ml-dsa-\d+|slh-dsa-(?:sha2|shake)-\d+[fs])-2\.16/
const AT = ['--at', '2026-09-01T00:00:00Z']

function artefact(folder: string, name: string): Case | null {
  const path = join(folder, name)
  const trust = ['--trust', join(folder, 'ta.der'), ...AT]
  if (name.endsWith('_signed_attrs.der')) {
    const scored = SCORED_SIGNATURE.test(name)
    return {
      name,
      run: async () => {
        const answer = await siegel(['smime', 'verify', path, ...trust, '--json'])
        if (scored)
          return difference(answer.json, { status: 'valid' }) && JSON.stringify(answer.json['reasons'])
        // Not understood is fine, `valid` is not
        return answer.code === 1 ? null : `exit ${answer.code}`
      },
    }
  }
  const stem = /^(.*)_kemri_/.exec(name)?.[1]
  if (stem === undefined) return null
  const scored = stem.startsWith('ml-kem-')
  return {
    name,
    run: async () => {
      const key = ['--key', join(folder, `${stem}_priv.der`), '--cert', join(folder, `${stem}_ee.der`)]
      const out = scratchFile('')
      const answer = await siegel(['smime', 'decrypt', path, ...key, '--out', out, '--json'])
      // A key of an unknown kind is already refused when it is read
      if (!scored) return answer.code === 0 ? 'decrypted' : null
      const wrong = difference(answer.json, { status: 'decrypted' })
      if (wrong !== null) return `${wrong} ${JSON.stringify(answer.json['reasons'] ?? answer.words)}`
      const want = readFileSync(join(folder, 'expected_plaintext.txt'))
      return readFileSync(out).equals(want) ? null : 'another plaintext'
    },
  }
}

/** BouncyCastle's and OpenSSL's artefacts. */
export const pqcCms: Suite = {
  name: 'pqc-cms',
  folder: 'pqc-cms',
  cases: (folder) =>
    [join(folder, 'bc', 'artifacts_cms_v3'), join(folder, 'ossl35')].flatMap((each) =>
      readdirSync(each)
        .sort()
        .flatMap((name) => {
          const found = artefact(each, name)
          return found === null
            ? []
            : [{ ...found, name: `${each.endsWith('ossl35') ? 'ossl35' : 'bc'}/${name}` }]
        }),
    ),
}
