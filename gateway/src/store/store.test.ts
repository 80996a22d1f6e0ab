// Opening a data folder: master key rules, foreign schemas, the server's lock, access rights, and no plaintext anywhere.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { newMailId } from '../mail/id.ts'
import { StoreRefused, type StoreRefusal } from '../observe/failures.ts'
import { prepareDataFolder } from './data-folder.ts'
import { Fixture, TURN, mailOf, newMail, objectOf, putting, readBody, writeBody } from './testing/fixture.ts'

function refused(code: StoreRefusal) {
  return (error: unknown) => error instanceof StoreRefused && error.code === code
}

describe('opening a store', () => {
  let fixture: Fixture

  beforeEach(() => {
    fixture = new Fixture()
  })
  afterEach(() => fixture.end())

  it('keeps everything from one opening to the next', async () => {
    const { store, contoso } = await fixture.openWithTenants()
    const mail = mailOf(contoso, fixture.now)
    const ref = { tenantId: contoso, mailId: mail.id, copy: 0 }
    await writeBody(store, ref, Buffer.from('body'))
    await store.queue.accept(newMail(mail))
    const before = await store.config.read()
    await fixture.close(store)
    const again = await fixture.open()
    assert.deepEqual(await again.config.read(), before)
    assert.deepEqual((await again.queue.find(contoso, mail.id))?.mail, mail)
    assert.equal((await readBody(again, ref)).toString(), 'body')
  })

  it('says which folder cannot be used, and what to look at', async () => {
    const inTheWay = join(fixture.folder, 'in-the-way')
    writeFileSync(inTheWay, '')
    await assert.rejects(
      prepareDataFolder(inTheWay),
      /^StorageError: cannot use the data folder .*in-the-way: E[A-Z]+; .*account that runs siegel$/,
    )
  })

  it('makes what is missing above the data folder, and ends where nothing can be made', async () => {
    await prepareDataFolder(join(fixture.folder, 'a', 'b', 'c'))
    await assert.rejects(prepareDataFolder('/proc/siegel/data'), /cannot use the data folder .*: E[A-Z]+; /)
  })

  it('refuses a wrong, missing or malformed master key, and changes nothing', async () => {
    await fixture.close(await fixture.open())
    await assert.rejects(fixture.open({ masterKey: randomBytes(32) }), refused('master-key-wrong'))
    await assert.rejects(fixture.open({ masterKey: Buffer.alloc(0) }), refused('master-key-missing'))
    await assert.rejects(fixture.open({ masterKey: randomBytes(16) }), refused('master-key-malformed'))
    await fixture.close(await fixture.open())
  })

  it('refuses to begin anew beside old mail, or without the key of old data', async () => {
    const { store, contoso } = await fixture.openWithTenants()
    await writeBody(store, { tenantId: contoso, mailId: newMailId(1), copy: 0 }, Buffer.from('x'))
    await fixture.close(store)
    const path = join(fixture.folder, 'siegel.sqlite')
    const database = new DatabaseSync(path)
    database.exec("delete from sealing_key where tenant_id = ''")
    database.close()
    await assert.rejects(fixture.open(), refused('data-incomplete'))
    for (const name of readdirSync(fixture.folder)) if (name !== 'spool') rmSync(join(fixture.folder, name))
    await assert.rejects(fixture.open(), refused('data-incomplete'))
  })

  it('refuses the database of a newer release', async () => {
    await fixture.close(await fixture.open())
    const database = new DatabaseSync(join(fixture.folder, 'siegel.sqlite'))
    database.exec("insert into schema_migration values (99, 'later', 'x', 0)")
    database.close()
    await assert.rejects(fixture.open(), refused('schema-newer'))
  })

  it('two processes that open an empty folder at once agree on its key', async () => {
    const [a, b] = await Promise.all([fixture.open(), fixture.open()])
    await a.config.change(putting(objectOf('Tenant', 'contoso', { secrets: { '/a': 'b' } })))
    assert.deepEqual(await b.config.read(), await a.config.read())
    const database = new DatabaseSync(join(fixture.folder, 'siegel.sqlite'))
    assert.equal(
      database.prepare("select count(*) as n from sealing_key where tenant_id = ''").get()?.['n'],
      1,
    )
    database.close()
  })

  it('of two with different keys only one begins', async () => {
    const results = await Promise.allSettled([fixture.open(), fixture.open({ masterKey: randomBytes(32) })])
    const failed = results.filter((result) => result.status === 'rejected')
    assert.deepEqual(failed.map((result) => refused('master-key-wrong')(result.reason)), [true]) // prettier-ignore
  })

  it('lets one server run at a time, beside any command', async () => {
    const [server, command] = [await fixture.open(), await fixture.open()]
    await server.lockServer()
    await server.lockServer()
    await assert.rejects(command.lockServer(), refused('server-running'))
    await command.config.change(putting(objectOf('Tenant', 'contoso')))
    await fixture.close(server)
    await command.lockServer()
  })

  it('keeps everything from other users of the machine', async () => {
    const { store, contoso } = await fixture.openWithTenants()
    await writeBody(store, { tenantId: contoso, mailId: newMailId(1), copy: 0 }, Buffer.from('x'))
    await store.lockServer()
    for (const entry of readdirSync(fixture.folder, { recursive: true, withFileTypes: true })) {
      if (entry.name.startsWith('server.lock')) continue // Hold nothing.
      const { mode } = statSync(join(entry.parentPath, entry.name))
      assert.equal(mode & 0o077, 0, entry.name)
    }
  })

  it('holds no plaintext of a body, a secret or a private key in any file, also while it runs', async () => {
    const { store, contoso } = await fixture.openWithTenants()
    const canary = 'the-canary-of-a-decrypted-mail'
    const marker = (await store.config.read()).tenants.get('contoso')?.markerKey ?? assert.fail()
    const object = objectOf('Credential', 'alice', { tenant: 'contoso', secrets: { '/passphrase': canary } })
    const credential = {
      id: newMailId(1),
      kind: 'smime' as const,
      owner: 'own' as const,
      addresses: ['alice@contoso.com'],
      sign: true,
      encrypt: true,
      notBefore: 0,
      notAfter: 1,
      fingerprint: '00',
      certificate: Buffer.from('public'),
      chain: [],
      distrusted: false,
      privateKey: Buffer.from(`key ${canary}`),
    }
    await store.config.change({ put: [{ object, credentials: [credential] }], remove: [] })
    const mail = mailOf(contoso, fixture.now)
    const text = Buffer.from(canary.repeat(10_000))
    const ref = { tenantId: contoso, mailId: mail.id, copy: 0 }
    for (const one of [ref, { ...ref, copy: 1, turn: TURN }]) await writeBody(store, one, text)
    const unfinished = store.bodies.create({ tenantId: contoso, mailId: newMailId(2), copy: 0 })
    await unfinished.write(text)
    await store.queue.accept(newMail(mail))
    const look = () => {
      let files = 0
      for (const entry of readdirSync(fixture.folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue
        files += 1
        const bytes = readFileSync(join(entry.parentPath, entry.name))
        for (const secret of [canary, marker, fixture.masterKey])
          assert.equal(bytes.indexOf(secret), -1, entry.name)
      }
      return files
    }
    assert.ok(look() >= 5)
    await unfinished.abort()
    await fixture.close(store)
    assert.ok(look() >= 3)
  })

  it('says so when the folder cannot be made', async () => {
    writeFileSync(join(fixture.folder, 'file'), '')
    await assert.rejects(fixture.open({ dataFolder: join(fixture.folder, 'file', 'data') }), {
      kind: 'failed',
    })
  })
})
