/**
 * Certificate paths: C2SP's x509-limbo, and the chain tests of the OpenSSL project, where OpenSSL's own `verify` is asked
 * as well. Its differences from us are printed, whoever of the two the expectation sides with.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Case, Suite } from '../case.ts'
import { scratchFile, siegel } from '../siegel.ts'

interface LimboCase {
  readonly id: string
  readonly validation_kind: 'SERVER' | 'CLIENT'
  readonly trusted_certs: readonly string[]
  readonly untrusted_intermediates: readonly string[]
  readonly peer_certificate: string
  readonly validation_time: string | null
  readonly expected_result: 'SUCCESS' | 'FAILURE'
  readonly expected_peer_name: { readonly kind: 'DNS' | 'IP' | 'RFC822'; readonly value: string } | null
  readonly max_chain_depth: number | null
  readonly crls: readonly string[]
}

const NAME_OPTION = { DNS: '--dns', IP: '--ip', RFC822: '--email' } as const

async function judgeLimbo(test: LimboCase): Promise<string | null> {
  const pem = (certificates: readonly string[]) => scratchFile(certificates.join('\n'), '.pem')
  const { validation_time: time, expected_peer_name: name } = test
  const answer = await siegel([
    ...['cert', 'path', '--leaf', pem([test.peer_certificate]), '--trust', pem(test.trusted_certs)],
    ...test.untrusted_intermediates.flatMap((each) => ['--intermediates', pem([each])]),
    ...test.crls.flatMap((each) => ['--crl', pem([each])]),
    ...['--purpose', test.validation_kind === 'SERVER' ? 'tls-server' : 'tls-client'],
    ...(time === null ? [] : ['--at', time]),
    ...(name === null ? [] : [NAME_OPTION[name.kind], name.value]),
    ...(test.max_chain_depth === null ? [] : ['--max-depth', String(test.max_chain_depth)]),
    '--json',
  ])
  if (answer.code === 2) return answer.words
  const valid = answer.json['valid'] === true
  if (valid === (test.expected_result === 'SUCCESS')) return null
  return `${valid ? 'accepted' : 'refused'} ${JSON.stringify(answer.json['reasons'])}`
}

/** x509-limbo. */
export const limbo: Suite = {
  name: 'x509-limbo',
  folder: 'x509-limbo',
  cases: (folder) => {
    const { testcases } = JSON.parse(readFileSync(join(folder, 'limbo.json'), 'utf8')) as {
      testcases: LimboCase[]
    } // the origin's file
    return testcases.map((test) => ({ name: test.id, run: () => judgeLimbo(test) }))
  },
}

interface OpensslCase {
  readonly cert: string
  readonly purpose: string | null
  readonly trusted: readonly string[]
  readonly untrusted: readonly string[]
  readonly opts: readonly string[]
  readonly expected: 'accept' | 'reject'
  readonly desc: string
  readonly files_present: boolean
}

const PURPOSES: Readonly<Record<string, string>> = { sslserver: 'tls-server', sslclient: 'tls-client' }
const comparison: string[] = []
const tally = { ours: 0, theirs: 0, both: 0 }

/** OpenSSL's options in our words; null for what we have no word for. */
function translate({ opts, purpose }: OpensslCase): readonly string[] | null {
  const given: string[] = []
  if (purpose !== null && PURPOSES[purpose] === undefined) return null
  for (let at = 0; at < opts.length; at++) {
    const value = opts[at + 1] ?? ''
    switch (opts[at]) {
      // Every certificate under --trust is an anchor, and the profile is always checked strictly.
      case '-partial_chain':
      case '-x509_strict':
      case '-check_ss_sig':
      case '-policy_check':
        break
      case '-explicit_policy':
        given.push('--explicit-policy')
        break
      case '-policy':
        given.push('--policy', value)
        at++
        break
      case '-attime':
        given.push('--at', new Date(Number(value) * 1000).toISOString())
        at++
        break
      case '-verify_depth':
        given.push('--max-depth', value)
        at++
        break
      case '-auth_level':
        if (value === '0') given.push('--allow-weak')
        at++
        break
      default:
        return null
    }
  }
  return given
}

function askOpenssl(folder: string, test: OpensslCase): boolean {
  const file = (flag: string, names: readonly string[]) => names.flatMap((name) => [flag, join(folder, name)])
  const { status } = spawnSync('openssl', [
    ...[
      'verify',
      '-auth_level',
      '1',
      ...(test.purpose === null ? [] : ['-purpose', test.purpose]),
      ...test.opts,
    ],
    ...file('-trusted', test.trusted),
    ...file('-untrusted', test.untrusted),
    join(folder, test.cert),
  ])
  return status === 0
}

async function judgeOpenssl(folder: string, name: string, test: OpensslCase): Promise<string | null> {
  const options = translate(test)
  if (options === null) return `no words for ${test.purpose ?? ''} ${test.opts.join(' ')}`
  const file = (flag: string, names: readonly string[]) => names.flatMap((each) => [flag, join(folder, each)])
  const answer = await siegel([
    ...[
      'cert',
      'path',
      '--leaf',
      join(folder, test.cert),
      '--purpose',
      PURPOSES[test.purpose ?? ''] ?? 'any',
    ],
    ...file('--trust', test.trusted),
    ...file('--intermediates', test.untrusted),
    ...[...options, '--revocation', 'none', '--json'],
  ])
  const wanted = test.expected === 'accept'
  const ours = answer.json['valid'] === true
  const theirs = askOpenssl(folder, test)
  tally.ours += ours === wanted ? 1 : 0
  tally.theirs += theirs === wanted ? 1 : 0
  tally.both++
  const reasons = JSON.stringify(answer.json['reasons'] ?? answer.words)
  if (ours !== theirs) {
    const word = (accepted: boolean) => (accepted ? 'accept' : 'reject')
    comparison.push(
      `${name}: expected ${test.expected}, openssl ${word(theirs)}, siegel ${word(ours)} ${ours ? '' : reasons}`,
    )
  }
  return ours === wanted ? null : `${ours ? 'accepted' : 'refused'} ${ours ? '' : reasons}`
}

/** OpenSSL's chain tests. */
export const openssl: Suite = {
  name: 'openssl',
  folder: 'openssl',
  cases: (folder): readonly Case[] => {
    const list = JSON.parse(readFileSync(join(folder, 'expected-verify.json'), 'utf8')) as OpensslCase[] // the origin's
    return list.map((test, index) => {
      const name = `${index} ${test.desc}`
      return {
        name,
        run: () =>
          existsSync(join(folder, test.cert))
            ? judgeOpenssl(folder, name, test)
            : Promise.resolve(`the file ${test.cert} is missing`),
      }
    })
  },
  report: () => [
    `openssl: of ${tally.both} cases that have words here, siegel meets ${tally.ours} expectations, openssl ${tally.theirs}`,
    ...comparison.map((line) => `openssl differs: ${line}`),
  ],
}
