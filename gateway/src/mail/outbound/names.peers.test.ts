/**
 * Compares what we take for a match between certificate and policy with Postfix: `posttls-finger` connects to the same hop
 * with the same anchors and names. Needs Postfix (scripts/install-peers.sh).
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { TlsIdentity } from '../../config/ports.ts'
import { leaf } from './testing/certificates.ts'
import { makeWorld, startRig, type Rig, type World } from './testing/rig.ts'

const run = promisify(execFile)
/** Names in a certificate, then the names asked for, each with the answer that both must give. */
const CASES: readonly [
  names: readonly string[],
  commonName: string,
  asked: Readonly<Record<string, boolean>>,
][] = [
  [
    ['mail.protection.outlook.com', '*.mail.protection.outlook.com'],
    'mail.protection.outlook.com',
    {
      'mail.protection.outlook.com': true,
      'MAIL.protection.outlook.com': true,
      'contoso-com.mail.protection.outlook.com': true,
      'a.b.mail.protection.outlook.com': false,
      '.protection.outlook.com': true,
      '.mail.protection.outlook.com': true,
      'protection.outlook.com': false,
      'mail.protection.outlook.com.example': false,
      'xmail.protection.outlook.com': false,
    },
  ],
  [
    ['*.example.com'],
    'x',
    { 'a.example.com': true, 'a.b.example.com': false, 'example.com': false, '.example.com': true },
  ],
  [
    ['a*.example.com', '*.com', 'mail.*.example', '*.*.example.com', '*'],
    'x',
    {
      'ab.example.com': false,
      'example.com': false,
      'mail.b.example': false,
      'a.b.example.com': false,
      localhost: false,
    },
  ],
  [['other.example'], 'mail.example.com', { 'mail.example.com': false }],
  [[], 'mail.example.com', { 'mail.example.com': true, '.example.com': true }],
]

describe('names in certificates, against posttls-finger', () => {
  let world: World
  let rig: Rig
  let folder = ''
  before(async () => {
    world = makeWorld()
    rig = await startRig(world, {}, { keep: { mails: 1 } })
    folder = await mkdtemp(join(tmpdir(), 'siegel-finger-'))
    await writeFile(join(folder, 'root.pem'), world.root.pem)
    await writeFile(
      join(folder, 'main.cf'),
      'compatibility_level = 3.6\nmyhostname = gw.example\ninet_protocols = ipv4\n',
    )
  })
  after(async () => {
    await rig.close()
    await rm(folder, { recursive: true })
  })

  const present = (identity: TlsIdentity) => {
    rig.hop.script.identity = identity
  }
  async function postfixMatches(name: string): Promise<boolean> {
    const { stdout, stderr } = await run(
      'posttls-finger',
      [
        ...['-c', '-l', 'verify', '-F', join(folder, 'root.pem'), '-L', 'summary'],
        ...[`[127.0.0.1]:${rig.hop.port}`, name],
      ],
      { env: { ...process.env, MAIL_CONFIG: folder } },
    ).catch((error: unknown) => error as { stdout: string; stderr: string })
    const said = `${stdout}${stderr}`
    assert.match(said, /TLS connection established|not verified|not trusted/i, said)
    return /Verified TLS connection established/.test(said)
  }
  async function weMatch(name: string): Promise<boolean> {
    const route = `[127.0.0.1]:${rig.hop.port}`
    rig.settings.maps = new Map([['tls-policy', `${route} verify match=${name}`]])
    const [outcome] = await rig.deliver({ floor: null, route })
    assert.ok(
      outcome?.kind === 'delivered' || outcome?.reason.code === 'tls-name-mismatch',
      JSON.stringify(outcome),
    )
    return outcome.kind === 'delivered'
  }

  for (const [names, commonName, asked] of CASES)
    test(`a certificate for ${names.join(', ') || `no name but CN ${commonName}`}`, async () => {
      present(leaf({ names, commonName, issuer: world.root }))
      for (const [name, expected] of Object.entries(asked)) {
        assert.equal(await postfixMatches(name), expected, `Postfix: ${name}`)
        assert.equal(await weMatch(name), expected, `we: ${name}`)
      }
    })
})
