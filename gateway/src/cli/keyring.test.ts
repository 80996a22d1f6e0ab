/** `siegel keyring` on a real installation: import with its report, archives, and everything an operator changes. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { crc32, deflateRawSync } from 'node:zlib'
import { writePem, writePkcs12 } from '@siegel/engine'
import { make, makeRoot } from '../keyring/testing/credentials.ts'
import { Installation } from './testing/installation.ts'

const TENANT = {
  kind: 'Tenant',
  name: 'contoso',
  spec: {
    microsoftTenantId: '5f1c9f2e-7a3b-4f0e-9c53-0d4c4a2f6b11',
    acceptedDomains: ['contoso.com'],
    fqdn: 'smime.contoso.com',
    preset: 'as-documented',
    route: '[contoso-com.mail.protection.outlook.com]:25',
  },
}
const root = makeRoot()
const bob = make('bob', root, { emails: ['bob@partner.example'] })
const carol = make('carol', root, { emails: ['carol@partner.example'] })
const us = make('us', root, { emails: ['us@contoso.com'] })
const pem = (made: typeof bob) => writePem('CERTIFICATE', made.certificate.raw)

interface Member {
  readonly name: string
  readonly bytes: Buffer
  readonly encrypted?: boolean
}

/** A ZIP archive, written here so that hostile ones can be made. */
function zip(members: readonly Member[]): Buffer {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const { name, bytes, encrypted } of members) {
    const packed = deflateRawSync(bytes)
    const head = Buffer.alloc(26)
    head.writeUInt16LE(20, 0)
    head.writeUInt16LE(encrypted === true ? 1 : 0, 2)
    head.writeUInt16LE(8, 4)
    head.writeUInt32LE(crc32(bytes), 10)
    head.writeUInt32LE(packed.length, 14)
    head.writeUInt32LE(bytes.length, 18)
    head.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), head, Buffer.from(name), packed])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(offset, 10)
    central.push(
      Buffer.concat([Buffer.from('PK\u0001\u0002'), Buffer.of(20, 0), head, rest, Buffer.from(name)]),
    )
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(members.length, 4)
  end.writeUInt16LE(members.length, 6)
  end.writeUInt32LE(directory.length, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...locals, directory, Buffer.from('PK\u0005\u0006'), end])
}

