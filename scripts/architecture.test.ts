/**
 * Plants a violation of every import rule in a small tree of the same layout and sees each rule fire, on exactly the file
 * that breaks it. A rule that nobody has seen fire is a comment. The real tree is judged by `npm run deps`.
 */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const require = createRequire(import.meta.url)
const configuration = require('../.dependency-cruiser.cjs') as {
  forbidden: (IForbiddenRuleType & { name: string })[]
  options: object
}

/** The innocent files that planted ones import. */
const INNOCENT = [
  'engine/src/index.ts',
  'engine/src/der/reader.ts',
  'engine/src/x509/certificate.ts',
  'engine/src/cms/sign.ts',
  'engine/src/pkcs/pkcs12.ts',
  'engine/src/smime/sign.ts',
  'engine/src/mime/scan.ts',
  'contract/src/index.ts',
  'gateway/src/index.ts',
  'gateway/src/mail/plan.ts',
  'gateway/src/mail/queue/scheduler.ts',
  'gateway/src/mail/policy/decide.ts',
  'gateway/src/mail/inbound/session.ts',
  'gateway/src/mail/journey.ts',
  'gateway/src/mail/turn.ts',
  'gateway/src/authentication/index.ts',
  'gateway/src/mail/journey/hold.ts',
  'gateway/src/store/store.ts',
  'gateway/src/keyring/keyring.ts',
  'gateway/src/keyring/find/finding.ts',
  'gateway/src/cli/main.ts',
  'gateway/src/smtp/address.ts',
  'gateway/src/config/ports.ts',
  'gateway/src/acme/client.ts',
  'tools/exo-sim/src/index.ts',
  'tools/exo-sim/src/inner.ts',
  'node_modules/kysely/index.js',
  'node_modules/mailauth/index.js',
]

/** Rule → the planted file, what it imports, and whether the import is of a type only. */
const PLANTED: Readonly<Record<string, readonly { readonly file: string; readonly imports: string }[]>> = {
  'no-cycles': [
    { file: 'gateway/src/mail/outbound/hen.ts', imports: './egg.ts' },
    { file: 'gateway/src/mail/outbound/egg.ts', imports: './hen.ts' },
  ],
  'no-unresolved': [{ file: 'gateway/src/mail/nowhere.ts', imports: './does-not-exist.ts' }],
  'no-production-to-test': [{ file: 'gateway/src/mail/outbound/cheat.ts', imports: './planted.test.ts' }],
  'engine-does-no-io': [{ file: 'engine/src/cms/reads-files.ts', imports: 'node:fs' }],
  'engine-stands-alone': [{ file: 'engine/src/cms/uses-package.ts', imports: 'kysely' }],
  'engine-layer-bytes': [{ file: 'engine/src/bytes/climbs.ts', imports: '../der/reader.ts' }],
  'engine-layer-der': [{ file: 'engine/src/der/climbs.ts', imports: '../x509/certificate.ts' }],
  'engine-layer-x509': [{ file: 'engine/src/x509/climbs.ts', imports: '../cms/sign.ts' }],
  'engine-layer-pkcs': [{ file: 'engine/src/pkcs/climbs.ts', imports: '../cms/sign.ts' }],
  'engine-layer-cms': [{ file: 'engine/src/cms/climbs.ts', imports: '../smime/sign.ts' }],
  'engine-layer-mime': [{ file: 'engine/src/mime/knows-asn1.ts', imports: '../der/reader.ts' }],
  'front-door-only': [
    { file: 'gateway/src/mail/treatment/back-door.ts', imports: '../../../../engine/src/cms/sign.ts' },
  ],
  'contract-is-a-leaf': [{ file: 'contract/src/knows-engine.ts', imports: '@siegel/engine' }],
  'web-sees-contract-only': [{ file: 'web/src/knows-engine.ts', imports: '@siegel/engine' }],
  'simulator-is-a-stranger': [{ file: 'tools/exo-sim/src/friend.ts', imports: '@siegel/engine' }],
  'nobody-ships-a-tool': [{ file: 'gateway/src/cli/ships-tool.ts', imports: '@siegel/exo-sim' }],
  'steps-are-strangers': [
    { file: 'gateway/src/mail/treatment/neighbour.ts', imports: '../policy/decide.ts' },
  ],
  'journey-is-driven-by-main': [{ file: 'gateway/src/keyring/drives.ts', imports: '../mail/journey.ts' }],
  'journey-is-one': [{ file: 'gateway/src/keyring/joins.ts', imports: '../mail/journey/hold.ts' }],
  'mail-knows-no-surface': [{ file: 'gateway/src/mail/outbound/surface.ts', imports: '../../cli/main.ts' }],
  'authentication-is-plugged-in-by-main': [
    { file: 'gateway/src/mail/inbound/judges.ts', imports: '../../authentication/index.ts' },
  ],
  'authentication-knows-nouns-only': [
    { file: 'gateway/src/authentication/nosy.ts', imports: '../mail/inbound/session.ts' },
  ],
  'authentication-asks-no-journey': [
    { file: 'gateway/src/authentication/drives.ts', imports: '../mail/turn.ts' },
  ],
  'mail-is-judged-in-one-place': [{ file: 'gateway/src/mail/policy/judges.ts', imports: 'mailauth' }],
  'acme-stands-alone': [{ file: 'gateway/src/acme/reads-settings.ts', imports: '../config/ports.ts' }],
  'acme-is-driven-by-identity': [{ file: 'gateway/src/cli/asks-acme.ts', imports: '../acme/client.ts' }],
  'identity-knows-no-path': [
    { file: 'gateway/src/identity/on-the-path.ts', imports: '../mail/queue/scheduler.ts' },
  ],
  'directory-stands-alone': [{ file: 'gateway/src/directory/nosy.ts', imports: '../keyring/keyring.ts' }],
  'keys-know-no-mail': [{ file: 'gateway/src/keyring/mail.ts', imports: '../mail/plan.ts' }],
  'surfaces-see-queue-policy-and-keys': [
    { file: 'gateway/src/admin/nosy.ts', imports: '../mail/inbound/session.ts' },
  ],
  'cli-drives-no-mail': [{ file: 'gateway/src/cli/nosy.ts', imports: '../mail/inbound/session.ts' }],
  'store-is-plugged-in-by-main': [{ file: 'gateway/src/keyring/store.ts', imports: '../store/store.ts' }],
  'store-knows-types-only': [{ file: 'gateway/src/store/runs-domain.ts', imports: '../keyring/keyring.ts' }],
  'sql-only-in-store': [{ file: 'gateway/src/mail/queue/sql.ts', imports: 'kysely' }],
  sockets: [
    { file: 'gateway/src/mail/policy/calls-out.ts', imports: 'node:net' },
    { file: 'gateway/src/exchange/dials.ts', imports: 'node:https' },
  ],
  files: [{ file: 'gateway/src/mail/policy/reads.ts', imports: 'node:fs/promises' }],
  'no-subprocess': [{ file: 'gateway/src/cli/spawns.ts', imports: 'node:child_process' }],
  'cluster-only-in-main': [{ file: 'gateway/src/mail/forks.ts', imports: 'node:cluster' }],
  'threads-only-in-sqlite': [{ file: 'gateway/src/mail/threads.ts', imports: 'node:worker_threads' }],
  'finding-is-plugged-in-by-main': [
    { file: 'gateway/src/mail/policy/asks.ts', imports: '../../keyring/find/finding.ts' },
  ],
  leaves: [{ file: 'gateway/src/smtp/branch.ts', imports: '../mail/plan.ts' }],
  'maps-are-pure': [{ file: 'gateway/src/maps/impure.ts', imports: '../smtp/address.ts' }],
}

