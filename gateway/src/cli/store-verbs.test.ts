// apply, export and trace on a real store: the round trip, dry runs, and what a stored mail's trace looks like.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { stringify } from 'yaml'
import { makeCertificate, makePkcs12, secretNumber, tenantSpecOf } from '../config/testkit.ts'
import { newMailId } from '../mail/id.ts'
import type { ReceivedMail } from '../mail/message.ts'
import { openStore } from '../store/index.ts'
import { changeOf, settlementOf } from '../store/testing/fixture.ts'
import type { ExitCode } from './io.ts'
import { main } from './main.ts'

const ca = makeCertificate('Test CA', { ca: true })
const alice = makeCertificate('Alice', { emails: ['alice@contoso.com'] }, ca)
const bob = makeCertificate('Bob', { emails: ['bob@partner.example'] }, ca)
const server = makeCertificate('gateway', { dnsNames: ['smime.contoso.com', 'smime.fabrikam.com'] }, ca)
const masterKey = randomBytes(32)
let folder = ''
let dataFolder = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'siegel-verbs-'))
  dataFolder = join(folder, 'data')
  await writeFile(join(folder, 'master.key'), masterKey)
  await writeFile(
    join(folder, 'siegel.yaml'),
    'fqdn: smime.contoso.com\nmasterKey: file:master.key\ndataFolder: data\n',
  )
  await writeFile(join(folder, 'alice.p12'), makePkcs12(alice, [ca], 'geheim'))
  await writeFile(join(folder, 'objects.yaml'), OBJECTS)
})
after(() => rm(folder, { recursive: true }))

const OBJECTS = [
  { kind: 'Tenant', name: 'contoso', spec: tenantSpecOf('contoso.com', 0) },
  { kind: 'Tenant', name: 'fabrikam', spec: tenantSpecOf('fabrikam.com', 1) },
  { kind: 'ServerCertificate', name: 'gateway', spec: { chain: server.pem, key: server.keyPem } },
  { kind: 'AddressRange', name: 'lab', spec: { cidrs: ['127.0.0.1'] } },
  {
    kind: 'Map',
    name: 'tls-policy',
    spec: { text: '[contoso-com.mail.protection.outlook.com]:25 verify match=mail.protection.outlook.com\n' },
  },
  {
    kind: 'Credential',
    tenant: 'contoso',
    name: 'alice',
    spec: { pkcs12: 'file:alice.p12', password: 'geheim' },
  },
  { kind: 'PartnerCertificate', tenant: 'contoso', name: 'bob', spec: { certificate: bob.pem } },
  { kind: 'MailAnchor', tenant: 'contoso', name: 'ca', spec: { certificate: ca.pem } },
]
  .map((one) => stringify({ apiVersion: 'siegel/v1', ...one }))
  .join('---\n')

async function run(...argv: string[]): Promise<{ code: ExitCode; out: string; err: string }> {
  const out: string[] = []
  const err: string[] = []
  const io = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    now: Date.now,
    standardInput: () => readFile(join(folder, 'input')),
  }
  const code = await main([...argv, '--config', join(folder, 'siegel.yaml')], io)
  return { code, out: out.join('\n'), err: err.join('\n') }
}

const file = () => join(folder, 'objects.yaml')

test('a dry run prints the difference and writes nothing, apply writes it, the second time there is nothing to do', async () => {
  const dry = await run('apply', '-f', file(), '--dry-run')
  assert.deepEqual({ code: dry.code, err: dry.err }, { code: 0, err: '' })
  assert.match(dry.out, /^\+ Tenant contoso$/m)
  assert.match(dry.out, /^ {4}secretHeader\.outbound\.0: secret added$/m)
  assert.match(dry.out, /not applied \(dry run\)$/)
  assert.ok(!dry.out.includes(secretNumber(0).secret))

  const first = await run('apply', '-f', file())
  assert.deepEqual({ code: first.code, err: first.err }, { code: 0, err: '' })
  const version = /applied \(version (\d+)\)$/.exec(first.out)?.[1]
  assert.ok(version !== undefined, first.out)

  const again = await run('apply', '-f', file(), '--prune')
  assert.equal(again.out, `nothing to do (version ${version})`)
})

