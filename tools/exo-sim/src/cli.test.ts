// The command, started as a process: certificates, configuration file, addresses, end by SIGTERM, errors.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'node:test'
import { readConfigFile } from './config-file.ts'
import { Dialogue } from './testing/dialogue.ts'
import { contoso } from './testing/scene.ts'

const CLI = join(import.meta.dirname, 'cli.ts')

test('it writes certificates, runs from a file, prints its addresses and ends at SIGTERM', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'exo-sim-'))
  try {
    const made = spawnSync(process.execPath, [
      CLI,
      'certificates',
      '--out',
      join(folder, 'pki'),
      '--name',
      'gw.contoso.com',
    ])
    assert.equal(made.status, 0, made.stderr.toString())
    const pem = (name: string): { cert: string; key: string } => ({
      cert: `pki/${name}.cert.pem`,
      key: `pki/${name}.key.pem`,
    })
    const file = join(folder, 'sim.json')
    writeFileSync(
      file,
      JSON.stringify({
        exchange: {
          tenants: [contoso()],
          ca: 'pki/ca.pem',
          server: pem('exchange'),
          client: pem('outbound'),
        },
        world: { server: pem('world') },
      }),
    )
    const child = spawn(process.execPath, [CLI, '--config', file, '--events'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines: Record<string, unknown>[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(JSON.parse(line) as Record<string, unknown>) // the command's own output
      if (lines.at(-1)?.['ready'] === true) break
    }
    const [exchange, world] = lines
    assert.equal(exchange?.['service'], 'exchange')
    assert.equal(world?.['service'], 'world')
    const { dialogue, banner } = await Dialogue.open({ host: '127.0.0.1', port: Number(exchange['port']) })
    assert.match(banner, /^220 AMS0EPF/)
    dialogue.close()
    child.kill('SIGTERM')
    assert.deepEqual(await once(child, 'exit'), [0, null])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('it runs a script in a tenant and ends with its exit code', () => {
  const folder = mkdtempSync(join(tmpdir(), 'exo-sim-'))
  try {
    assert.equal(spawnSync(process.execPath, [CLI, 'certificates', '--out', folder]).status, 0)
    const pair = { cert: 'exchange.cert.pem', key: 'exchange.key.pem' }
    const config = { exchange: { tenants: [contoso()], ca: 'ca.pem', server: pair } }
    writeFileSync(join(folder, 'sim.json'), JSON.stringify(config))
    const script = 'param([string]$Name, [switch]$Hard)\nGet-OutboundConnector | ForEach-Object Name\n"$Name $Hard"\nWrite-Warning w\nGet-TransportRule nope\nexit 7' // prettier-ignore
    writeFileSync(join(folder, 'a.ps1'), script)
    const args = [
      '--config',
      join(folder, 'sim.json'),
      '--tenant',
      contoso().id,
      '--script',
      join(folder, 'a.ps1'),
    ]
    const ran = spawnSync(process.execPath, [CLI, ...args, '--argument', 'Name=x=y', '--argument', 'Hard'])
    assert.equal(ran.status, 7, ran.stderr.toString())
    assert.match(ran.stdout.toString(), /"ready":true.*\nTo gateway\nx=y True\n$/)
    assert.match(
      ran.stderr.toString(),
      /^WARNING: w\nAt line:5 char:1: Get-TransportRule: The operation couldn't/,
    )
    assert.equal(spawnSync(process.execPath, [CLI, '--config', 'x', '--script', 'y']).status, 2)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('wrong use and a wrong file are said, with status 2', () => {
  const folder = mkdtempSync(join(tmpdir(), 'exo-sim-'))
  try {
    const file = join(folder, 'bad.json')
    const wrong: [string, RegExp][] = [
      ['{', /JSON/],
      ['[]', /the file must be an object/],
      ['{}', /neither exchange nor world/],
      ['{"exchange": {"tenants": []}, "wrold": {}}', /unknown section wrold/],
      ['{"exchange": {}}', /exchange\.tenants must be a list/],
      ['{"exchange": {"tenants": [], "server": {"cert": 7}}}', /exchange\.ca must be the path of a PEM file/],
      ['{"world": {"server": {"cert": "nowhere.pem", "key": "nowhere.pem"}}}', /ENOENT/],
    ]
    for (const [text, expected] of wrong) {
      writeFileSync(file, text)
      assert.throws(() => readConfigFile(file), expected)
    }
    const { status, stderr } = spawnSync(process.execPath, [CLI, '--config', file])
    assert.equal(status, 2)
    assert.match(stderr.toString(), /ENOENT/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
