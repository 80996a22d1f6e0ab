// `siegel directory` on a real installation: users and groups from CSV as Exchange's PowerShell writes it, what is not taken, what stays
// when an import fails, which keys open mail to which address, and rules on groups.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { createKeyring } from '../keyring/keyring.ts'
import { make, makeRoot } from '../keyring/testing/credentials.ts'
import { writePem } from '@siegel/engine'
import { tenantSpecOf } from '../config/testkit.ts'
import { DirectoryView } from '../directory/view.ts'
import { openStore, type Store } from '../store/index.ts'
import { createTrust } from '../trust/trust.ts'
import { Installation } from './testing/installation.ts'

const HOUR = 3_600_000
const root = makeRoot()
const made = {
  alice: make('Alice', root, { emails: ['alice@contoso.com'] }),
  bert: make('Bert', root, { emails: ['bert@contoso.com'] }),
}
const credentialOf = (name: keyof typeof made) => ({
  ...{ kind: 'Credential', tenant: 'contoso', name },
  spec: {
    certificate: writePem('CERTIFICATE', made[name].certificate.raw),
    key: made[name].key.export({ type: 'pkcs8', format: 'pem' }),
  },
})
const OBJECTS = [
  { kind: 'Tenant', name: 'contoso', spec: tenantSpecOf('contoso.com', 0) },
  credentialOf('alice'),
  credentialOf('bert'),
  { kind: 'MailAnchor', tenant: 'contoso', name: 'ca', spec: { certificate: writePem('CERTIFICATE', root.certificate.raw) } },
  { kind: 'Directory', tenant: 'contoso', name: 'default', spec: { maxAgeHours: 48 } },
  { kind: 'Rule', tenant: 'contoso', name: 'legal', spec: { order: 1, when: { senderGroup: ['Legal Team'] }, then: { encrypt: 'always' } } },
] // prettier-ignore

const USERS = [
  '#TYPE Selected.Microsoft.Exchange',
  '"PrimarySmtpAddress","EmailAddresses","RecipientTypeDetails"',
  '"Alice@contoso.com","SMTP:Alice@contoso.com;smtp:a.smith@contoso.com;smtp:info@contoso.com;X500:/o=Org, Inc/cn=a;SIP:alice@contoso.com","UserMailbox"',
  '"bert@contoso.com","smtp:info@contoso.com;smtp:bert.b@contoso.com","UserMailbox"',
  '"carla@contoso.com","SMTP:carla@contoso.com","UserMailbox"',
  '"legal@contoso.com","SMTP:legal@contoso.com","MailUniversalDistributionGroup"',
].join('\r\n')
const GROUPS = [
  'Group;GroupName;Member;RecipientType',
  'legal@contoso.com;Legal Team;counsel@contoso.com;MailUniversalDistributionGroup',
  'counsel@contoso.com;Counsel;a.smith@contoso.com;UserMailbox',
  'counsel@contoso.com;Counsel;legal@contoso.com;MailUniversalDistributionGroup',
  'board@contoso.com;Board;;',
].join('\n')

let clock = Date.now()
let installation: Installation

async function bring(part: 'users' | 'groups', text: string, ...more: string[]) {
  const file = installation.path(`${part}.csv`)
  await writeFile(file, text)
  return installation.run('directory', 'import', file, `--${part}`, '--lang', 'en', ...more)
}

async function withStore<T>(work: (store: Store, tenant: string) => Promise<T>): Promise<T> {
  const masterKey = await readFile(installation.path('master.key'))
  const store = await openStore({ dataFolder: installation.path('data'), masterKey })
  try {
    return await work(store, (await store.config.read()).tenants.get('contoso')?.id ?? '')
  } finally {
    await store.close()
  }
}

/** Whose keys open mail to an address, by the names of certificates; and who signs for it. */
const keysFor = (address: string) =>
  withStore(async (store, tenant) => {
    const { directory, credentials } = store.forTenant(tenant)
    const view = new DirectoryView({ lookups: directory, maxAge: () => 48 * HOUR, now: () => clock })
    const trust = createTrust({ version: 1, anchors: [root.certificate.raw] })
    const keyring = createKeyring({
      store: credentials,
      trust: () => trust,
      servedWith: (one) => view.servedWith(one),
    })
    const keys = await keyring.decryptionKeys([address])
    const { credential } = await keyring.signer(address, clock)
    const names = keys.map(({ certificate }) => /CN=([A-Za-z]+)/.exec(certificate?.subject.text ?? '')?.[1])
    return { keys: names.toSorted(), signs: credential !== null }
  })

const explain = async (from: string) =>
  (await installation.run('explain', '--from', from, '--to', 'x@partner.example', '--language', 'en')).out

