// A process killed in the middle of taking mail: what it acknowledged is there and whole; two processes share no mail.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { Fixture, readBody } from './testing/fixture.ts'

/** Takes mail without end, forty at a time, and says the id of each that is safe. Ends by being killed. */
const TAKER = `
  const { openStore } = await import(process.env.STORE)
  const { mailOf, newMail } = await import(process.env.FIXTURE)
  const store = await openStore({ dataFolder: process.env.FOLDER, masterKey: Buffer.from(process.env.KEY, 'hex') })
  const tenantId = process.env.TENANT
  async function take(size) {
    for (;;) {
      const mail = mailOf(tenantId, Date.now())
      const body = store.bodies.create({ tenantId, mailId: mail.id, copy: 0 })
      await body.write(Buffer.from(mail.id.repeat(size)))
      await body.finish()
      await store.queue.accept(newMail(mail, 'taker'))
      process.stdout.write(mail.id + '\\n')
    }
  }
  await Promise.all(Array.from({ length: 40 }, (_, i) => take(i % 8 === 0 ? 9000 : 100)))
`

/** Claims and settles until nothing is due, and says the id of each mail that it had. */
const CARRIER = `
  const { openStore } = await import(process.env.STORE)
  const { changeOf, settlementOf } = await import(process.env.FIXTURE)
  const store = await openStore({ dataFolder: process.env.FOLDER, masterKey: Buffer.from(process.env.KEY, 'hex') })
  for (;;) {
    const mails = await store.queue.claim(process.env.OWNER, 5, 60000)
    if (mails.length === 0) break
    await Promise.all(mails.map(async ({ mail }) => {
      await store.queue.settle(settlementOf(mail, process.env.OWNER, [changeOf(0, 'delivered')]))
      process.stdout.write(mail.id + '\\n')
    }))
  }
  await store.close()
`

describe('a data folder and several processes', () => {
  let fixture: Fixture
  let contoso: string

  beforeEach(async () => {
    fixture = new Fixture()
    const opened = await fixture.openWithTenants()
    contoso = opened.contoso
    await fixture.close(opened.store)
  })
  afterEach(() => fixture.end())

  function start(program: string, owner = 'owner') {
    const file = join(fixture.folder, `${owner}.mjs`)
    writeFileSync(file, program)
    const child = spawn(process.execPath, [file], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        STORE: new URL('./index.ts', import.meta.url).href,
        FIXTURE: new URL('./testing/fixture.ts', import.meta.url).href,
        FOLDER: fixture.folder,
        KEY: fixture.masterKey.toString('hex'),
        TENANT: contoso,
        OWNER: owner,
      },
    })
    let said = ''
    child.stdout.on('data', (text: Buffer) => {
      said += text.toString('latin1')
    })
    const ended = once(child, 'close')
    // A line that is not ended was not said.
    const ids = () => said.split('\n').slice(0, -1)
    const saidAtLeast = async (count: number) => {
      while (ids().length < count) {
        assert.equal(child.exitCode, null, 'the process ended by itself')
        await Promise.race([once(child.stdout, 'data'), ended])
      }
    }
    return { child, ended, ids, saidAtLeast }
  }

  it('kill -9 loses nothing that was acknowledged', async () => {
    const safe = new Set<string>()
    for (const patience of [60, 25, 130]) {
      const { child, ended, ids, saidAtLeast } = start(TAKER)
      await saidAtLeast(patience)
      child.kill('SIGKILL')
      await ended
      for (const id of ids()) safe.add(id)
      const store = await fixture.open()
      assert.deepEqual(await store.integrity(), [])
      for (const id of safe) {
        assert.ok((await store.queue.find(contoso, id)) !== null, id)
        const body = (await readBody(store, { tenantId: contoso, mailId: id, copy: 0 })).toString('latin1')
        assert.ok(body === id.repeat(100) || body === id.repeat(9000), id)
      }
      await fixture.close(store)
    }
  })

  it('no mail is carried by two processes', async () => {
    const taker = start(TAKER)
    await taker.saidAtLeast(150)
    taker.child.kill('SIGKILL')
    await taker.ended
    const store = await fixture.open({ now: Date.now })
    await store.lockServer() // Ends the leases of the killed process.
    await fixture.close(store)
    const carriers = [start(CARRIER, 'one'), start(CARRIER, 'two')]
    const codes = await Promise.all(carriers.map((carrier) => carrier.ended))
    assert.deepEqual(codes, [[0, null], [0, null]]) // prettier-ignore
    const carried = carriers.flatMap((carrier) => carrier.ids())
    assert.equal(new Set(carried).size, carried.length)
    assert.ok(taker.ids().every((id) => carried.includes(id)))
  })
})
