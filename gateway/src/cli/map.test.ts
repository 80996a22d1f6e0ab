/** Tests of `siegel map check` on real files. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { UsageError, type Io } from './io.ts'
import { map } from './map.ts'

const TEXTS = {
  transport:
    'partner.example smtp:[mx.partner.example]:2525\n.partner.example error:5.1.2 gone\nx.example discard:\n',
  'client-access': '# peers\n192.0.2.0/24\n  REJECT Not you\n192.0.2.7 OK\n198.51.100.1 DISCARD\n',
  'recipient-access': 'bob@partner.example 450 later\npartner.example OK\n',
}

describe('siegel map check', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'siegel-map-'))
    for (const [name, text] of Object.entries(TEXTS)) await writeFile(join(folder, name), text)
  })
  after(() => rm(folder, { recursive: true }))

  const run = async (...args: string[]) => {
    const out: string[] = []
    const err: string[] = []
    const io: Io = {
      out: (line) => out.push(line),
      err: (line) => err.push(line),
      now: () => 0,
      standardInput: () => Promise.resolve(Buffer.from('')),
    }
    const code = await map(args, io)
    return { code, out, err }
  }
  const check = (kind: keyof typeof TEXTS, key: string, ...rest: string[]) =>
    run('check', '--map', join(folder, kind), '--kind', kind, key, ...rest)

  test('for people: the line, what it says, and what is wrong with the map', async () => {
    const { code, out, err } = await check('client-access', '192.0.2.7')
    assert.equal(code, 0)
    assert.deepEqual(out, [
      '192.0.2.7: found in line 2 (192.0.2.0/24)',
      'refused: 5.7.1 Not you',
      'whoever is not refused here must still be in an address range and prove a tenant',
    ])
    assert.deepEqual(err, [
      'line 4, column 1: warning: unreachable: line 2 takes all these addresses',
      'line 4, column 11: warning: grants-nothing: OK means DUNNO: a map never grants relay, treatment or a tenant',
      'line 5, column 14: error: action-not-possible: DISCARD: a mail that was accepted is never dropped: write REJECT',
    ])
  })

  test('transport says that no line moves the endpoint of a tenant', async () => {
    const { code, out } = await check('transport', 'Bob@Partner.example')
    assert.equal(code, 0)
    assert.deepEqual(out, [
      'Bob@Partner.example: found in line 1 (partner.example)',
      'next hop: [mx.partner.example]:2525',
      "mail to a tenant's own Office 365 endpoint never asks this map: no line moves it",
    ])
    assert.deepEqual((await check('transport', 'bob@a.partner.example')).out[1], 'refused: 5.1.2 gone')
  })

  test('--json: found, not found, at fault', async () => {
    const json = async (...args: Parameters<typeof check>) => {
      const { code, out } = await check(...args, '--json')
      const { status, line, key, action } = JSON.parse(out.join('')) as Record<string, unknown>
      return [code, status, line, key, action]
    }
    assert.deepEqual(await json('recipient-access', 'bob@partner.example'), [
      0,
      'found',
      1,
      'bob@partner.example',
      { kind: 'refuse', code: 450, temporary: true, enhanced: '4.7.1', text: 'later' },
    ])
    assert.deepEqual(await json('recipient-access', 'eve@a.partner.example'), [0, 'found', 2, 'partner.example', { kind: 'dunno' }]) // prettier-ignore
    assert.deepEqual(await json('recipient-access', 'eve@other.example'), [1, 'not-found', null, null, null])
    assert.deepEqual(await json('transport', 'eve@x.example'), [1, 'invalid', 3, 'x.example', null])
    assert.deepEqual(await json('client-access', '198.51.100.1'), [1, 'invalid', 5, '198.51.100.1', null])
  })

  for (const args of [
    [],
    ['show'],
    ['check', '--map', '/dev/null', 'a@b.example'],
    ['check', '--map', '/dev/null', '--kind', 'tls-policy', 'a@b.example'],
    ['check', '--map', '/dev/null', '--kind', 'transport'],
    ['check', '--map', '/dev/null', '--kind', 'transport', 'b.example'],
    ['check', '--map', '/dev/null', '--kind', 'client-access', 'a@b.example'],
    ['check', '--map', '/nonexistent', '--kind', 'transport', 'a@b.example'],
  ])
    test(`wrong call: ${args.join(' ')}`, async () => {
      await assert.rejects(run(...args), UsageError)
    })
})
