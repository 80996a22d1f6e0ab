// The spool with real files: whole bodies or BodyDamaged, names and bytes on the disk before finish resolves.
import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import fs, { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync, closeSync, openSync } from 'node:fs' // prettier-ignore
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import type { BodyRef } from '../../mail/body.ts'
import { newMailId } from '../../mail/id.ts'
import { BodyDamaged, StorageError } from '../../observe/failures.ts'
import { newRowId } from '../row-id.ts'
import type { SealingKey } from '../sealing.ts'
import { asStorageError, writeAll } from './files.ts'
import { HEADER, SEALED_SEGMENT, SEGMENT } from './sealed-file.ts'
import { Spool } from './spool.ts'

describe('spool', () => {
  let root: string
  let spool: Spool
  let kept: Set<string>
  const keys = new Map<string, SealingKey>()
  const keyOf = (tenantId: string): SealingKey => {
    const known = keys.get(tenantId) ?? { id: newRowId(Date.now()), key: createSecretKey(randomBytes(32)) }
    keys.set(tenantId, known)
    return known
  }

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'siegel-spool-'))
    kept = new Set()
    spool = new Spool(root, {
      current: keyOf,
      find: (tenantId, id) => (keys.get(tenantId)?.id === id ? keyOf(tenantId) : null),
      isKept: (ref) => kept.has(`${ref.mailId}.${ref.copy}`),
    })
  })
  afterEach(async () => {
    await spool.close()
    rmSync(root, { recursive: true })
  })

  const TURN = '0123456789ab'
  const newRef = (copy = 0): BodyRef => ({
    tenantId: 't',
    mailId: newMailId(Date.now()),
    copy,
    ...(copy === 0 ? {} : { turn: TURN }),
  })

  async function write(ref: BodyRef, bytes: Buffer, step = 20_000): Promise<void> {
    const writer = spool.create(ref)
    for (let at = 0; at < bytes.length; at += step) await writer.write(bytes.subarray(at, at + step))
    await writer.finish()
  }

  async function read(ref: BodyRef): Promise<Buffer> {
    const pieces: Buffer[] = []
    for await (const piece of spool.read(ref)) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  it('gives back what was written, whatever the pieces', async () => {
    const sizes = [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 5 * SEGMENT, 1_000_000]
    for (const size of sizes)
      for (const step of [7919, SEGMENT, SEGMENT + 1, 300_000]) {
        const ref = newRef()
        const bytes = randomBytes(size)
        await write(ref, bytes, step)
        assert.ok((await read(ref)).equals(bytes), `${size} in pieces of ${step}`)
      }
  })

  it('gives back what was written in pieces of any lengths', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 90 }), fc.constantFrom(SEGMENT - 1, SEGMENT, SEGMENT + 1)), { maxLength: 6 }), // prettier-ignore
        async (lengths) => {
          const ref = newRef()
          const writer = spool.create(ref)
          const pieces = lengths.map((length) => randomBytes(length))
          for (const piece of pieces) {
            const given = Buffer.from(piece)
            await writer.write(given)
            given.fill(0) // The caller may use its buffer again.
          }
          await writer.finish()
          assert.ok((await read(ref)).equals(Buffer.concat(pieces)))
        },
      ),
      { numRuns: 40 },
    )
  })

  it('holds nothing of the plaintext, lies in a folder by time, and only this user may read it', async () => {
    const ref = newRef(3)
    await write(ref, Buffer.from('canary'.repeat(20_000)))
    const path = join(root, ref.mailId.slice(4, 6), `${ref.mailId}.3-${TURN}`)
    assert.equal(spool.pathOf(ref), path)
    assert.equal(readFileSync(path).indexOf('canary'), -1)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(statSync(dirname(path)).mode & 0o777, 0o700)
  })

  it('asks the caller to wait when the disk does not keep up', async () => {
    const writer = spool.create(newRef())
    const answers = [writer.write(randomBytes(1000)), writer.write(randomBytes(2_000_000))]
    assert.equal(answers[0], undefined)
    assert.ok(answers[1] instanceof Promise)
    await answers[1]
    assert.equal(writer.write(randomBytes(1000)), undefined)
    await writer.finish()
  })

  it('refuses every cut, change and addition', async () => {
    const ref = newRef()
    const bytes = randomBytes(2 * SEGMENT + 100)
    await write(ref, bytes)
    const path = spool.pathOf(ref)
    const whole = readFileSync(path)
    const damaged = async (file: Buffer) => {
      writeFileSync(path, file)
      await assert.rejects(read(ref), BodyDamaged)
    }
    for (const length of [
      0,
      1,
      HEADER - 1,
      HEADER,
      HEADER + 16,
      HEADER + SEALED_SEGMENT,
      HEADER + 2 * SEALED_SEGMENT,
      HEADER + 2 * SEALED_SEGMENT + 16,
      whole.length - 1,
    ])
      // prettier-ignore
      await damaged(whole.subarray(0, length))
    for (const more of [1, 16, 17, SEALED_SEGMENT]) await damaged(Buffer.concat([whole, randomBytes(more)]))
    const first = whole.subarray(HEADER, HEADER + SEALED_SEGMENT)
    const second = whole.subarray(HEADER + SEALED_SEGMENT, HEADER + 2 * SEALED_SEGMENT)
    const rest = whole.subarray(HEADER + 2 * SEALED_SEGMENT)
    const header = whole.subarray(0, HEADER)
    await damaged(Buffer.concat([header, second, first, rest]))
    await damaged(Buffer.concat([header, first, first, second, rest]))
    await damaged(Buffer.concat([header, first, rest]))
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: whole.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, bits) => {
          // prettier-ignore
          const changed = Buffer.from(whole)
          changed[at] = (changed[at] ?? 0) ^ bits
          await damaged(changed)
        },
      ),
      { numRuns: 60 },
    )
    writeFileSync(path, whole)
    assert.ok((await read(ref)).equals(bytes))
  })

  it('gives out nothing that comes from or behind a damaged segment', async () => {
    const ref = newRef()
    const bytes = randomBytes(3 * SEGMENT)
    await write(ref, bytes)
    const file = readFileSync(spool.pathOf(ref))
    const at = HEADER + SEALED_SEGMENT + 5
    file[at] = (file[at] ?? 0) ^ 1
    writeFileSync(spool.pathOf(ref), file)
    const pieces: Buffer[] = []
    await assert.rejects(async () => {
      for await (const piece of spool.read(ref)) pieces.push(piece)
    }, BodyDamaged)
    assert.ok(Buffer.concat(pieces).equals(bytes.subarray(0, SEGMENT)))
  })

  it('refuses the file of another mail, copy, turn or tenant in its place', async () => {
    const ref = newRef(1)
    await write(ref, Buffer.from('mine'))
    const others: BodyRef[] = [
      newRef(1),
      { ...ref, copy: 2 },
      { ...ref, turn: 'ba9876543210' },
      { ...newRef(1), tenantId: 'u' },
    ]
    for (const other of others) {
      await write(other, Buffer.from('other'))
      writeFileSync(spool.pathOf(ref), readFileSync(spool.pathOf(other)))
      await assert.rejects(read(ref), BodyDamaged)
    }
    const asTenant = { ...ref, tenantId: 'u' }
    await assert.rejects(read(asTenant), BodyDamaged)
  })

  it('a missing body is damaged, removing one is no error', async () => {
    const ref = newRef()
    await assert.rejects(read(ref), BodyDamaged)
    await write(ref, Buffer.from('x'))
    await spool.remove(ref)
    await spool.remove(ref)
    await assert.rejects(read(ref), BodyDamaged)
  })

  it('replaces an earlier body only when the new one is whole', async () => {
    const ref = newRef(1)
    await write(ref, Buffer.from('first'))
    const writer = spool.create(ref)
    await writer.write(randomBytes(200_000))
    assert.equal((await read(ref)).toString(), 'first')
    await writer.abort()
    assert.equal((await read(ref)).toString(), 'first')
    await write(ref, Buffer.from('second'))
    assert.equal((await read(ref)).toString(), 'second')
    assert.equal(readdirSync(dirname(spool.pathOf(ref))).length, 1)
  })

  it('never replaces a body whose row has been committed', async () => {
    const ref = newRef(1)
    await write(ref, Buffer.from('settled'))
    kept.add(`${ref.mailId}.1`)
    await assert.rejects(write(ref, Buffer.from('late')), StorageError)
    assert.equal((await read(ref)).toString(), 'settled')
    assert.equal(readdirSync(dirname(spool.pathOf(ref))).length, 1)
  })

  it('an aborted body leaves no file, even when another writer has replaced it meanwhile', async () => {
    const ref = newRef(1)
    const slow = spool.create(ref)
    await slow.write(randomBytes(900_000))
    await write(ref, Buffer.from('quick'))
    await slow.abort()
    assert.equal((await read(ref)).toString(), 'quick')
    const alone = newRef()
    const writer = spool.create(alone)
    await writer.write(randomBytes(900_000))
    await writer.abort()
    await writer.abort()
    assert.ok(!fs.existsSync(spool.pathOf(alone)))
    await assert.rejects(writer.finish(), StorageError)
    await assert.rejects(async () => writer.write(Buffer.from('x')), StorageError)
  })

  it('takes no name that could leave the spool', () => {
    for (const mailId of ['', '../../../../etc/passwd', 'A'.repeat(25), `${'A'.repeat(25)}/`])
      assert.throws(() => spool.pathOf({ tenantId: 't', mailId, copy: 0 }), RangeError)
    for (const copy of [-1, 0, 0.5, 1_000_000])
      assert.throws(() => spool.pathOf({ ...newRef(1), copy }), RangeError)
    for (const turn of ['', '../../x', '0123456789aB', '0123456789abc'])
      assert.throws(() => spool.pathOf({ ...newRef(1), turn }), RangeError)
    assert.throws(() => spool.pathOf({ ...newRef(), copy: 1 }), RangeError)
  })

  it('says when the disk is full', async () => {
    const file = openSync('/dev/full', 'w')
    const failed = await writeAll(file, [Buffer.from('x')]).catch((error: unknown) => asStorageError(error))
    closeSync(file)
    assert.ok(failed instanceof StorageError)
    assert.equal(failed.kind, 'full')
  })

  it('rejects, and removes what it wrote, when the folder cannot be written to', async () => {
    const ref = newRef()
    writeFileSync(join(root, ref.mailId.slice(4, 6)), 'a file where the folder should be')
    const failed = await write(ref, Buffer.from('x')).catch((error: unknown) => error)
    assert.ok(failed instanceof StorageError)
    assert.equal(failed.kind, 'failed')
  })

  describe('what is on the disk when finish resolves', () => {
    const log: string[] = []
    const real = { fdatasync: fs.fdatasync, fsync: fs.fsync }
    type Done = (error: NodeJS.ErrnoException | null) => void
    before(() => {
      // The real calls are made; only their ends are written down.
      const noting = (name: 'fdatasync' | 'fsync') => (file: number, done: Done) => {
        const path = fs.readlinkSync(`/proc/self/fd/${file}`)
        real[name](file, (error) => {
          log.push(`${name} ${path.slice(root.length)}`)
          done(error)
        })
      }
      Object.assign(fs, { fdatasync: noting('fdatasync'), fsync: noting('fsync') })
      syncBuiltinESMExports()
    })
    after(() => {
      Object.assign(fs, real)
      syncBuiltinESMExports()
    })
    beforeEach(() => void log.splice(0))

    it('the folder in the spool, the bytes, then the name', async () => {
      const ref = newRef()
      await write(ref, Buffer.from('x'))
      const folder = `/${ref.mailId.slice(4, 6)}`
      assert.deepEqual(log, ['fsync ', `fdatasync ${folder}/${ref.mailId}.0`, `fsync ${folder}`])
      log.splice(0)
      await write({ ...ref, copy: 1, turn: TURN }, randomBytes(300_000))
      assert.deepEqual(log, [`fdatasync ${folder}/${ref.mailId}.1-${TURN}`, `fsync ${folder}`])
    })

    it('every name, when many bodies share the sync of their folder', async () => {
      const first = newRef()
      await write(first, Buffer.from('x'))
      log.splice(0)
      const refs = Array.from({ length: 40 }, (_, copy) => ({ ...first, copy: copy + 1, turn: TURN }))
      await Promise.all(
        refs.map(async (ref) => {
          await write(ref, Buffer.from('x'))
          const own = log.findIndex((line) => line.endsWith(`.${ref.copy}-${TURN}`))
          assert.ok(own >= 0 && log.slice(own).some((line) => line.startsWith('fsync ')))
        }),
      )
      assert.ok(log.filter((line) => line.startsWith('fsync ')).length < 40)
    })
  })
})
