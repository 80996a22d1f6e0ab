/**
 * Puts every published flaw back into a copy of the sources, one after the other, and sees that its test fails. A flaw is
 * one textual change that must fit exactly once; a change that fits no more has to be written anew, never dropped.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

interface Flaw {
  /** How the name of its test begins. */
  readonly id: string
  readonly test: string
  readonly file: string
  readonly original: string
  readonly planted: string
}

const ENGINE_TESTS = 'engine/src/smime/flaws.test.ts'
const GATEWAY_TESTS = 'gateway/src/mail/treatment/flaws.test.ts'
const FLAWS: readonly Flaw[] = [
  {
    id: 'CVE-2026-2748',
    test: ENGINE_TESTS,
    file: 'engine/src/x509/certificate-emails.ts',
    original: 'if (text !== null && good(text)) accepted.set(lowerAscii(text), text)',
    planted: 'if (text !== null && good(text.trim())) accepted.set(lowerAscii(text.trim()), text.trim())',
  },
  {
    id: 'CVE-2026-27443',
    test: ENGINE_TESTS,
    file: 'engine/src/smime/entity.ts',
    original: 'fields.filter(isContentField).map((field) => bytes.subarray(',
    planted: 'fields.map((field) => bytes.subarray(',
  },
  {
    id: 'CVE-2026-27443',
    test: GATEWAY_TESTS,
    file: 'gateway/src/mail/treatment/opened.ts',
    original: 'return openedEntity(twice ?',
    planted: 'return [entity] ?? openedEntity(twice ?',
  },
  {
    id: 'CVE-2026-27444',
    test: ENGINE_TESTS,
    file: 'engine/src/smime/verdict.ts',
    original: "if (fields.length > 1) return { addresses, reason: 'from-multiple' }",
    planted: 'if (fields.length > 1) return { addresses: addresses.slice(0, 1), reason: null }',
  },
  {
    id: 'CVE-2026-27445',
    test: ENGINE_TESTS,
    file: 'engine/src/smime/verdict.ts',
    original: "if (!holds) return 'signer-address-mismatch'",
    planted: 'if (!holds) return null',
  },
  {
    id: 'CVE-2026-2746',
    test: ENGINE_TESTS,
    file: 'engine/src/smime/decrypt.ts',
    original: "return verdict.status === 'unsigned' ? null : verdict",
    planted: "return verdict.status === 'valid' ? verdict : null",
  },
  {
    id: 'CVE-2026-42768',
    test: ENGINE_TESTS,
    file: 'engine/src/cms/recipient-info.ts',
    original: 'fits(each, key) && identifies(each.identifier, certificate)',
    planted: 'fits(each, key)',
  },
  {
    id: 'CVE-2026-69247',
    test: ENGINE_TESTS,
    file: 'engine/src/smime/decrypt.ts',
    original: "walk.keyUsed ? 'decrypt-failed' : error.code",
    planted: 'error.code',
  },
  {
    id: 'OpenSSL #32567',
    test: ENGINE_TESTS,
    file: 'engine/src/cms/key-transport.ts',
    original: 'if (algorithm.oid === Oid.idRsaesOaep) return readOaep(algorithm.parameters)',
    planted:
      "if (algorithm.oid === Oid.idRsaesOaep) try { return readOaep(algorithm.parameters) } catch { return { scheme: 'pkcs1v15' } }",
  },
  {
    id: 'MimeKit 4.15.1',
    test: ENGINE_TESTS,
    file: 'engine/src/mime/address-token.ts',
    original: 'if (CONTROL.test(value)) return null',
    planted: '',
  },
  {
    id: 'MimeKit 4.16 #1224',
    test: ENGINE_TESTS,
    file: 'engine/src/cms/write-recipients.ts',
    original: 'if (!allowed)',
    planted: 'if (!allowed && kind === null)',
  },
  {
    id: 'Johnny, you are fired',
    test: ENGINE_TESTS,
    file: 'engine/src/smime/verify.ts',
    original: "coverage: node === root ? 'whole' : 'part'",
    planted: "coverage: 'whole'",
  },
  {
    id: 'EFAIL',
    test: ENGINE_TESTS,
    file: 'engine/src/smime/decrypt.ts',
    original: "if (kind === null || kind === 'certs-only') return null",
    planted: `if (kind === null || kind === 'certs-only') {
      for (const part of root.parts) {
        const entity = content.entity(part)
        const opened = yield* openEntity(walk, entity, yield* wait(entity.scan()))
        if (opened !== null) return opened
      }
      return null
    }`,
  },
  {
    id: 'Subject tag spoofing',
    test: GATEWAY_TESTS,
    file: 'gateway/src/exchange/header-firewall.ts',
    original: "remove('own-authserv-id')",
    planted: 'void 0',
  },
]

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const copy = mkdtempSync(join(tmpdir(), 'siegel-flaws-'))
after(() => {
  rmSync(copy, { recursive: true, force: true })
})
for (const folder of ['engine', 'gateway', 'contract'])
  cpSync(join(root, folder), join(copy, folder), {
    recursive: true,
    filter: (source) => !/[\\/](?:dist|node_modules)$|tsbuildinfo$/.test(source),
  })
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
writeFileSync(join(copy, 'package.json'), '{ "type": "module" }')

/** The outcome of the tests whose names begin so. */
async function outcomeOf({
  id,
  test: file,
}: Flaw): Promise<{ passed: number; failed: number; text: string }> {
  const pattern = `^${id.replaceAll(/[^A-Za-z0-9 ]/g, '\\$&')}`
  const options = ['--test', '--test-reporter=tap', `--test-name-pattern=${pattern}`, join(copy, file)]
  const child = spawn(process.execPath, options, { cwd: copy, env: childEnvironment() })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await new Promise((resolve) => child.once('close', resolve))
  const count = (word: string) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
  return { passed: count('pass'), failed: count('fail'), text }
}

/** A test process that is started by another one must not report to it. */
function childEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'NODE_TEST_CONTEXT'))
}

describe('planted flaws', () => {
  for (const flaw of FLAWS)
    test(`${flaw.id} in ${flaw.file} is found`, async () => {
      const path = join(copy, flaw.file)
      const source = readFileSync(path, 'utf8')
      assert.equal(
        source.split(flaw.original).length,
        2,
        `the change does not fit exactly once in ${flaw.file}`,
      )
      writeFileSync(
        path,
        source.replace(flaw.original, () => flaw.planted),
      )
      try {
        const { failed, text } = await outcomeOf(flaw)
        assert.ok(failed > 0, `the test of ${flaw.id} does not find it:\n${text}`)
        assert.ok(text.includes(flaw.id.replace('#', '\\#')), text)
        // A change that no longer compiles would fail as well, and prove nothing.
        assert.doesNotMatch(text, /SyntaxError|ReferenceError|ERR_MODULE_NOT_FOUND/)
      } finally {
        writeFileSync(path, source)
      }
    })

  test('without a flaw the tests pass', async () => {
    for (const file of [ENGINE_TESTS, GATEWAY_TESTS]) {
      const { passed, failed, text } = await outcomeOf({ ...(FLAWS[0] as Flaw), id: '', test: file })
      assert.ok(passed > 0 && failed === 0, text)
    }
  })
})
