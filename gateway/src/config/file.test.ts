// siegel.yaml and the environment: defaults, what wins, and where a fault is said to be.
import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { environmentSettings } from './environment.ts'
import { loadStartConfig, type StartConfig } from './file.ts'
import { ConfigError } from './problem.ts'
import { parseDuration, parseHostTargets } from './start-schema.ts'

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex')
let folder = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'siegel-config-'))
  await mkdir(join(folder, 'etc'))
  await writeFile(join(folder, 'etc', 'master.key'), KEY, { mode: 0o600 })
})
after(() => rm(folder, { recursive: true }))

async function load(yaml: string | null, environment: Record<string, string> = {}): Promise<StartConfig> {
  if (yaml !== null) await writeFile(join(folder, 'etc', 'siegel.yaml'), yaml)
  return loadStartConfig({
    file: yaml === null ? null : 'etc/siegel.yaml',
    environment,
    workingFolder: folder,
  })
}

async function faults(yaml: string | null, environment: Record<string, string> = {}): Promise<string[]> {
  try {
    await load(yaml, environment)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.message.split('\n')
  }
  return assert.fail('was accepted')
}

const LEAST = 'fqdn: smime.contoso.com\nmasterKey: file:master.key\n'

test('the least file is enough; defaults are those of the design', async () => {
  const config = await load(LEAST)
  const {
    file,
    fqdn,
    listeners,
    dataFolder,
    database,
    masterKey,
    hosts,
    logLevel,

    queue,
    limits,
    warnings,
  } = config
  assert.deepEqual(masterKey, KEY)
  assert.deepEqual([...hosts], [])
  assert.deepEqual(
    { file, fqdn, listeners, dataFolder, database, logLevel, warnings },
    {
      file: 'etc/siegel.yaml',
      fqdn: 'smime.contoso.com',
      listeners: [{ address: '0.0.0.0', port: 25 }],
      dataFolder: '/var/lib/siegel',
      database: 'sqlite',
      logLevel: 'info',
      warnings: [],
    },
  )
  assert.equal(queue.lifetime, 5 * 86_400_000)
  assert.equal(queue.delayNoticeAfter, 4 * 3_600_000)
  assert.equal(limits.messageSize, 157_286_400)
  assert.equal(limits.recipients, 1000)
})

test('everything can be set in the file; paths start at its folder', async () => {
  const config = await load(`${LEAST}
listeners:
  - { address: 127.0.0.1, port: 0 }
  - { address: "::1" }
dataFolder: data
hosts:
  contoso.mail.protection.outlook.com: 127.0.0.1:2525
  other.example: "[::1]:25"
  third.example: ::1 10.0.0.1:25
logLevel: debug
queue: { lifetime: 2h }
limits: { messageSize: 1000 }
`)
  assert.equal(config.dataFolder, join(folder, 'etc', 'data'))
  assert.deepEqual(config.listeners, [
    { address: '127.0.0.1', port: 0 },
    { address: '::1', port: 25 },
  ])
  assert.deepEqual(config.hosts.get('contoso.mail.protection.outlook.com'), ['127.0.0.1:2525'])
  assert.deepEqual(config.hosts.get('other.example'), ['[::1]:25'])
  assert.deepEqual(config.hosts.get('third.example'), ['::1', '10.0.0.1:25'])
  assert.equal(config.queue.lifetime, 7_200_000)
  assert.equal(config.queue.delayNoticeAfter, 4 * 3_600_000)
  assert.equal(config.limits.messageSize, 1000)
})

test('the environment wins over the file and is enough alone; its paths start at the working folder', async () => {
  const environment = {
    SIEGEL_FQDN: 'Other.Contoso.com',
    SIEGEL_MASTER_KEY: 'env:THE_KEY',
    THE_KEY: KEY.toString('base64'),
    SIEGEL_LISTENERS: '127.0.0.1:0, [::1]:2525',
    SIEGEL_HOSTS: 'a.example=127.0.0.1:25,b.example=10.0.0.1',
    SIEGEL_DNS_SERVERS: '127.0.0.1:53,[::1]:5353, 10.0.0.1',
    SIEGEL_DATA_FOLDER: 'here',
    SIEGEL_QUEUE_LIFETIME: '90s',
    SIEGEL_LIMITS_RECIPIENTS: '7',
  }
  for (const yaml of [null, `${LEAST}queue: { lifetime: 1h, retryFirst: 5s }\n`]) {
    const config = await load(yaml, environment)
    assert.equal(config.fqdn, 'other.contoso.com')
    assert.deepEqual(config.masterKey, KEY)
    assert.deepEqual(config.listeners, [
      { address: '127.0.0.1', port: 0 },
      { address: '::1', port: 2525 },
    ])
    assert.deepEqual(config.hosts.get('a.example'), ['127.0.0.1:25'])
    assert.deepEqual(config.dns.servers, [{ address: '127.0.0.1', port: 53 }, { address: '::1', port: 5353 }, { address: '10.0.0.1', port: 53 }]) // prettier-ignore
    assert.equal(config.dataFolder, join(folder, 'here'))
    assert.equal(config.queue.lifetime, 90_000)
    assert.equal(config.queue.retryFirst, yaml === null ? 60_000 : 5000)
    assert.equal(config.limits.recipients, 7)
  }
})