test('of two applies at once the one that worked from an old version writes nothing, exits with 1 and says to repeat', async () => {
  const partner = { kind: 'PartnerCertificate', tenant: 'contoso', name: 'late' }
  const late = { apiVersion: 'siegel/v1', ...partner, spec: { certificate: 'file:pipe' } }
  const quick = {
    apiVersion: 'siegel/v1',
    kind: 'AddressRange',
    name: 'quick',
    spec: { cidrs: ['10.0.0.1'] },
  }
  const pem = makeCertificate('Late', { emails: ['late@partner.example'] }, ca).pem
  await writeFile(join(folder, 'late.yaml'), stringify(late))
  await writeFile(join(folder, 'quick.yaml'), stringify(quick))
  // A pipe stops the first apply between reading the configuration and writing it.
  execFileSync('mkfifo', [join(folder, 'pipe')])
  const first = run('apply', '-f', join(folder, 'late.yaml'))
  const pipe = await open(join(folder, 'pipe'), 'w')
  assert.equal((await run('apply', '-f', join(folder, 'quick.yaml'))).code, 0)
  await pipe.write(pem)
  await pipe.close()
  const { code, out, err } = await first
  assert.deepEqual([code, out], [1, ''])
  assert.match(err, /changed the configuration meanwhile; nothing was written/)
  assert.match(err, /apply again/)
  const { out: exported } = await run('export')
  assert.ok(exported.includes('name: quick') && !exported.includes('name: late'))
  await writeFile(join(folder, 'late.yaml'), stringify({ ...late, spec: { certificate: pem } }))
  assert.equal((await run('apply', '-f', join(folder, 'late.yaml'))).code, 0)
})

test('an export applied to the same installation is nothing to do, from standard input too', async () => {
  const exported = await run('export')
  assert.deepEqual({ code: exported.code, err: exported.err }, { code: 0, err: '' })
  for (const secret of [secretNumber(0).secret, 'PRIVATE KEY', 'geheim'])
    assert.ok(!exported.out.includes(secret))
  await writeFile(join(folder, 'input'), exported.out)
  const applied = await run('apply', '-f', '-', '--prune')
  assert.match(applied.out, /^nothing to do \(version \d+\)$/)
})

test('the keyring of the tenant, and of no other, holds what was applied', async () => {
  const store = await openStore({ dataFolder, masterKey })
  try {
    const { tenants } = await store.config.read()
    const id = tenants.get('contoso')?.id ?? ''
    const [own] = await store.forTenant(id).credentials.byAddress('own', 'alice@contoso.com')
    assert.ok(own !== undefined)
    assert.equal(own.fingerprint, alice.certificate.fingerprint)
    const key = await store.forTenant(id).credentials.privateKey(own.id)
    assert.deepEqual(key, alice.key.export({ type: 'pkcs8', format: 'der' }))
    const [partner] = await store.forTenant(id).credentials.byAddress('partner', 'bob@partner.example')
    assert.equal(partner?.fingerprint, bob.certificate.fingerprint)
    const other = store.forTenant(tenants.get('fabrikam')?.id ?? '').credentials
    assert.deepEqual(await other.byAddress('own', 'alice@contoso.com'), [])
  } finally {
    await store.close()
  }
})

