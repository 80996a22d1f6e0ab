// Opening and closing the window for connector validation on a real store: what is written, for how long, and what is refused.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { tenantSpecOf } from '../config/testkit.ts'
import { Installation } from './testing/installation.ts'

let installation: Installation
before(async () => {
  const tenants = ['contoso', 'fabrikam'].map((name, index) => ({
    ...{ kind: 'Tenant', name },
    spec: tenantSpecOf(`${name}.com`, index),
  }))
  installation = await Installation.make(tenants, '', () => NOW)
})
after(() => installation.remove())
const run = (...argv: string[]) => installation.run(...argv)

const NOW = Date.UTC(2026, 10, 24, 12)

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
