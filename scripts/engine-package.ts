/**
 * Makes the package of `engine/` that `npm pack` and `npm publish` take: called by npm before and after, in `engine/`. In the
 * repository the engine runs from its TypeScript; a package must hold JavaScript, because Node strips no types below node_modules.
 *
 * Usage: node scripts/engine-package.ts prepack|postpack
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const engine = join(root, 'engine')
const manifest = join(engine, 'package.json')
/** The manifest of the repository, while that of the package stands in its place. */
const kept = join(engine, 'dist', 'package.json.kept')

function restore(): void {
  if (!existsSync(kept)) return
  copyFileSync(kept, manifest)
  rmSync(kept)
  rmSync(join(engine, 'LICENSE'), { force: true })
}

function compile(): void {
  const out = join(engine, 'dist', 'lib')
  rmSync(out, { recursive: true, force: true })
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(engine, 'tsconfig.package.json')], {
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) throw new Error('the engine does not compile')
}

function prepare(): void {
  // What a run that was cut off has left
  restore()
  compile()
  mkdirSync(dirname(kept), { recursive: true })
  copyFileSync(manifest, kept)
  copyFileSync(join(root, 'LICENSE'), join(engine, 'LICENSE'))
  const own = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown> // our own file
  const exports = {
    '.': { types: './dist/lib/index.d.ts', default: './dist/lib/index.js' },
    './package.json': './package.json',
  }
  writeFileSync(manifest, `${JSON.stringify({ ...own, scripts: undefined, exports }, null, 2)}\n`)
}

const [step] = process.argv.slice(2)
if (step === 'prepack') prepare()
else if (step === 'postpack') restore()
else {
  console.error('usage: node scripts/engine-package.ts prepack|postpack')
  process.exitCode = 2
}