test('no secret stands in any file of the data folder', async () => {
  const needles = [secretNumber(0).secret, secretNumber(0).word, alice.keyPem.split('\n')[1] ?? '', 'geheim']
  const der = alice.key.export({ type: 'pkcs8', format: 'der' })
  for (const entry of await readdir(dataFolder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const bytes = await readFile(join(entry.parentPath, entry.name))
    assert.equal(bytes.indexOf(der), -1, entry.name)
    for (const needle of needles) assert.equal(bytes.indexOf(needle), -1, entry.name)
  }
})

test('a change is written alone and as JSON; a fault changes nothing', async () => {
  const changed = OBJECTS.replace('127.0.0.1', '127.0.0.0/8')
  await writeFile(join(folder, 'changed.yaml'), changed)
  const result = JSON.parse((await run('apply', '-f', join(folder, 'changed.yaml'), '--json')).out) as Record<
    string,
    unknown
  >
  assert.deepEqual(result['differences'], [
    {
      action: 'update',
      kind: 'AddressRange',
      tenant: null,
      name: 'lab',
      fields: [
        { field: 'cidrs.0', from: '"127.0.0.1"', to: '"127.0.0.0/8"', change: 'changed', secret: false },
      ],
    },
  ])
  await writeFile(
    join(folder, 'wrong.yaml'),
    changed.replace('removeOwnDkim', 'x').replace('route:', 'rout:'),
  )
  const wrong = await run('apply', '-f', join(folder, 'wrong.yaml'))
  assert.equal(wrong.code, 2)
  assert.match(wrong.err, /^siegel: .*wrong\.yaml:\d+: spec\.rout: is not a known field \(unknown-field\)$/m)
  assert.match((await run('apply', '-f', join(folder, 'changed.yaml'))).out, /^nothing to do/)
})

function mailOf(tenantId: string, id: string): ReceivedMail {
  const recipient = { address: 'bob@partner.example', notify: null, originalRecipient: null }
  return {
    id,
    tenantId,
    direction: 'outbound',
    envelope: { sender: 'alice@contoso.com', smtpUtf8: false, body: null, returnContent: null, envelopeId: null, recipients: [recipient] },
    receivedAt: Date.now(),
    receivedField: 'Received: by smime.contoso.com\r\n',
    peer: null,
    body: { size: 2, headerSize: 2, eightBit: false, eightBitHeader: false, bareLineEnds: false, nul: false, longestLine: 0 },
    attribution: null,
    messageId: '<1@contoso.com>',
    networkMessageId: null,
    via: 'DATA',
  } // prettier-ignore
}

test('a mail is found and shown, for people and as JSON', async () => {
  const mailId = newMailId(Date.now())
  const store = await openStore({ dataFolder, masterKey })
  try {
    const { tenants } = await store.config.read()
    const mail = mailOf(tenants.get('contoso')?.id ?? '', mailId)
    const body = store.bodies.create({ tenantId: mail.tenantId, mailId, copy: 0 })
    await body.write(Buffer.from('\r\n'))
    await body.finish()
    const event = { at: Date.now(), code: 'received', delivery: null, arguments: { size: 2, via: 'DATA', peer: { address: '127.0.0.1', helo: 'exo' } } } // prettier-ignore
    await store.queue.accept({ mail, expiresAt: Date.now() + 1000, owner: null, trace: [event] })
  } finally {
    await store.close()
  }
  const shown = await run('trace', 'show', mailId.toLowerCase(), '--lang', 'de')
  assert.equal(shown.code, 0, shown.err)
  assert.match(shown.out, /^ {2}Mandant: contoso, Richtung: outbound$/m)
  assert.match(shown.out, /empfangen von 127\.0\.0\.1 \(exo\), 2 Oktette per DATA$/m)
  const json = JSON.parse((await run('trace', 'show', mailId, '--json')).out) as Record<string, unknown>
  assert.equal(json['tenant'], 'contoso')
  assert.equal((json['events'] as { code: string }[])[0]?.code, 'received')

  for (const filter of [
    [],
    ['--message-id', '1@contoso.com'],
    ['--from', 'alice@contoso.com'],
    ['--to', 'bob@partner.example'],
    ['--since', '1h'],
  ]) {
    const found = JSON.parse((await run('trace', 'find', ...filter, '--json')).out) as { mailId: string }[]
    assert.deepEqual(found.map((mail) => mail.mailId), [mailId], filter.join(' ')) // prettier-ignore
  }
  assert.match(
    (await run('trace', 'find')).out,
    new RegExp(`^${mailId} .* alice@contoso\\.com -> bob@partner\\.example \\(waiting\\)$`),
  )
  for (const filter of [
    ['--from', 'eve@contoso.com'],
    ['--tenant', 'fabrikam'],
    ['--since', '2999-01-01'],
  ])
    assert.deepEqual(await run('trace', 'find', ...filter, '--json'), { code: 0, out: '[]', err: '' })
  const mistyped = await run('trace', 'find', '--state', 'deferred')
  assert.equal(mistyped.code, 2)
  assert.match(mistyped.err, /--state must be one of waiting, queued, held/)
  assert.deepEqual(await run('trace', 'show', '01KAT0000000000000000000ZZ'), { code: 1, out: '', err: 'siegel: there is no mail 01KAT0000000000000000000ZZ' }) // prettier-ignore
})

test('a wrong master key is told and nothing is opened', async () => {
  await writeFile(join(folder, 'other.key'), randomBytes(32))
  await writeFile(join(folder, 'other.yaml'), 'fqdn: a.b\nmasterKey: file:other.key\ndataFolder: data\n')
  const err: string[] = []
  const io = { out: () => undefined, err: (line: string) => void err.push(line), now: Date.now, standardInput: () => Promise.resolve(Buffer.alloc(0)) } // prettier-ignore
  assert.equal(await main(['export', '--config', join(folder, 'other.yaml')], io), 2)
  assert.match(err.join('\n'), /^siegel: the store: .*master key/)
})

test('an alarm is listed in words until it is cleared', async () => {
  assert.deepEqual(await run('alarm', 'list'), { code: 0, out: '', err: '' })
  const store = await openStore({ dataFolder, masterKey, now: Date.now })
  const { tenants } = await store.config.read()
  const tenant = tenants.get('contoso')?.id ?? ''
  await store.alarms.raise(tenant, {
    code: 'connector-not-attributed',
    subject: 'contoso',
    arguments: { stage: 'rcpt', code: 550 },
  })
  await store.close()
  const listed = await run('alarm', 'list', '--lang', 'en')
  assert.equal(listed.code, 1)
  assert.match(listed.out, /contoso {2}connector-not-attributed {2}contoso\n {4}\S.*\(1 x, /)
  assert.ok(!listed.out.includes('{"'), 'the code has no text')
  assert.equal((await run('alarm', 'list', '--tenant', 'fabrikam')).code, 0)
  assert.equal((await run('alarm', 'clear', 'connector-not-attributed', 'contoso')).code, 1)
  const clear = ['alarm', 'clear', 'connector-not-attributed', 'contoso', '--tenant', 'contoso']
  assert.deepEqual(await run(...clear), { code: 0, out: '', err: '' })
  assert.equal((await run('alarm', 'list')).code, 0)
})

test('held mail is released by its id, and what is not held is not', async () => {
  const mailId = newMailId(Date.now())
  const store = await openStore({ dataFolder, masterKey })
  try {
    const { tenants } = await store.config.read()
    const mail = mailOf(tenants.get('contoso')?.id ?? '', mailId)
    const body = store.bodies.create({ tenantId: mail.tenantId, mailId, copy: 0 })
    await body.write(Buffer.from('\r\n'))
    await body.finish()
    await store.queue.accept({ mail, expiresAt: Date.now() + 100_000, owner: 'w', trace: [] })
    await store.queue.settle(settlementOf(mail, 'w', [changeOf(0, 'held')]))
  } finally {
    await store.close()
  }
  const nobody = await run('queue', 'release', mailId, '--to', 'eve@partner.example')
  assert.equal(nobody.code, 2)
  assert.match(nobody.err, /has no recipient/)
  assert.deepEqual(await run('queue', 'release', mailId.toLowerCase()), {
    ...{ code: 0, out: `${mailId}: 1 released`, err: '' },
  })
  assert.equal((await run('queue', 'release', mailId)).code, 1)
  assert.equal((await run('queue', 'release', '0'.repeat(26))).code, 1)
  assert.match(
    (await run('trace', 'show', mailId, '--lang', 'en')).out,
    /released by \S+: tried again at once/,
  )
})
