/** Tests of `siegel tls-policy check` on real files. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { UsageError, type Io } from './io.ts'
import { tlsPolicy } from './tls-policy.ts'

const ROUTE = '[contoso-com.mail.protection.outlook.com]:25'

describe('siegel tls-policy check', () => {
  let folder = ''
  let map = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'siegel-tls-policy-'))
    map = join(folder, 'tls-policy')
    await writeFile(
      map,
      `# map\n${ROUTE} verify match=mail.protection.outlook.com\n[a.example] verfy\n[b.example]:25 encrypt\nb.example may\nb.example none\n`,
    )
  })
  after(() => rm(folder, { recursive: true }))

  const run = async (...args: string[]) => {
    const out: string[] = []
    const err: string[] = []
    const io: Io = {
      out: (line) => out.push(line),
      err: (line) => err.push(line),
      now: () => 0,
      standardInput: () => Promise.resolve(Buffer.from('x.example secure\n')),
    }
    const code = await tlsPolicy(args, io)
    return { code, out, err }
  }
  const json = async (...args: string[]) => {
    const { code, out } = await run('check', ...args, '--json')
    return { code, result: JSON.parse(out.join('\n')) as Record<string, unknown> }
  }

  test('the line of the how-to is found, with its number', async () => {
    const { code, result } = await json('--map', map, ROUTE)
    assert.equal(code, 0)
    assert.deepEqual(
      [result['status'], result['key'], result['line'], result['level'], result['match'], result['findings']],
      ['found', ROUTE, 2, 'verify', ['mail.protection.outlook.com'], []],
    )
  })

  test('no line: exit 1, and for Office 365 the floor is what applies', async () => {
    const { code, result } = await json('--map', map, '[fabrikam-com.mail.protection.outlook.com]:25')
    assert.equal(code, 1)
    assert.equal(result['status'], 'not-found')
    assert.equal((result['effective'] as { level: string }).level, 'verify')
  })

  test('a broken line: exit 1, and without a floor nothing is sent', async () => {
    const { code, result } = await json('--map', map, '[a.example]')
    assert.equal(code, 1)
    assert.deepEqual([result['status'], result['line'], result['effective']], ['invalid', 3, null])
    assert.deepEqual(result['findings'], [
      { code: 'policy-invalid', line: 3, column: 13, detail: 'unknown-level: verfy' },
    ])
  })

  test('for people: lines with what applies and what is wrong', async () => {
    const { code, out, err } = await run('check', `--map=${map}`, '[b.example]:25')
    assert.equal(code, 0)
    assert.deepEqual(out, [
      '[b.example]:25: found in line 4 ([b.example]:25)',
      'effective: encrypt',
      '  encrypt',
    ])
    assert.deepEqual(err, [
      'line 3, column 13: warning: policy-invalid: unknown-level: verfy',
      'line 4, column 16: warning: weak-level: encrypt: whoever stands between can present any certificate',
      'line 5, column 11: warning: weak-level: may: mail may go out in clear',
      'line 6, column 1: warning: duplicate-key: line 5 has this key and applies',
    ])
  })

  test('the map from standard input', async () => {
    const { code, result } = await json('--map', '-', 'x.example')
    assert.deepEqual([code, result['match']], [0, ['nexthop', 'dot-nexthop']])
  })

  for (const args of [
    [],
    ['show'],
    ['check'],
    ['check', ROUTE],
    ['check', '--map', '/dev/null'],
    ['check', '--map', '/dev/null', 'a', 'b'],
    ['check', '--mop', 'x', 'a'],
    ['check', '--map', '/dev/null', 'a b'],
    ['check', '--map', '/nonexistent', 'a'],
  ])
    test(`wrong call: ${args.join(' ')}`, async () => {
      await assert.rejects(run(...args), UsageError)
    })
})
