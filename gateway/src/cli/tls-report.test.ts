/** Tests of `siegel tls-report` on a real store. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openStore } from '../store/index.ts'
import { UsageError, type Io } from './io.ts'
import { tlsReport } from './tls-report.ts'

const DAY = Date.parse('2026-11-23T00:00:00Z')
const NOW = DAY + 30 * 3_600_000
const masterKey = randomBytes(32)
let folder = ''
let config = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'siegel-tls-report-'))
  config = join(folder, 'siegel.yaml')
  await writeFile(join(folder, 'master.key'), masterKey)
  await configure(true)
  const store = await openStore({ dataFolder: join(folder, 'data'), masterKey })
  const session = {
    ...{ domain: 'fabrikam.com', policy: { type: 'no-policy-found' as const, strings: [], mxHosts: [] } },
    ...{ mx: '', address: '', localAddress: null, result: null, reason: null },
  }
  await store.tlsReports.add([{ day: DAY, session, count: 7 }], NOW)
  await store.close()
})
after(() => rm(folder, { recursive: true }))

function configure(reports: boolean): Promise<void> {
  const settings = { organisation: 'Contoso', contact: 'a@contoso.com', sender: 'b@contoso.com', tenant: 'contoso' }
  const more = reports ? `tlsReports: ${JSON.stringify(settings)}\n` : ''
  return writeFile(config, `fqdn: gw.contoso.com\nmasterKey: file:master.key\ndataFolder: data\n${more}`)
} // prettier-ignore

async function run(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const io: Io = {
    ...{ out: (line) => out.push(line), err: (line) => err.push(line), now: () => NOW },
    standardInput: () => Promise.resolve(Buffer.alloc(0)),
  }
  const code = await tlsReport([...args, '--config', config], io)
  return { code, text: out.join('\n'), err: err.join('\n') }
}

test('list and show say what was counted', async () => {
  assert.equal((await run('list')).text, '2026-11-23  fabrikam.com  7  -')
  const shown = JSON.parse((await run('show', 'Fabrikam.com', '2026-11-23')).text) as Record<string, unknown>
  assert.deepEqual(shown['policies'], [
    {
      policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'fabrikam.com' },
      summary: { 'total-successful-session-count': 7, 'total-failure-session-count': 0 },
    },
  ])
  assert.equal((await run('show', 'fabrikam.com', '2026-11-22')).code, 1)
})

test('send makes the reports of yesterday due, and none of a day that is not over', async () => {
  assert.equal((await run('send', '--day', '2026-11-22')).code, 1)
  const { code, text } = await run('send', '--json')
  assert.deepEqual([code, JSON.parse(text)], [0, { day: '2026-11-23', waiting: 1 }])
  assert.equal((await run('list')).text, '2026-11-23  fabrikam.com  7  waiting')
  const store = await openStore({ dataFolder: join(folder, 'data'), masterKey })
  const due = store.tlsReports.due(NOW).map(({ domain, day }) => [domain, day])
  await store.close()
  assert.deepEqual(due, [['fabrikam.com', DAY]])
  for (const day of ['2026-11-24', '2026-02-30', 'yesterday'])
    await assert.rejects(run('send', '--day', day), UsageError)
})

test('without tlsReports in siegel.yaml nothing is sent', async () => {
  await configure(false)
  await assert.rejects(run('send'), /tlsReports is not in siegel\.yaml/)
  await assert.rejects(run('other'), UsageError)
})
