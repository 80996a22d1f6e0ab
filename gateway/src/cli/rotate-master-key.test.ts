/** Another master key: what was sealed opens under it alone, a kill at any moment leaves one of the two good, a server keeps it off. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { objectOf, putting } from '../store/testing/fixture.ts'
import { openStore } from '../store/index.ts'
import { main } from './main.ts'

const TENANTS = 200
const KILLS = 12

let folder: string
const keys = { old: randomBytes(32), new: randomBytes(32) }
const open = (name: keyof typeof keys) =>
  openStore({ dataFolder: join(folder, 'data'), masterKey: keys[name] })
const path = (name: string) => join(folder, name)

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'siegel-rotation-'))
  for (const name of ['old', 'new'] as const) writeFileSync(path(`${name}.key`), keys[name], { mode: 0o600 })
  configure('old')
  const store = await open('old')
  const tenants = Array.from({ length: TENANTS }, (_, index) => objectOf('Tenant', `t${index}`))
  const secret = objectOf('TlsAnchor', 'x', { secrets: { '/a': 'a secret' } })
  await store.config.change(putting(...tenants, secret))
  await store.close()
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function configure(name: keyof typeof keys): void {
  writeFileSync(
    path('siegel.yaml'),
    `fqdn: smime.contoso.com\nmasterKey: file:${name}.key\ndataFolder: data\n`,
  )
}

function argumentsFor(to: keyof typeof keys): string[] {
  return ['rotate-master-key', '--new', `file:${path(`${to}.key`)}`, '--config', path('siegel.yaml')]
}

async function rotate(to: keyof typeof keys): Promise<{ code: number; out: string; err: string }> {
  const lines = { out: '', err: '' }
  const io = {
    out: (line: string) => void (lines.out += line),
    err: (line: string) => void (lines.err += line),
    now: Date.now,
    standardInput: () => Promise.resolve(Buffer.alloc(0)),
  }
  return { code: await main(argumentsFor(to), io), ...lines }
}

/** Which key opens the data; everything in it must open with it. */
async function opensWith(): Promise<readonly string[]> {
  const good: string[] = []
  for (const name of ['old', 'new'] as const)
    try {
      const store = await open(name)
      const { objects, tenants } = await store.config.read()
      assert.equal(tenants.size, TENANTS)
      assert.equal(objects.find(({ kind }) => kind === 'TlsAnchor')?.secrets['/a'], 'a secret')
      assert.deepEqual(await store.integrity(), [])
      await store.close()
      good.push(name)
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'master-key-wrong', String(error))
    }
  return good
}

test('everything opens under the new key alone, and a second run says that it is done', async () => {
  const { code, out } = await rotate('new')
  assert.equal(code, 0)
  assert.match(out, new RegExp(`${TENANTS + 1} data keys`))
  assert.deepEqual(await opensWith(), ['new'])
  assert.match((await rotate('new')).out, /already/)
  configure('new')
  assert.equal((await rotate('new')).code, 2, 'the key that is in use')
  assert.equal((await rotate('old')).code, 0, 'and back')
  assert.deepEqual(await opensWith(), ['old'])
})

test('a running server keeps it off, and a process with the old key makes no tenant afterwards', async () => {
  const server = await open('old')
  await server.lockServer()
  const refused = await rotate('new')
  assert.equal(refused.code, 2)
  assert.match(refused.err, /server runs/)
  await server.close()
  const late = await open('old')
  assert.equal((await rotate('new')).code, 0)
  await assert.rejects(late.config.change(putting(objectOf('Tenant', 'late'))), { code: 'master-key-wrong' })
  await late.close()
  assert.deepEqual(await opensWith(), ['new'])
})

test('killed at any moment, exactly one of the two keys opens everything', async () => {
  const siegel = fileURLToPath(new URL('../../../siegel', import.meta.url))
  const started = performance.now()
  assert.equal(await run(siegel, null), 0)
  const whole = performance.now() - started
  let now: keyof typeof keys = 'new'
  for (let kill = 0; kill < KILLS; kill += 1) {
    configure(now)
    const to: keyof typeof keys = now === 'old' ? 'new' : 'old'
    await run(siegel, (whole * (kill + 6)) / (KILLS + 6), to)
    const good = await opensWith()
    assert.equal(good.length, 1)
    now = good[0] === 'old' ? 'old' : 'new'
  }
})

/** Runs the command; with a time it is killed then. */
function run(
  siegel: string,
  killAfter: number | null,
  to: keyof typeof keys = 'new',
): Promise<number | null> {
  const child = spawn(siegel, argumentsFor(to), { stdio: 'ignore' })
  if (killAfter !== null) setTimeout(() => child.kill('SIGKILL'), killAfter)
  return new Promise((resolve) => child.once('close', resolve))
}