describe('siegel keyring', () => {
  let installation: Installation
  const file = (name: string, bytes: Buffer | string) => {
    writeFileSync(installation.path(name), bytes)
    return installation.path(name)
  }
  const run = (...argv: readonly string[]) => installation.run('keyring', ...argv)
  const entries = async (...argv: readonly string[]) => {
    const { out, err } = await run('list', '--json', ...argv)
    assert.equal(err, '')
    return (JSON.parse(out) as { entries: Record<string, unknown>[] }).entries
  }

  before(async () => {
    installation = await Installation.make([TENANT])
  })
  after(() => installation.remove())

  it('imports, and reports line by line in German, as CSV and as JSON', async () => {
    const text = `${pem(bob)}${pem(bob)}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`
    const path = file('partners.pem', text)
    const { code, out } = await run('import', path, '--report', installation.path('r.csv'), '--lang', 'de')
    assert.equal(code, 1)
    const lines = out.split('\n')
    assert.match(lines[0] ?? '', /partners\.pem, line \d+: schon vorhanden, als Eintrag [0-9A-Z]{26}$/)
    assert.match(lines[1] ?? '', /partners\.pem, line \d+: kein lesbares Zertifikat: asn1-malformed$/)
    assert.match(lines[2] ?? '', /3 Einträge: 1 hinzugefügt, 1 schon vorhanden, 1 nicht übernommen$/)
    const csv = readFileSync(installation.path('r.csv'), 'utf8').trim().split('\r\n')
    assert.equal(csv[0], 'file,entry,place,code,detail,text')
    assert.equal(csv.length, 3)
    const again = JSON.parse((await run('import', path, '--json')).out) as {
      files: { added: number; known: number; findings: { code: string; taken: boolean }[] }[]
    }
    assert.deepEqual([again.files[0]?.added, again.files[0]?.known], [0, 2])
    assert.deepEqual(
      again.files[0]?.findings.map(({ code, taken }) => [code, taken]),
      [
        ['certificate-known', true],
        ['certificate-known', true],
        ['certificate-malformed', false],
      ],
    )
  })

  it('takes an own key from PKCS#12 with its password, and does not show it', async () => {
    const p12 = writePkcs12({
      ...{ key: us.key, password: 'geheim', iterations: 2048, macIterations: 2048 },
      certificates: [us.certificate, root.certificate],
    })
    const path = file('us.p12', p12)
    assert.match((await run('import', path)).out, /pkcs12-password/)
    const imported = await run('import', path, '--password-file', file('password', 'geheim\n'))
    assert.equal(imported.code, 0, imported.out)
    const [own] = await entries('--owner', 'own')
    assert.equal(own?.['origin'], 'imported')
    const exported = await run('export', '--out', installation.path('all.pem'))
    assert.equal(exported.code, 0)
    const text = readFileSync(installation.path('all.pem'), 'utf8')
    assert.equal(text.match(/BEGIN CERTIFICATE/g)?.length, 2)
    assert.ok(!text.includes('PRIVATE'))
    assert.ok(!(await run('show', String(own['id']))).out.includes('PRIVATE'))
    assert.equal((await run('import', installation.path('all.pem'))).code, 0, 'an export can be imported')
  })

  it('reads archives member by member, and refuses what is made to do harm', async () => {
    const archive = zip([
      { name: 'people/carol.pem', bytes: Buffer.from(pem(carol)) },
      { name: 'people/bob.der', bytes: bob.certificate.raw },
      { name: 'inner.zip', bytes: zip([{ name: 'x.pem', bytes: Buffer.from(pem(bob)) }]) },
      { name: 'bomb.pem', bytes: Buffer.alloc(20_000_000, 0x41) },
      { name: 'locked.pem', bytes: Buffer.from(pem(bob)), encrypted: true },
      { name: 'readme.txt', bytes: Buffer.from('hello') },
    ])
    const { out } = await run('import', file('people.zip', archive), '--json')
    const [state] = (
      JSON.parse(out) as {
        files: {
          added: number
          known: number
          refused: number
          findings: { place: string; code: string }[]
        }[]
      }
    ).files
    assert.deepEqual([state?.added, state?.known, state?.refused], [1, 1, 4])
    assert.deepEqual(
      state?.findings.map(({ place, code }) => `${place}: ${code}`),
      [
        'people/bob.der, octet 0: certificate-known',
        'inner.zip: archive-member-refused',
        'bomb.pem: archive-member-refused',
        'locked.pem: archive-member-refused',
        'readme.txt: nothing-found',
      ],
    )
    const cut = await run('import', file('cut.zip', archive.subarray(0, archive.length - 30)))
    assert.equal(cut.code, 1)
    assert.match(cut.out, /the archive cannot be read/)
    const lying = Buffer.from(archive)
    lying.fill(0xff, 60, 90)
    assert.match((await run('import', file('lying.zip', lying))).out, /archive cannot be read|no readable/)
  })

  it('lists by page and filter, as text and CSV', async () => {
    const page = JSON.parse((await run('list', '--limit', '2', '--json')).out) as {
      entries: { id: string }[]
      next: string
    }
    assert.equal(page.entries.length, 2)
    assert.equal((await entries('--after', page.next)).length, 2)
    assert.match((await run('list', '--limit', '1')).err, /--after/)
    assert.equal((await entries('--address', '@partner.example')).length, 2)
    assert.equal((await entries('--address', 'Carol@Partner.Example')).length, 1)
    assert.equal((await entries('--expires-before', '2020-01-01')).length, 0)
    const csv = (await run('list', '--csv')).out.split('\n')
    assert.equal(csv.length, 5)
    assert.match(csv[0] ?? '', /^id,owner,addresses/)
    assert.equal((await run('list', '--owner', 'nobody')).code, 2)
    assert.equal((await run('list', '--limit', '0')).code, 2)
  })

  it('distrusts, pins, removes and restores, and says when there is nothing to do', async () => {
    const { fingerprint } = bob.certificate
    const colons = fingerprint.toUpperCase().replaceAll(/(..)(?=.)/g, '$1:')
    const twice = async (...argv: readonly string[]) => [(await run(...argv)).code, (await run(...argv)).code]
    assert.equal((await run('distrust', colons, '--reason', 'stolen')).code, 0)
    assert.equal((await entries('--distrusted'))[0]?.['distrustReason'], 'stolen')
    assert.deepEqual(await twice('trust', fingerprint), [0, 1])
    assert.equal((await run('pin', fingerprint, '--to', 'sales@partner.example')).code, 0)
    assert.deepEqual((await entries('--address', 'sales@partner.example'))[0]?.['pins'], [
      'sales@partner.example',
    ])
    assert.match((await run('list')).out, /\[pinned\]/)
    assert.deepEqual(await twice('unpin', fingerprint, '--to', 'sales@partner.example'), [0, 1])
    assert.deepEqual(await twice('remove', fingerprint), [0, 1])
    assert.equal((await entries('--state', 'removed')).length, 1)
    assert.deepEqual(await twice('restore', fingerprint), [0, 1])
    assert.equal((await run('approve', fingerprint)).code, 1)
    assert.equal((await run('distrust', 'ab'.repeat(32))).code, 0, 'before it comes')
    assert.equal((await run('show', 'nonsense')).code, 2)
    assert.equal((await run('show', 'cd'.repeat(32))).code, 2)
  })

  it('what is imported is no matter of export and prune', async () => {
    const count = (await entries()).length
    const exported = await installation.run('export')
    assert.ok(!exported.out.includes(bob.certificate.fingerprint))
    const applied = await installation.run('apply', '--prune', '-f', installation.path('objects.yaml'))
    assert.equal(applied.code, 0)
    assert.equal((await entries()).length, count)
  })
})
