// Looking up records at a real name server: texts in several strings, what is not there, silence, and the short memory.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createRecordLookup } from './records.ts'
import { startTextServer, type TextServer } from './testing/text-server.ts'

const codeOf = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => 'found',
    (error: unknown) => (error as NodeJS.ErrnoException).code ?? 'no code',
  )

describe('a record lookup', () => {
  let server: TextServer
  before(async () => {
    server = await startTextServer(
      new Map([
        ['a.example', ['one', 'x'.repeat(400)]],
        ['silent.example', null],
      ]),
    )
  })
  after(() => server.close())
  const lookup = (options = {}) =>
    createRecordLookup({ servers: [`127.0.0.1:${server.server.port}`], timeoutMs: 200, ...options })

  it('gives texts, long ones in their strings', async () => {
    const texts = await lookup()('a.example', 'TXT')
    assert.deepEqual(
      texts
        .flat()
        .map((text) => text.length)
        .toSorted((a, b) => a - b),
      [3, 145, 255],
    )
  })

  it('tells what is not there from what nobody can say', async () => {
    assert.equal(await codeOf(lookup()('b.example', 'TXT')), 'ENOTFOUND')
    assert.equal(await codeOf(lookup()('a.example', 'MX')), 'ENODATA')
    assert.equal(await codeOf(lookup()('silent.example', 'TXT')), 'ETIMEOUT')
    assert.equal(await codeOf(lookup()('a.example', 'ANY')), 'ENODATA')
    assert.equal(await codeOf(lookup()(`${'a'.repeat(300)}.example`, 'TXT')), 'ENODATA')
  })

  it('asks once for what it has just been told, in any case, and again when that is old or failed', async () => {
    let now = 0
    const ask = lookup({ now: () => now, keepMs: 1000 })
    const count = () => server.asked.filter((name) => /^[ab]\.example$/i.test(name)).length
    const start = count()
    await Promise.all([ask('a.example', 'TXT'), ask('A.example', 'TXT')])
    assert.equal(count() - start, 1)
    now = 1000
    await ask('a.example', 'TXT')
    assert.equal(count() - start, 2)
    await codeOf(ask('b.example', 'TXT'))
    await codeOf(ask('b.example', 'TXT'))
    assert.equal(count() - start, 4)
  })
})
