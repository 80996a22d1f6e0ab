// The dispatcher: help, version, wrong calls and their exit codes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandReference } from './help.ts'
import type { ExitCode, Io } from './io.ts'
import { main } from './main.ts'
import { VERBS } from './verbs.ts'

async function run(...argv: string[]): Promise<{ code: ExitCode; out: string; err: string }> {
  const out: string[] = []
  const err: string[] = []
  const io: Io = {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    now: () => 0,
    standardInput: () => Promise.resolve(Buffer.alloc(0)),
  }
  const code = await main(argv, io)
  return { code, out: out.join('\n'), err: err.join('\n') }
}

test('help lists every verb, and every verb has help in all ways to ask for it', async () => {
  const { code, out, err } = await run('help')
  assert.equal(code, 0)
  assert.equal(err, '')
  for (const { name, forms } of VERBS) {
    assert.match(out, new RegExp(`^ {2}${name} `, 'm'))
    for (const argv of [
      ['help', name],
      [name, '--help'],
      [name, 'x', '-h'],
    ]) {
      const help = await run(...argv)
      assert.equal(help.code, 0)
      for (const form of forms) assert.ok(help.out.includes(`siegel ${form}`), form)
    }
  }
  assert.deepEqual(await run('--help'), await run('help'))
})

test('the forms of the design are offered', () => {
  const forms = VERBS.flatMap((verb) => verb.forms).join('\n')
  for (const start of [
    'serve [--config FILE]', 'demo [--keep]', 'smime verify ', 'smime decrypt ', 'smime sign ', 'smime encrypt ', 'cert path ',
    'cert ocsp ', 'cert p12 ', 'mime tree ', 'tls-policy check --map FILE DESTINATION', 'map check --map FILE --kind ', 'trace show ID', 'trace find ',
    'apply -f FILE [--dry-run] [--prune]', 'export',
  ]) assert.ok(forms.includes(start), start) // prettier-ignore
})

test('the version is that of the package', async () => {
  for (const word of ['version', '--version']) assert.match((await run(word)).out, /^[0-9]+\.[0-9]+\.[0-9]+/)
})

test('a wrong call is told on standard error, with exit code 2', async () => {
  const calls: [string[], RegExp][] = [
    [[], /^siegel: which verb\? siegel help lists them$/],
    [['swear'], /^siegel: there is no verb "swear"/],
    [['constructor'], /^siegel: there is no verb/],
    [['help', 'swear'], /^siegel: there is no verb "swear"/],
    [['swear', '--help'], /^siegel: there is no verb "swear"/],
    [['demo'], /run by the command siegel at the root/],
    [['apply'], /^siegel: which file\?/],
    [['apply', '-f', '/does/not/exist.yaml'], /^siegel: cannot read \/does\/not\/exist\.yaml: ENOENT$/],
    [['apply', '--dryrun'], /^siegel: Unknown option '--dryrun'/],
    [['export', 'x'], /^siegel: too many arguments: "x"$/],
    [
      ['export', '--config', '/does/not/exist.yaml'],
      /^siegel: \/does\/not\/exist\.yaml: there is no such file/,
    ],
    [['trace'], /^siegel: siegel trace show ID/],
    [['trace', 'show'], /^siegel: which mail\?/],
    [['trace', 'show', 'X', '--lang', 'fr'], /^siegel: --lang must be de or en$/],
    [['trace', 'find', '--since', 'yesterday'], /^siegel: --since must be a time/],
    [['trace', 'find', '--limit', '0'], /^siegel: --limit must be 1 to 1000$/],
  ]
  for (const [argv, expected] of calls) {
    const { code, out, err } = await run(...argv)
    assert.match(err, expected, argv.join(' '))
    assert.equal(out, '')
    assert.equal(code, 2)
  }
})

test('the generated page has a part for every verb', () => {
  const page = commandReference()
  for (const { name, forms } of VERBS) {
    assert.ok(page.includes(`\n## ${name}\n`))
    for (const form of forms) assert.ok(page.includes(form))
  }
})
