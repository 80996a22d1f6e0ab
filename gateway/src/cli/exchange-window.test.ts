// Opening and closing the window for connector validation on a real store: what is written, for how long, and what is refused.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { stringify } from 'yaml'
import { tenantSpecOf } from '../config/testkit.ts'
import { main } from './main.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'siegel-window-'))
  await writeFile(join(folder, 'master.key'), randomBytes(32))
  await writeFile(
    join(folder, 'siegel.yaml'),
    'fqdn: gw.contoso.com\nmasterKey: file:master.key\ndataFolder: data\n',
  )
  const tenants = ['contoso', 'fabrikam'].map((name, index) =>
    stringify({ apiVersion: 'siegel/v1', kind: 'Tenant', name, spec: tenantSpecOf(`${name}.com`, index) }),
  )
  await writeFile(join(folder, 'objects.yaml'), tenants.join('---\n'))
  assert.equal((await run('apply', '-f', join(folder, 'objects.yaml'))).code, 0)
})
after(() => rm(folder, { recursive: true }))

const NOW = Date.UTC(2026, 10, 24, 12)

async function run(...argv: string[]) {
  const out: string[] = []
  const err: string[] = []
  const io = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    now: () => NOW,
    standardInput: () => Promise.resolve(Buffer.alloc(0)),
  }
  const code = await main([...argv, '--config', join(folder, 'siegel.yaml')], io)
  return { code, out: out.join('\n'), err: err.join('\n') }
}

test('a window is opened for an hour, replaced and closed; nothing else of the tenant changes', async () => {
  const before = (await run('export')).out
  const opened = await run('exchange', 'window', 'open', '--tenant', 'contoso', '--to', 'a@contoso.com')
  assert.deepEqual([opened.code, opened.err], [0, ''])
  assert.match(opened.out, /^contoso: open until 2026-11-24T13:00:00\.000Z .* to a@contoso\.com$/)
  await run(
    'exchange',
    'window',
    'open',
    '--tenant',
    'contoso',
    '--to',
    'b@x.example',
    '--to',
    'c@contoso.com',
  )
  const open = (await run('export')).out
  assert.match(
    open,
    /validation:\n +openedAt: \S*2026-11-24T12:00:00\.000Z\S*\n +recipients:\n +- b@x\.example\n +- c@contoso\.com\n/,
  )
  const closed = await run('exchange', 'window', 'close', '--tenant', 'contoso')
  assert.deepEqual([closed.code, closed.out], [0, 'contoso: closed'])
  const sealed = /sealed:\S+|siegel-sealed\S*/g
  assert.equal((await run('export')).out.replaceAll(sealed, ''), before.replaceAll(sealed, ''))
})

test('the status says of each tenant whether its window is open, until when and to whom, and that nothing was validated', async () => {
  await run('exchange', 'window', 'open', '--tenant', 'fabrikam', '--to', 'a@fabrikam.com')
  const status = await run('exchange', 'window', 'status', '--language', 'en')
  assert.deepEqual(status, {
    code: 1,
    out: [
      'contoso: closed',
      'contoso: not validated yet',
      'fabrikam: open until 2026-11-24T13:00:00.000Z to a@fabrikam.com',
      'fabrikam: not validated yet',
    ].join('\n'),
    err: '',
  })
  const german = await run('exchange', 'window', 'status', '--tenant', 'fabrikam', '--language', 'de')
  assert.match(
    german.out,
    /^fabrikam: offen bis 2026-11-24T13:00:00\.000Z an a@fabrikam\.com\nfabrikam: noch nicht/,
  )
  const json = await run('exchange', 'window', 'status', '--tenant', 'contoso', '--json')
  assert.deepEqual(JSON.parse(json.out), [{ tenant: 'contoso', open: null, validated: null }])
  await run('exchange', 'window', 'close', '--tenant', 'fabrikam')
  const strange = await run('exchange', 'window', 'status', '--tenant', 'nobody')
  assert.deepEqual([strange.code, /no usable tenant "nobody"/.test(strange.err)], [2, true])
})

test('a window without a tenant, without an address or with too many is refused with what to do', async () => {
  for (const [args, words] of [
    [['open', '--to', 'a@contoso.com'], /which tenant\? --tenant contoso or fabrikam/],
    [['open', '--to', 'a@contoso.com', '--tenant', 'nobody'], /there is no tenant "nobody"/],
    [['open', '--tenant', 'contoso'], /--to ADDRESS, at most five/],
    [['open', '--tenant', 'contoso', '--to', 'no address'], /validation\.recipients\.0/],
    [
      ['open', '--tenant', 'contoso', ...'abcdef'.split('').flatMap((c) => ['--to', `${c}@contoso.com`])],
      /validation\.recipients/,
    ],
    [['shut'], /siegel exchange window open/],
  ] as const) {
    const refused = await run('exchange', 'window', ...args)
    assert.equal(refused.code, 2)
    assert.match(refused.err, words)
  }
})
