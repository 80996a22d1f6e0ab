/**
 * Power cuts: the gateway runs under load with a recorder preloaded; from its log the data folder is rebuilt as of many
 * random moments, without anything that was not synced (or with some of it, torn). No mail that was answered 250 before such a
 * moment may be missing or damaged: it is in the queue with its bytes, or the next hop had it. Some of the rebuilt folders
 * are given to a new gateway, which must deliver what is in them.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openStore, type Store } from '../../gateway/src/store/index.ts'
import { startLoad, type Acknowledged } from './load.ts'
import { Platter, readLog } from './replay.ts'
import { gatewayFor, openRig, type Rig } from './rig.ts'

const CUTS = 200
const RESTARTS = 5
/** Mails answered before the gateway is stopped. */
const MAILS = 250
/** Bodies compared with what was sent, of each cut; the store reads all of them, and their seals say that they are whole. */
const COMPARED = 10

/** A generator with a seed, so that a failing cut can be made again. */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface MailRow {
  readonly tenant_id: string
  readonly id: string
  readonly message_id: string
  readonly final_at: number | null
}

/** The rows of all mails of a data folder, by Message-ID. */
function mailRows(dataFolder: string): Map<string, MailRow> {
  const db = new DatabaseSync(join(dataFolder, 'siegel.sqlite'), { readOnly: true })
  try {
    const rows = db.prepare('select tenant_id, id, message_id, final_at from mail').all()
    return new Map(
      rows.map((row) => [String(row['message_id']).replaceAll(/[<>]/g, ''), row as unknown as MailRow]),
    )
  } finally {
    db.close()
  }
}

async function bodyOf(store: Store, row: MailRow): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of store.bodies.read({ tenantId: row.tenant_id, mailId: row.id, copy: 0 }))
    chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

describe('power cut', () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  const random = seeded(seed)
  let rig: Rig & { readonly sinkPort: number }
  let log: string
  let acknowledged: ReadonlyMap<string, Acknowledged>

  before(async () => {
    rig = await openRig((folder) => {
      const library = join(folder, 'recorder.so')
      const source = fileURLToPath(new URL('recorder.c', import.meta.url))
      const built = spawnSync('gcc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl'], {
        encoding: 'utf8',
      })
      assert.equal(built.status, 0, built.stderr)
      log = join(folder, 'record.log')
      mkdirSync(join(folder, 'data'), { recursive: true, mode: 0o700 })
      return {
        LD_PRELOAD: library,
        SIEGEL_RECORD_ROOT: join(folder, 'data'),
        SIEGEL_RECORD_LOG: log,
        UV_USE_IO_URING: '0',
      }
    })
    // One in eight waits in the queue.
    rig.sink.defers = (id) => Number.parseInt(id, 10) % 8 < 1
    await rig.gateway.start()
    const load = startLoad({
      port: rig.gateway.config.port,
      certificates: rig.certificates,
      cast: rig.cast,
      connections: 6,
      pause: 40,
    })
    while (load.acknowledged.size < MAILS) await new Promise((resolve) => setTimeout(resolve, 20))
    await rig.gateway.end('SIGKILL')
    await load.stop()
    assert.deepEqual(load.refusals, [])
    acknowledged = load.acknowledged
  })
  after(() => rig.close())

  /** What a cut at `moment` may not have cost; returns how many acknowledged mails were looked at. */
  async function judge(dataFolder: string, moment: bigint, what: string): Promise<number> {
    const store = await openStore({ dataFolder, masterKey: Buffer.from(rig.gateway.masterKey, 'hex') })
    try {
      assert.deepEqual(await store.integrity(), [], what)
      const rows = mailRows(dataFolder)
      let looked = 0
      const open: [MailRow, Acknowledged][] = []
      for (const [id, answered] of acknowledged) {
        if (answered.at >= moment) continue
        looked++
        const row = rows.get(id)
        assert.ok(row !== undefined, `${what}: ${id} was answered 250 and is missing`)
        if (row.final_at !== null) {
          const arrived = rig.sink.firstAt.get(id)
          assert.ok(arrived !== undefined && arrived < moment, `${what}: ${id} is final, but had not arrived`)
        } else open.push([row, answered])
      }
      for (let count = Math.min(COMPARED, open.length); count > 0; count--) {
        const [picked] = open.splice(Math.floor(random() * open.length), 1)
        if (picked === undefined) break
        const [row, { mail }] = picked
        const content = mail.data.subarray(mail.data.indexOf('\r\n\r\n'))
        const body = await bodyOf(store, row)
        assert.ok(body.subarray(-content.length).equals(content), `${what}: ${row.message_id} is damaged`)
      }
      return looked
    } finally {
      await store.close()
    }
  }

  /** A new gateway on the folder delivers what had not arrived at `moment`. */
  async function restart(dataFolder: string, moment: bigint, what: string): Promise<void> {
    const folder = join(rig.folder, 'again')
    const expected = [...acknowledged].filter(([, { at }]) => at < moment).map(([id]) => id)
    const missing = expected.filter((id) => (rig.sink.firstAt.get(id) ?? moment) >= moment)
    const arrivedBefore = new Map(rig.sink.firstAt)
    const gateway = await gatewayFor(rig.sinkPort, folder, { masterKey: rig.gateway.masterKey })
    rmSync(gateway.dataFolder, { recursive: true })
    cpSync(dataFolder, gateway.dataFolder, { recursive: true })
    rig.sink.defers = () => false
    rig.sink.clear()
    try {
      await gateway.start()
      const deadline = Date.now() + 30_000
      while (missing.some((id) => !rig.sink.arrived.has(id)) && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 50))
      assert.deepEqual(
        missing.filter((id) => !rig.sink.arrived.has(id)),
        [],
        `${what}: not delivered after the restart`,
      )
    } finally {
      await gateway.end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
      rig.sink.clear()
      for (const [id, at] of arrivedBefore) rig.sink.firstAt.set(id, at)
    }
  }

  it(`costs no acknowledged mail at any of ${CUTS} moments`, async (context) => {
    const times = [...readLog(log)].map((record) => record.time)
    const first = times.findIndex((time) => [...acknowledged.values()].some(({ at }) => at < time))
    assert.ok(first > 100)
    // Most cuts under load, a few while the folder is being made.
    const cuts = new Set<number>()
    while (cuts.size < CUTS - 10) cuts.add(first + Math.floor(random() * (times.length - 1 - first)))
    while (cuts.size < CUTS) cuts.add(1 + Math.floor(random() * first))
    const restarts = new Set([...cuts].slice(0, RESTARTS))
    const platter = new Platter(statSync(rig.gateway.dataFolder, { bigint: true }).ino)
    let [index, looked, done] = [0, 0, 0]
    for (const record of readLog(log)) {
      platter.take(record)
      const cut = index++
      if (!cuts.has(cut)) continue
      const moment = times[cut + 1] ?? record.time
      const mode = random() < 0.5 ? 'strict' : 'torn'
      const target = join(rig.folder, 'cut')
      const what = `seed ${seed}, ${mode} cut behind record ${cut} (${record.kind} ${record.path})`
      platter.write(target, mode, random)
      if (restarts.has(cut)) await restart(target, moment, what)
      looked += await judge(target, moment, what)
      rmSync(target, { recursive: true, force: true })
      if (++done % 50 === 0) context.diagnostic(`${done} cuts, ${looked} acknowledged mails looked at`)
    }
    context.diagnostic(
      `${done} cuts over ${times.length} records and ${acknowledged.size} acknowledged mails; ${looked} times one was looked at`,
    )
    assert.equal(done, CUTS)
  })
})
