/**
 * The engine's benchmark: processor time of S/MIME on a mail of 50 kB, beside libcrypto's own S/MIME functions in a C program and
 * BouncyCastle, in one run, all on one core, in interleaved rounds.
 *
 * Usage: npm run bench:engine [-- --json] [-- --quick]
 */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { issueCertificate, parseCertificate, writePem } from '@siegel/engine'
import { CLASS_PATH } from '../../e2e/interop/bouncycastle.ts'

const asJson = process.argv.includes('--json')
const quick = process.argv.includes('--quick')
const ROUNDS = quick ? 3 : 9

/** Operations by the name in the result, and what the programs call them. */
const OPERATIONS = [
  ['sign', 'sign'],
  ['sign+encrypt', 'encrypt-cbc'],
  ['decrypt+verify', 'open-cbc'],
  ['sign+encrypt aes256-gcm', 'encrypt-gcm'],
  ['decrypt+verify aes256-gcm', 'open-gcm'],
] as const

/** One of the three, running. */
interface Side {
  readonly version: string
  /** Operations in one round. */
  readonly count: number
  /** Processor time of one operation in milliseconds. */
  measure(operation: string, count: number): Promise<number>
  close(): Promise<void>
}

const folder = mkdtempSync(join(tmpdir(), 'siegel-bench-engine-'))
const file = (name: string): string => join(folder, name)

/** Keys, certificates and the mail. */
function prepare(): void {
  const validity = { notBefore: Date.now() - 86_400_000, notAfter: Date.now() + 86_400_000 }
  const keys = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength })
  const [rootKeys, middleKeys, own] = [keys(3072), keys(3072), keys(2048)]
  const root = parseCertificate(
    issueCertificate({
      subject: { CN: 'Root' },
      issuer: { key: rootKeys.privateKey },
      publicKey: rootKeys.publicKey,
      ...validity,
      extensions: { ca: true },
    }),
  )
  const intermediate = parseCertificate(
    issueCertificate({
      subject: { CN: 'Intermediate' },
      issuer: { certificate: root, key: rootKeys.privateKey },
      publicKey: middleKeys.publicKey,
      ...validity,
      extensions: { ca: true, pathLength: 0 },
    }),
  )
  const certificate = issueCertificate({
    subject: { CN: 'Signer' },
    issuer: { certificate: intermediate, key: middleKeys.privateKey },
    publicKey: own.publicKey,
    ...validity,
    extensions: {
      emails: ['signer@bench.example'],
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.4'],
      keyUsage: ['digitalSignature', 'keyEncipherment'],
    },
  })
  const certificates = { root: root.raw, intermediate: intermediate.raw, certificate }
  for (const [name, raw] of Object.entries(certificates))
    writeFileSync(file(`${name}.pem`), writePem('CERTIFICATE', raw))
  writeFileSync(file('key.pem'), own.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  writeFileSync(
    file('header'),
    'From: <signer@bench.example>\r\nTo: <reader@bench.example>\r\nSubject: bench\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\n' +
      'Message-ID: <1@bench.example>\r\n',
  )
  const line = 'The quick brown fox jumps over the lazy dog and runs into the woods again\r\n'
  writeFileSync(
    file('entity'),
    `Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${line.repeat(50_000 / line.length)}`,
  )
}

function build(program: string, args: readonly string[]): void {
  const run = spawnSync(program, args, { encoding: 'utf8' })
  if (run.error !== undefined || run.status !== 0)
    throw new Error(`${program} (scripts/install-peers.sh installs it): ${run.error?.message ?? run.stderr}`)
}

