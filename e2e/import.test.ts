/**
 * `siegel keyring import` at size, on the real command: killed in the middle it goes on behind its last transaction, every duplicate and
 * every piece of rubbish is in the report once, memory stays bounded, and the time is measured.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { writeCertificates, type Written } from './import/certificates.ts'

/** SIEGEL_CERTIFICATES sets another number for the long run, and SIEGEL_RESULT names a file for its figures. */
const COUNT = Number(process.env['SIEGEL_CERTIFICATES'] ?? 4000)
/** What is demanded of 100,000. */
const MOST_SECONDS_FOR_100_000 = 300
const MOST_MIB = 384

const SIEGEL = fileURLToPath(new URL('../siegel', import.meta.url))

const TENANT = `apiVersion: siegel/v1
kind: Tenant
name: contoso
spec:
  microsoftTenantId: 5f1c9f2e-7a3b-4f0e-9c53-0d4c4a2f6b11
  acceptedDomains: [contoso.com]
  fqdn: smime.contoso.com
  preset: as-documented
  route: '[contoso-com.mail.protection.outlook.com]:25'
`

interface Report {
  readonly files: readonly {
    readonly entries: number
    readonly added: number
    readonly known: number
    readonly refused: number
    readonly findings: readonly { readonly entry: number; readonly code: string; readonly taken: boolean }[]
  }[]
}

describe('import of many certificates', () => {
  let folder: string
  let written: Written
  const path = (name: string) => join(folder, name)
  const arguments_ = (...rest: string[]) => ['keyring', ...rest, '--config', path('siegel.yaml')]

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'siegel-import-'))
    writeFileSync(path('master.key'), randomBytes(32))
    writeFileSync(
      path('siegel.yaml'),
      'fqdn: smime.contoso.com\nmasterKey: file:master.key\ndataFolder: data\n',
    )
    writeFileSync(path('objects.yaml'), TENANT)
    const applied = spawnSync(
      SIEGEL,
      ['apply', '-f', path('objects.yaml'), '--config', path('siegel.yaml')],
      {
        encoding: 'utf8',
      },
    )
    assert.equal(applied.status, 0, applied.stderr)
    written = await writeCertificates(path('many.pem'), 'pem', COUNT, Date.now())
  })
  after(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  function listed(): number {
    const { stdout, stderr } = spawnSync(SIEGEL, arguments_('list', '--csv', '--limit', '1000000'), {
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    })
    assert.equal(stderr, '')
    return stdout.trim().split('\n').length - 1
  }

  /** Runs an import to its end; octets are the most memory that it ever had. */
  async function run(...rest: string[]): Promise<{ report: Report; seconds: number; mib: number }> {
    const started = performance.now()
    const child = spawn(SIEGEL, arguments_('import', ...rest, '--json'), {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const peak = watchMemory(child)
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    let err = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    await new Promise((resolve) => child.once('close', resolve))
    assert.notEqual(out, '', err)
    return {
      report: JSON.parse(out) as Report,
      seconds: (performance.now() - started) / 1000,
      mib: peak(),
    }
  }

  it('killed in the middle it goes on, and the report is whole', async () => {
    const child = spawn(SIEGEL, arguments_('import', path('many.pem')), { stdio: 'ignore' })
    const ended = new Promise((resolve) => child.once('close', resolve))
    const wal = path('data/siegel.sqlite-wal')
    const size = () => statSync(wal, { throwIfNoEntry: false })?.size ?? 0
    const start = size()
    while (child.exitCode === null && size() < start + 500_000)
      await new Promise((resolve) => setTimeout(resolve, 5))
    child.kill('SIGKILL')
    await ended
    const before = listed()
    const { report } = await run(path('many.pem'), '--resume')
    const [file] = report.files
    assert.ok(file)
    assert.ok(before > 0 && before < COUNT, `killed with ${before} of ${COUNT}`)
    assert.equal(listed(), COUNT)
    const { findings, ...state } = file
    assert.equal(state.entries, COUNT + written.duplicates + written.rubbish)
    assert.deepEqual([state.added, state.known, state.refused], [COUNT, written.duplicates, written.rubbish])
    assert.equal(new Set(findings.map(({ entry }) => entry)).size, written.duplicates + written.rubbish)
    assert.equal(findings.filter(({ taken }) => taken).length, written.duplicates)
    const again = await run(path('many.pem'), '--resume')
    assert.deepEqual(again.report, report)
  })

  it('is fast, and its memory does not grow with the file', async (t) => {
    await writeCertificates(path('fresh.ldif'), 'ldif', COUNT, Date.now())
    const first = await run(path('fresh.ldif'))
    assert.equal(first.report.files[0]?.added, COUNT)
    const second = await run(path('fresh.ldif'))
    assert.equal(second.report.files[0]?.known, COUNT + written.duplicates)
    const figures = {
      certificates: COUNT,
      added: { seconds: round(first.seconds), mib: Math.round(first.mib) },
      duplicates: { seconds: round(second.seconds), mib: Math.round(second.mib) },
    }
    t.diagnostic(JSON.stringify(figures))
    const result = process.env['SIEGEL_RESULT']
    if (result !== undefined) writeFileSync(result, JSON.stringify(figures))
    assert.ok(first.mib < MOST_MIB, `${first.mib} MiB`)
    const allowed = Math.max(30, (MOST_SECONDS_FOR_100_000 * COUNT) / 100_000)
    assert.ok(first.seconds < allowed, `${first.seconds} s`)
  })
})

function round(seconds: number): number {
  return Math.round(seconds * 10) / 10
}

/** Looks at the memory of a process now and then; gives the peak in MiB. */
function watchMemory(child: ChildProcess): () => number {
  let peak = 0
  const timer = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'latin1')
      peak = Math.max(peak, Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1] ?? 0) / 1024)
    } catch {
      // It has ended.
    }
  }, 50)
  child.once('close', () => {
    clearInterval(timer)
  })
  return () => peak
}