test('faults are told with file, line and field, or with the variable', async () => {
  const cases: [string | null, Record<string, string>, RegExp][] = [
    [`${LEAST}\nlisteners:\n  - address: 127.0.0.1\n    port: 70000\n`, {}, /^etc\/siegel\.yaml:6: listeners\.0\.port: .*65535.* \(invalid-value\)$/],
    [`${LEAST}datafolder: x\n`, {}, /^etc\/siegel\.yaml:3: datafolder: is not a known field \(unknown-field\)$/],
    [`${LEAST}queue:\n  lifetme: 5d\n`, {}, /^etc\/siegel\.yaml:4: queue\.lifetme: is not a known field/],
    [`${LEAST}queue: { lifetime: 5 days }\n`, {}, /queue\.lifetime: must be a duration/],
    [`${LEAST}queue: { lifetime: 0s }\n`, {}, /queue\.lifetime: must be a duration/],
    ['masterKey: file:master.key\n', {}, /^etc\/siegel\.yaml:1: fqdn: is required \(missing-field\)$/],
    ['fqdn: a.b\nmasterKey: hunter2\n', {}, /^etc\/siegel\.yaml:2: masterKey: must be a reference/],
    ['fqdn: a.b\nmasterKey: file:none.key\n', {}, /^etc\/siegel\.yaml:2: masterKey: cannot read .*none\.key: ENOENT \(reference-unreadable\)$/],
    ['fqdn: a.b\nmasterKey: env:NOT_SET\n', {}, /^etc\/siegel\.yaml:2: masterKey: the environment variable NOT_SET is not set \(reference-unset\)$/],
    ['fqdn: a.b\nmasterKey: env:SHORT\n', { SHORT: 'hunter2' }, /^etc\/siegel\.yaml:2: masterKey: the key must be 32 octets/],
    ['fqdn: a.b\nmasterKey: env:ZERO\n', { ZERO: '0'.repeat(64) }, /masterKey: the key must be 32 octets/],
    [`${LEAST}hosts: { A.example: 1.2.3.4 }\n`, {}, /hosts/],
    [`${LEAST}hosts: { a.example: 1.2.3.4:99999 }\n`, {}, /hosts\.a\.example: must be an address/],
    [LEAST, { SIEGEL_LIMITS_RECIPIENTS: 'many' }, /^SIEGEL_LIMITS_RECIPIENTS: must be a number \(invalid-value\)$/],
    [LEAST, { SIEGEL_LISTENERS: 'localhost:25' }, /^SIEGEL_LISTENERS: must be an IPv4 or IPv6 address/],
    [LEAST, { SIEGEL_DNS_SERVERS: 'dns.example' }, /^SIEGEL_DNS_SERVERS: must be an IPv4 or IPv6 address/],
    [LEAST, { SIEGEL_HOSTS: 'a.example' }, /^SIEGEL_HOSTS: must be an address/],
    ['- a\n- b\n', {}, /must be a list of fields/],
    [`${LEAST}---\nfqdn: c.d\n`, {}, /must hold one document/],
  ] // prettier-ignore
  for (const [yaml, environment, expected] of cases)
    assert.match((await faults(yaml, environment))[0] ?? '', expected)
})

test('no complaint shows a secret', async () => {
  for (const text of await faults('fqdn: a.b\nmasterKey: env:SHORT\n', { SHORT: 'hunter2' }))
    assert.ok(!text.includes('hunter2'))
  for (const text of await faults('fqdn: a.b\nmasterKey: hunter2\n')) assert.ok(!text.includes('hunter2'))
})

test('a file that was named must exist; without one the usual places are told', async () => {
  const sources = { environment: {}, workingFolder: join(folder, 'nowhere') }
  await assert.rejects(
    loadStartConfig({ ...sources, file: 'x.yaml' }),
    /x\.yaml: there is no such file: name the configuration with --config FILE/,
  )
  await assert.rejects(
    loadStartConfig({ ...sources, file: null, environment: { SIEGEL_CONFIG: 'y.yaml' } }),
    /y\.yaml: there is no such file/,
  )
})

test("a variable that is no setting is a warning: it may be somebody else's", async () => {
  const config = await load(LEAST, { SIEGEL_SERVICE_HOST: '10.0.0.1', SIEGEL_QUEUE_LIFETIME: '' })
  assert.deepEqual(config.warnings, ['the environment variable SIEGEL_SERVICE_HOST is not a setting'])
})

test('a master key that every account can read is a warning', async () => {
  const key = join(folder, 'etc', 'master.key')
  for (const [mode, warnings] of [
    [0o644, 1],
    [0o640, 0],
    [0o600, 0],
  ] as const) {
    await chmod(key, mode)
    assert.equal((await load(LEAST)).warnings.length, warnings, mode.toString(8))
  }
})

test('every setting has a variable of its own', () => {
  const names = environmentSettings().map((setting) => setting.variable)
  assert.equal(new Set(names).size, names.length)
  assert.ok(names.includes('SIEGEL_LIMITS_CONNECTIONS_PER_ADDRESS'))
})

test('durations and host targets', () => {
  const durations: [string, number | null][] = [['90s', 90_000], ['500ms', 500], ['4h', 14_400_000], ['5d', 432_000_000], ['', null], ['5', null], ['5w', null], ['-5s', null], ['1.5h', null]] // prettier-ignore
  for (const [text, expected] of durations) assert.equal(parseDuration(text), expected, text)
  for (const text of [
    '',
    ' ',
    'a.b:25',
    '1.2.3.4 x',
    '1.2.3.4:',
    '1.2.3.4:0',
    '[1.2.3.4',
    '::1:25:x',
    '[::1]',
  ])
    assert.equal(parseHostTargets(text), null, text)
})