/** Starts a side on the one core that all share. */
async function start(count: number, program: string, args: readonly string[]): Promise<Side> {
  const child: ChildProcess = spawn('taskset', ['-c', '0', program, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error('no pipes')
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  const ended = new Promise<void>((resolve) =>
    child.on('close', () => {
      resolve()
    }),
  )
  const ask = async (line: string): Promise<string> => {
    stdin.write(`${line}\n`)
    const answer = await lines.next()
    if (answer.done === true) throw new Error(`${program} ended`)
    return answer.value
  }
  return {
    version: await ask('version 0'),
    count,
    measure: async (operation, times) => Number(await ask(`${operation} ${times}`)),
    async close() {
      stdin.end()
      await ended
    },
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

async function main(): Promise<void> {
  prepare()
  build('gcc', [
    '-O2',
    '-Wall',
    '-Wno-deprecated-declarations',
    '-o',
    file('libcrypto'),
    join(import.meta.dirname, 'libcrypto.c'),
    '-lcrypto',
  ])
  mkdirSync(file('classes'))
  build('javac', [
    '-nowarn',
    '-d',
    file('classes'),
    '-cp',
    CLASS_PATH,
    join(import.meta.dirname, 'Bouncy.java'),
  ])
  const sides: Side[] = []
  try {
    sides.push(await start(100, process.execPath, [join(import.meta.dirname, 'ours.ts'), folder]))
    sides.push(await start(100, file('libcrypto'), [folder]))
    sides.push(
      await start(30, 'java', [
        '-XX:+UseSerialGC',
        '-cp',
        `${file('classes')}:${CLASS_PATH}`,
        'Bouncy',
        folder,
      ]),
    )
    for (let round = 0; round < (quick ? 3 : 8); round++)
      for (const [, operation] of OPERATIONS)
        for (const side of sides) await side.measure(operation, side.count)
    report(sides, await rounds(sides))
  } finally {
    for (const side of sides) await side.close()
  }
}

/** Times by operation, side and round. */
async function rounds(sides: readonly Side[]): Promise<readonly (readonly (readonly number[])[])[]> {
  const times = OPERATIONS.map(() => sides.map((): number[] => []))
  for (let round = 0; round < ROUNDS; round++)
    for (const [at, [, operation]] of OPERATIONS.entries())
      for (const [which, side] of sides.entries())
        times[at]?.[which]?.push(await side.measure(operation, side.count))
  return times
}

function report(sides: readonly Side[], times: readonly (readonly (readonly number[])[])[]): void {
  const results = OPERATIONS.map(([operation], at) => {
    const [ours = [], libcrypto = [], bouncy = []] = times[at] ?? []
    // Rounds are compared with their neighbours: the machine is the same for one round.
    const ratio = (others: readonly number[]) =>
      median(ours.map((time, round) => time / (others[round] ?? NaN)))
    return {
      operation,
      cpuMs: round(median(ours)),
      ratioToLibcrypto: round(ratio(libcrypto)),
      ratioToBouncyCastle: round(ratio(bouncy)),
      libcryptoCpuMs: round(median(libcrypto)),
      bouncyCastleCpuMs: round(median(bouncy)),
    }
  })
  const versions = sides.map(({ version }) => version)
  if (asJson) {
    console.log(JSON.stringify({ results, versions }))
    return
  }
  console.log(
    `50 kB, RSA-2048 with SHA-256, RSA v1.5 key transport, AES-256-CBC unless named, chain of two RSA-3072 signatures`,
  )
  console.log(`engine: ${versions[0] ?? ''}; C: ${versions[1] ?? ''}; ${versions[2] ?? ''}`)
  console.log(`${ROUNDS} rounds, medians; CPU-ms of one operation\n`)
  console.log('| operation | engine | libcrypto | BouncyCastle | to libcrypto | to BouncyCastle |')
  console.log('| --- | --- | --- | --- | --- | --- |')
  for (const each of results)
    console.log(
      `| ${each.operation} | ${each.cpuMs.toFixed(3)} | ${each.libcryptoCpuMs.toFixed(3)} | ${each.bouncyCastleCpuMs.toFixed(3)} | ` +
        `${each.ratioToLibcrypto.toFixed(2)} | ${each.ratioToBouncyCastle.toFixed(2)} |`,
    )
}

function round(value: number): number {
  return Number(value.toFixed(4))
}

try {
  await main()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
