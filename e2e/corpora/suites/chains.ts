/**
 * Certificate paths: C2SP's x509-limbo, and the chain tests of the OpenSSL project, where OpenSSL's own `verify` is asked
 * as well. Its differences from us are printed, whoever of the two the expectation sides with.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Case, Suite } from '../case.ts'
import { excuseKey, readExcuses } from '../excuses.ts'
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
  readonly extended_key_usage: readonly string[]
  readonly crls: readonly string[]
}

function forMail({ extended_key_usage: purposes }: LimboCase): boolean {
  return purposes.includes('emailProtection')
}

const NAME_OPTION = { DNS: '--dns', IP: '--ip', RFC822: '--email' } as const

async function judgeLimbo(test: LimboCase): Promise<string | null> {
  const pem = (certificates: readonly string[]) => scratchFile(certificates.join('\n'), '.pem')
  const { validation_time: time, expected_peer_name: name } = test
  const answer = await siegel([
    ...['cert', 'path', '--leaf', pem([test.peer_certificate]), '--trust', pem(test.trusted_certs)],
    ...test.untrusted_intermediates.flatMap((each) => ['--intermediates', pem([each])]),
    ...test.crls.flatMap((each) => ['--crl', pem([each])]),
    ...(test.crls.length === 0 ? [] : ['--revocation', 'require']),
    ...[
      '--purpose',
      forMail(test) ? 'email' : test.validation_kind === 'SERVER' ? 'tls-server' : 'tls-client',
    ],
    ...(time === null ? [] : ['--at', time]),
    ...(name === null ? [] : [NAME_OPTION[name.kind], name.value]),
    ...(test.max_chain_depth === null ? [] : ['--max-depth', String(test.max_chain_depth)]),
    '--json',
  ])
  const valid = answer.json['valid'] === true
  const wanted = test.expected_result === 'SUCCESS'
  limboTally.record(test.id, wanted, valid, askOpensslLimbo(test), JSON.stringify(answer.json['reasons']))
  if (answer.code === 2) return answer.words
  return valid === wanted
    ? null
    : `${valid ? 'accepted' : 'refused'} ${JSON.stringify(answer.json['reasons'])}`
}

const VERIFY_OPTION = { DNS: '-verify_hostname', IP: '-verify_ip', RFC822: '-verify_email' } as const

/** OpenSSL at its strictest, with every certificate given as trusted an anchor, as here. */
function askOpensslLimbo(test: LimboCase): boolean {
  const pem = (certificates: readonly string[]) => scratchFile(certificates.join('\n'), '.pem')
  const { validation_time: time, expected_peer_name: name } = test
  const { status } = spawnSync('openssl', [
    ...['verify', '-x509_strict', '-partial_chain', '-auth_level', '2', '-trusted', pem(test.trusted_certs)],
    ...(test.untrusted_intermediates.length === 0 ? [] : ['-untrusted', pem(test.untrusted_intermediates)]),
    ...(test.crls.length === 0 ? [] : ['-crl_check', '-CRLfile', pem(test.crls)]),
    ...[
      '-purpose',
      forMail(test) ? 'smimesign' : test.validation_kind === 'SERVER' ? 'sslserver' : 'sslclient',
    ],
    ...(time === null ? [] : ['-attime', String(Math.floor(Date.parse(time) / 1000))]),
    ...(name === null ? [] : [VERIFY_OPTION[name.kind], name.value]),
    ...(test.max_chain_depth === null ? [] : ['-verify_depth', String(test.max_chain_depth)]),
    pem([test.peer_certificate]),
  ])
  return status === 0
}

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
const differences = readExcuses(join(root, 'docs', 'verify-differences.tsv'))

/** A case that we meet and OpenSSL misses must have its reason written down, so that no mistake of ours hides as a virtue. */
function unexplained(suite: string, name: string, theirs: boolean): string | null {
  return theirs || differences.has(excuseKey(suite, name)) ? null : 'openssl misses it, and nothing says why'
}

/** How many expectations of a suite we meet and OpenSSL meets, and where the two differ. */
class Tally {
  private readonly suite: string
  private readonly lines: string[] = []
  private cases = 0
  private ours = 0
  private theirs = 0

  constructor(suite: string) {
    this.suite = suite
  }

  record(name: string, wanted: boolean, ours: boolean, theirs: boolean, reasons: string): void {
    this.cases++
    this.ours += ours === wanted ? 1 : 0
    this.theirs += theirs === wanted ? 1 : 0
    const word = (accepted: boolean) => (accepted ? 'accept' : 'reject')
    if (ours !== theirs)
      this.lines.push(
        `${name}: expected ${word(wanted)}, openssl ${word(theirs)}, siegel ${word(ours)} ${ours ? '' : reasons}`,
      )
  }

  /** For the end of the suite. */
  report(): readonly string[] {
    return [
      `${this.suite}: of ${this.cases} cases, siegel meets ${this.ours} expectations, openssl ${this.theirs}`,
      ...this.lines.map((line) => `openssl differs: ${line}`),
    ]
  }
}

const limboTally = new Tally('x509-limbo')
const opensslTally = new Tally('openssl')

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
  report: () => limboTally.report(),
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

const PURPOSES: Readonly<Record<string, string>> = {
  ...{ sslserver: 'tls-server', sslclient: 'tls-client' },
  ...{ timestampsign: 'time-stamping', codesign: 'code-signing' },
}
/** Security levels in bits (OpenSSL, SSL_CTX_set_security_level). */
const LEVELS: Readonly<Record<string, string>> = { 2: '112', 3: '128', 4: '192', 5: '256' }

/** OpenSSL's options in our words; null for what we have no word for. */
function translate({ opts, purpose }: OpensslCase): readonly string[] | null {
  const given: string[] = []
  if (purpose !== null && PURPOSES[purpose] === undefined) return null
  for (let at = 0; at < opts.length; at++) {
    const value = opts[at + 1] ?? ''
    switch (opts[at]) {
      // Every certificate under --trust is an anchor; of proxy certificates nothing is known
      case '-partial_chain':
      case '-check_ss_sig':
      case '-policy_check':
      case '-allow_proxy_certs':
        break
      case '-x509_strict':
        given.push('--profile', 'strict')
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
        else if (LEVELS[value] !== undefined) given.push('--min-strength', LEVELS[value])
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
  const reasons = JSON.stringify(answer.json['reasons'] ?? answer.words)
  opensslTally.record(name, wanted, ours, theirs, reasons)
  return ours === wanted
    ? unexplained('openssl', name, theirs === wanted)
    : `${ours ? 'accepted' : 'refused'} ${ours ? '' : reasons}`
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
  report: () => opensslTally.report(),
}