describe('import rules', () => {
  let tree = ''
  const fired = new Map<string, Set<string>>()

  before(async () => {
    tree = mkdtempSync(join(tmpdir(), 'siegel-architecture-'))
    const write = (file: string, text: string) => {
      mkdirSync(dirname(join(tree, file)), { recursive: true })
      writeFileSync(join(tree, file), text)
    }
    for (const file of INNOCENT) write(file, 'export const innocent = true\n')
    write('gateway/src/mail/outbound/planted.test.ts', 'export const planted = true\n')
    for (const name of ['kysely', 'mailauth'])
      write(
        `node_modules/${name}/package.json`,
        `{"name":"${name}","version":"1.0.0","type":"module","exports":"./index.js"}`,
      )
    for (const { file, imports } of Object.values(PLANTED).flat())
      write(file, `import * as it from '${imports}'\nexport const used = it\n`)
    mkdirSync(join(tree, 'node_modules/@siegel'), { recursive: true })
    for (const [name, folder] of [
      ['engine', 'engine'],
      ['contract', 'contract'],
      ['gateway', 'gateway'],
      ['exo-sim', 'tools/exo-sim'],
    ] as const) {
      write(
        `${folder}/package.json`,
        JSON.stringify({
          name: `@siegel/${name}`,
          type: 'module',
          exports: { '.': { types: './src/index.ts', default: './src/index.ts' } },
        }),
      )
      symlinkSync(join(tree, folder), join(tree, 'node_modules/@siegel', name))
    }
    cpSync(join(root, 'tsconfig.base.json'), join(tree, 'tsconfig.base.json'))
    write('tsconfig.json', '{"extends":"./tsconfig.base.json","files":[]}')

    const result = await cruise(
      ['engine', 'contract', 'gateway', 'tools', 'web'],
      {
        ...configuration.options,
        baseDir: tree,
        ruleSet: { forbidden: configuration.forbidden },
        validate: true,
      },
      undefined,
      undefined,
    )
    for (const { rule, from } of (result.output as ICruiseResult).summary.violations)
      fired.set(rule.name, (fired.get(rule.name) ?? new Set()).add(from))
  })

  after(() => {
    rmSync(tree, { recursive: true, force: true })
  })

  it('are all planted here: a new rule needs its own violation', () => {
    assert.deepEqual(configuration.forbidden.map((rule) => rule.name).sort(), Object.keys(PLANTED).sort())
  })

  for (const [rule, plants] of Object.entries(PLANTED))
    it(`${rule} fires`, () => {
      const files = fired.get(rule) ?? new Set()
      assert.ok(
        plants.some(({ file }) => files.has(file)),
        `${rule} did not fire on ${plants.map(({ file }) => file).join(', ')}; it fired on: ${[...files].join(', ') || 'nothing'}`,
      )
    })

  it('leave the innocent files alone', () => {
    const blamed = [...fired].flatMap(([rule, files]) => [...files].map((file) => ({ rule, file })))
    assert.deepEqual(
      blamed.filter(({ file }) => INNOCENT.includes(file)),
      [],
    )
  })
})
