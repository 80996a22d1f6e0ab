/** Tests of `siegel mime tree` on real files. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { UsageError, type Io } from './io.ts'
import { mime } from './mime.ts'

const MAIL = [
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain; charset="utf-8"',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'Gr=C3=BC=C3=9Fe',
  '--b',
  'Content-Type: message/rfc822',
  'Content-Transfer-Encoding: base64',
  '',
  Buffer.from('Content-Type: text/html\r\n\r\n<p>').toString('base64'),
  '--b--',
  '',
].join('\r\n')

interface Tree {
  type: string
  params: Record<string, string>
  encoding: string
  start: number
  bodyStart: number
  end: number
  parts: Tree[]
  sha256: string
  body?: string
  decoded?: boolean
}

describe('siegel mime tree', () => {
  let folder = ''
  let file = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'siegel-mime-'))
    file = join(folder, 'mail.eml')
    await writeFile(file, MAIL)
  })
  after(() => rm(folder, { recursive: true }))

  const run = async (...args: string[]) => {
    const out: string[] = []
    const err: string[] = []
    const io: Io = {
      out: (line) => out.push(line),
      err: (line) => err.push(line),
      now: () => 0,
      standardInput: () => Promise.resolve(Buffer.from('A: b\n\nfrom stdin')),
    }
    return { code: await mime(args, io), out, err }
  }
  const tree = async (...args: string[]): Promise<Tree> => {
    const { code, out } = await run('tree', ...args, '--json')
    assert.equal(code, 0)
    return JSON.parse(out.join('\n')) as Tree
  }

  test('prints nodes with offsets and hashes of the decoded bodies', async () => {
    const root = await tree(file)
    assert.deepEqual([root.type, root.params, root.encoding], ['multipart/mixed', { boundary: 'b' }, '7bit'])
    assert.deepEqual([root.start, root.bodyStart, root.end], [0, 45, MAIL.length])
    const [text] = root.parts
    assert.ok(text)
    assert.equal(MAIL.slice(text.bodyStart, text.end), 'Gr=C3=BC=C3=9Fe')
    assert.equal(text.sha256, createHash('sha256').update('Grüße').digest('hex'))
    assert.equal(text.body, undefined)
  })

  test('adds bodies on demand', async () => {
    const [text] = (await tree(file, '--bodies')).parts
    assert.equal(Buffer.from(text?.body ?? '', 'base64').toString(), 'Grüße')
  })

  test('opens an encoded message and says that its offsets are its own', async () => {
    const message = (await tree(file, '--bodies')).parts[1]
    assert.equal(message?.decoded, true)
    const [inner] = message.parts
    assert.deepEqual([inner?.type, inner?.start, inner?.bodyStart, inner?.end], ['text/html', 0, 27, 30])
    assert.equal(Buffer.from(inner?.body ?? '', 'base64').toString(), '<p>')
  })

  test('reads standard input', async () => {
    const root = await tree('-', '--bodies')
    assert.equal(Buffer.from(root.body ?? '', 'base64').toString(), 'from stdin')
  })

  test('prints an indented tree for people', async () => {
    const { code, out } = await run('tree', file)
    assert.equal(code, 0)
    assert.deepEqual(
      out.filter((line) => line.includes('/')).map((line) => line.trimEnd()),
      ['multipart/mixed; boundary="b"', '  text/plain; charset="utf-8"', '  message/rfc822', '    text/html'],
    )
    assert.ok(out.some((line) => line.includes('defects: encoded-composite')))
  })

  test('exits with 1 when a limit is exceeded', async () => {
    const deep = join(folder, 'deep.eml')
    await writeFile(deep, 'Content-Type: message/rfc822\n\n'.repeat(200))
    const { code, out, err } = await run('tree', deep, '--json')
    assert.equal(code, 1)
    assert.deepEqual(JSON.parse(out.join('')), { error: 'mime-too-deep' })
    assert.match(err.join(''), /mime-too-deep/)
  })

  test('refuses wrong calls', async () => {
    for (const args of [[], ['tree'], ['trees', file], ['tree', file, file], ['tree', '--x', file]]) {
      await assert.rejects(mime(args, {} as Io), UsageError)
    }
    await assert.rejects(run('tree', join(folder, 'none')), UsageError)
  })
})
