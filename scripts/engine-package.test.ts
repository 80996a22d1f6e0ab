/** Tests of engine-package.ts: what `npm pack` makes of engine/ is used by a stranger in an empty folder, from plain JavaScript. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = mkdtempSync(join(tmpdir(), 'siegel-package-'))
after(() => {
  rmSync(folder, { recursive: true })
})

/** Runs a program to its good end; returns standard output. */
function run(cwd: string, program: string, ...args: readonly string[]): string {
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` }
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8' })
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr}${stdout}`)
  return stdout
}

// A copy, because packing changes the manifest for a moment and other tests run beside this one
const copy = join(folder, 'copy')
mkdirSync(join(copy, 'scripts'), { recursive: true })
for (const name of ['LICENSE', 'tsconfig.base.json', join('scripts', 'engine-package.ts')])
  cpSync(join(root, name), join(copy, name))
cpSync(join(root, 'engine'), join(copy, 'engine'), {
  recursive: true,
  filter: (path) => !['dist', 'node_modules'].includes(basename(path)),
})
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
const packed = JSON.parse(
  run(join(copy, 'engine'), 'npm', 'pack', '--json', '--silent', '--pack-destination', folder),
) as { filename: string; files: { path: string }[] }[] // npm's own words
const stranger = join(folder, 'stranger')
mkdirSync(stranger)
writeFileSync(join(stranger, 'package.json'), '{"name":"stranger","private":true,"type":"module"}')
run(stranger, 'npm', 'install', '--offline', '--silent', join(folder, packed[0]?.filename ?? ''))
const installed = join(stranger, 'node_modules', '@siegel', 'engine')

test('the package holds JavaScript, types, licence and its own page, and no tests', () => {
  const files = packed[0]?.files.map(({ path }) => path) ?? []
  const others = files.filter((path) => !/^dist\/lib\/[a-z0-9/-]+\.(?:js|d\.ts)$/.test(path))
  assert.deepEqual(others.sort(), ['LICENSE', 'README.md', 'package.json'])
  assert.ok(files.includes('dist/lib/index.js') && files.includes('dist/lib/index.d.ts'))
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  > // npm's copy
  for (const field of ['private', 'scripts', 'dependencies']) assert.equal(manifest[field], undefined)
  assert.equal(manifest['license'], 'Apache-2.0')
})

test('the manifest of the repository is as before', () => {
  const manifest = (folder: string) => readFileSync(join(folder, 'engine', 'package.json'), 'utf8')
  assert.equal(manifest(copy), manifest(root))
})

test('it imports node:crypto and nothing else', () => {
  const imported = new Set<string>()
  for (const file of globSync('dist/lib/**/*.js', { cwd: installed })) {
    const code = readFileSync(join(installed, file), 'utf8')
    assert.doesNotMatch(code, /\bimport\(|\brequire\(|\bprocess\.(?:getBuiltinModule|binding)/)
    for (const [, name = ''] of code.matchAll(/^(?:import|export)\b[^;]*?\bfrom '([^']+)';$/gm))
      if (!name.startsWith('.')) imported.add(name)
    assert.doesNotMatch(code, /^import '/m)
  }
  assert.deepEqual([...imported], ['node:crypto'])
})

test('plain JavaScript issues, signs, encrypts, and the example of the page does what it says', () => {
  writeFileSync(
    join(stranger, 'make.js'),
    `
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import {
  decryptMessage, encryptEntity, issueCertificate, parseCertificate, signEntity, writePem,
} from '@siegel/engine'

const day = 86400000
const key = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const make = (CN, extensions, by) => {
  const own = key()
  const der = issueCertificate({
    subject: { CN }, issuer: by ?? { key: own }, publicKey: own,
    notBefore: Date.now() - day, notAfter: Date.now() + day, extensions,
  })
  writeFileSync(CN + '.pem', writePem('CERTIFICATE', der))
  return { key: own, certificate: parseCertificate(der) }
}
const root = make('root', { ca: true })
const ca = make('ca', { ca: true }, root)
const jane = make('jane', { emails: ['jane@example.org'] }, ca)
const entity = [Buffer.from('Content-Type: text/plain\\r\\n\\r\\nhello\\r\\n')]
const signed = signEntity(entity, { ...jane, chain: [ca.certificate] }, { at: Date.now(), boundary: 'b0' })
const mail = (pieces) => Buffer.concat([Buffer.from('From: jane@example.org\\r\\nMIME-Version: 1.0\\r\\n'), ...pieces])
writeFileSync('mail.eml', mail(signed))
const sealed = encryptEntity(signed, {
  recipients: [jane.certificate], cipher: 'aes256-gcm', keyTransport: 'oaep-sha256',
})
const opened = decryptMessage(mail(sealed), [jane], { anchors: [root.certificate], at: Date.now() })
console.log(opened.status, opened.entity.includes('hello'))
`,
  )
  assert.equal(run(stranger, process.execPath, 'make.js'), 'decrypted true\n')
  const [, example = ''] = /```js\n([^]*?)```/.exec(readFileSync(join(installed, 'README.md'), 'utf8')) ?? []
  writeFileSync(join(stranger, 'example.js'), example)
  assert.equal(
    run(stranger, process.execPath, 'example.js'),
    "true [ 'revocation-unknown' ]\nvalid [ 'jane@example.org' ] [ 'jane@example.org' ]\n",
  )
})

test('its types are whole', () => {
  symlinkSync(join(root, 'node_modules', '@types'), join(stranger, 'node_modules', '@types'))
  symlinkSync(join(root, 'node_modules', 'undici-types'), join(stranger, 'node_modules', 'undici-types'))
  writeFileSync(
    join(stranger, 'typed.ts'),
    `
import { buildPath, type PathResult, type Reason } from '@siegel/engine'
export const judge: typeof buildPath = buildPath
export const reasons = (result: PathResult): readonly Reason[] => result.reasons
// @ts-expect-error: a result has no such field
export const none = (result: PathResult): unknown => result.nothing
`,
  )
  const strict = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2024', '--types', 'node']
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  run(stranger, process.execPath, tsc, ...strict, '--lib', 'es2024,esnext.disposable', 'typed.ts')
})