describe('directory', () => {
  before(async () => {
    installation = await Installation.make(OBJECTS, '', () => clock)
  })
  after(() => installation.remove())

  it('without any nothing is weakened and nothing widened', async () => {
    const { code, out } = await installation.run('directory', 'status', '--lang', 'en')
    assert.equal(code, 1)
    assert.match(out, /users: never imported\ngroups: never imported\nrules on groups cannot be judged/)
    assert.match(await explain('carla@contoso.com'), /whether the rule legal applies cannot be judged/)
    assert.deepEqual(await keysFor('a.smith@contoso.com'), { keys: [], signs: false })
  })

  it('takes what PowerShell exports, and keys serve the addresses of their owner', async () => {
    const users = await bring('users', USERS)
    assert.equal(users.code, 0, users.out + users.err)
    assert.match(users.out, /^info@contoso\.com is claimed by several users and serves none of them$/m)
    assert.match(
      users.out,
      /3 users with 7 addresses in use, 0 not taken, 1 addresses claimed .*, 2 addresses newly served/,
    )
    const groups = await bring('groups', GROUPS)
    assert.equal(groups.code, 0, groups.out)
    assert.match(groups.out, /3 groups with 2 members/)
    assert.deepEqual(await keysFor('a.smith@contoso.com'), { keys: ['Alice'], signs: false })
    assert.deepEqual(await keysFor('bert.b@contoso.com'), { keys: ['Bert'], signs: false })
    assert.deepEqual(await keysFor('info@contoso.com'), { keys: [], signs: false })
    assert.deepEqual(await keysFor('carla@contoso.com'), { keys: [], signs: false })
    assert.deepEqual(await keysFor('alice@contoso.com'), { keys: ['Alice'], signs: true })
    const shown = await installation.run('directory', 'show', 'A.Smith@contoso.com', '--lang', 'en')
    assert.match(shown.out, /user: alice@contoso\.com a\.smith@contoso\.com info@contoso\.com/)
    assert.match(shown.out, /groups: (Legal Team, Counsel|Counsel, Legal Team)/)
    assert.match(shown.out, new RegExp(made.alice.certificate.fingerprint))
    const group = await installation.run('directory', 'show', 'legal team', '--lang', 'de')
    assert.match(group.out, /Gruppe Legal Team: a\.smith@contoso\.com/)
    assert.equal((await installation.run('directory', 'show', 'nobody@contoso.com')).code, 1)
    assert.equal((await installation.run('directory', 'status')).code, 0)
  })

  it('writes into the audit log which address a key serves now, and the chain of it is whole', async () => {
    const database = new DatabaseSync(installation.path('data/siegel.sqlite'), { readOnly: true })
    const entries = database
      .prepare("select action, detail from audit_log where action like 'directory-%'")
      .all()
    database.close()
    const told = entries.map(({ action, detail }) => ({ action, ...(JSON.parse(String(detail)) as object) }))
    assert.deepEqual(told.map(({ action }) => action), ['directory-widens', 'directory-imported', 'directory-imported']) // prettier-ignore
    const { served } = told[0] as unknown as { served: string[] }
    assert.deepEqual(served, [
      `a.smith@contoso.com ${made.alice.certificate.fingerprint}`,
      `bert.b@contoso.com ${made.bert.certificate.fingerprint}`,
    ])
    assert.deepEqual(await withStore((store) => store.integrity()), [])
  })

  it('judges rules by groups, nested ones and aliases too', async () => {
    assert.match(await explain('alice@contoso.com'), /the rule legal applies, by the group legal team/)
    assert.doesNotMatch(await explain('carla@contoso.com'), /rule legal/)
    assert.match(await explain('info@contoso.com'), /whether the rule legal applies cannot be judged/)
  })

  it('keeps the last one whatever fails, and says what is not taken', async () => {
    const before = await installation.run('directory', 'status', '--json')
    const refused: readonly (readonly ['users' | 'groups', string, RegExp])[] = [
      ['users', 'Name\nx', /names no column primarysmtpaddress/],
      ['users', 'PrimarySmtpAddress\n\n', /nothing in the file can be used/],
      ['users', 'PrimarySmtpAddress\nalice@contoso.com\n', /1 instead of 3: more than half is gone/],
      ['groups', 'Group,Member\n', /nothing in the file can be used/],
    ]
    for (const [part, text, says] of refused) {
      const { code, out } = await bring(part, text)
      assert.equal(code, 1, text)
      assert.match(out, says)
    }
    assert.equal((await installation.run('directory', 'status', '--json')).out, before.out)
    assert.deepEqual((await keysFor('a.smith@contoso.com')).keys, ['Alice'])
    const rubbish = `${USERS}\r\n"no address","",""\r\n"x"y",,\r\n"dora@contoso.com","smtp:@@;smtp:d@contoso.com",""\r\n`
    const { code, out } = await bring('users', rubbish, '--json')
    assert.equal(code, 1)
    const report = JSON.parse(out) as { entries: number; findings: { line: number; code: string }[] }
    assert.equal(report.entries, 4)
    assert.deepEqual(
      report.findings.map(({ line, code: what }) => [line, what]),
      [[7, 'address-malformed'], [8, 'quotes-malformed'], [9, 'address-malformed'], [0, 'address-shared']], // prettier-ignore
    )
    const smaller = await bring('users', 'PrimarySmtpAddress\nalice@contoso.com\n', '--accept-smaller')
    assert.equal(smaller.code, 0)
    assert.deepEqual((await keysFor('a.smith@contoso.com')).keys, [])
  })

  it('a group of which a member is unknown is no proof that somebody is not in it', async () => {
    await bring('users', USERS)
    const { code, out } = await bring('groups', `${GROUPS}\nlegal@contoso.com;Legal Team;Paralegals;`)
    assert.equal(code, 1)
    assert.match(
      out,
      /line 2: a member that is neither an address nor a group of the file.*Legal Team: paralegals/,
    )
    assert.match(await explain('carla@contoso.com'), /whether the rule legal applies cannot be judged/)
    assert.match(await explain('alice@contoso.com'), /by the group legal team/)
    assert.equal((await bring('groups', GROUPS)).code, 0)
    assert.doesNotMatch(await explain('carla@contoso.com'), /rule legal/)
  })

  it('is not believed when it is too old', async () => {
    clock += 49 * HOUR
    const { code, out } = await installation.run('directory', 'status', '--lang', 'en')
    assert.equal(code, 1)
    assert.match(out, /users: older than 48 hours, not believed/)
    assert.match(await explain('carla@contoso.com'), /whether the rule legal applies cannot be judged/)
    assert.deepEqual((await keysFor('a.smith@contoso.com')).keys, [])
    assert.deepEqual((await keysFor('alice@contoso.com')).keys, ['Alice'])
  })
})
