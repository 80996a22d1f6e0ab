/**
 * Writes the authorities that Siegel trusts for e-mail by default: those that the built-in token of NSS (Mozilla's list) trusts to issue
 * S/MIME certificates, the second column of `certutil`. Needs libnss3-tools (scripts/install-peers.sh).
 *
 *     node scripts/mail-roots.ts
 */
import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One authority. */
export interface MailRoot {
  readonly name: string
  /** SHA-256, lower case hexadecimal. */
  readonly sha256: string
  /** DER in base64. */
  readonly der: string
  /** Certificates issued after this day are not trusted; null if there is none. */
  readonly distrustAfter: string | null
}

const TARGET = fileURLToPath(new URL('../gateway/src/trust/mail-roots-data.ts', import.meta.url))
const TOKEN = 'Builtin Object Token:'

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

/** As certutil writes it: `E-mail Distrust After: Wed Aug 31 00:00:00 2022`, in UTC. */
function distrustAfterOf(shown: string): string | null {
  const [, date] = /E-mail Distrust After: +(\S.*)/.exec(shown) ?? []
  return date === undefined ? null : new Date(`${date} UTC`).toISOString()
}

/** The authorities of the token on this machine, by name. */
export function readMailRoots(): MailRoot[] {
  const [library] = globSync('/usr/lib/*/{,nss/}libnssckbi.so')
  if (library === undefined) throw new Error('no libnssckbi.so: run scripts/install-peers.sh')
  const folder = mkdtempSync(join(tmpdir(), 'siegel-mail-roots-'))
  try {
    const database = `sql:${folder}`
    run('certutil', ['-N', '-d', database, '--empty-password'])
    run('modutil', ['-dbdir', database, '-add', 'builtin', '-libfile', library, '-force'])
    const lines = run('certutil', ['-L', '-d', database, '-h', 'all']).split('\n')
    const roots = lines.flatMap((line) => {
      const [, nickname = '', mail = ''] =
        /^(Builtin Object Token:.*\S) +[a-zA-Z]*,([a-zA-Z]*),[a-zA-Z]* *$/.exec(line) ?? []
      if (!mail.includes('C')) return []
      const pem = run('certutil', ['-L', '-d', database, '-n', nickname, '-a'])
      const shown = run('certutil', ['-L', '-d', database, '-n', nickname])
      return (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((block) => {
        const { raw } = new X509Certificate(block)
        const sha256 = createHash('sha256').update(raw).digest('hex')
        const name = nickname.slice(TOKEN.length)
        return { name, sha256, der: raw.toString('base64'), distrustAfter: distrustAfterOf(shown) }
      })
    })
    const unique = new Map(roots.map((root) => [root.sha256, root]))
    return [...unique.values()].sort((a, b) => (a.name + a.sha256 < b.name + b.sha256 ? -1 : 1))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The version of the list's package. */
export function mailRootsVersion(): string {
  return run('dpkg-query', ['-W', '-f', '${Version}', 'libnss3'])
}

function page(roots: readonly MailRoot[]): string {
  return [
    '/**',
    " * The public authorities for e-mail, from Mozilla's list: names, SHA-256 fingerprints and certificates, with the date on which they",
    ' * were read. Written by scripts/mail-roots.ts; not edited by hand.',
    ' */',
    '',
    '/** The day on which the list was read. */',
    `export const MAIL_ROOTS_DATE = '${new Date().toISOString().slice(0, 10)}'`,
    '',
    '/** The version of NSS in Debian that the list is from. */',
    `export const MAIL_ROOTS_VERSION = '${mailRootsVersion()}'`,
    '',
    '/** Name, fingerprint, the day after which what it issues is not trusted (or null), DER in base64. */',
    'export const MAIL_ROOTS: readonly (readonly [name: string, sha256: string, distrustAfter: string | null, der: string])[] = [',
    ...roots.map(
      ({ name, sha256, der, distrustAfter }) =>
        `  [${JSON.stringify(name)}, '${sha256}', ${distrustAfter === null ? 'null' : `'${distrustAfter}'`}, '${der}'],`,
    ),
    ']',
    '',
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const roots = readMailRoots()
  writeFileSync(TARGET, page(roots))
  console.log(`wrote ${roots.length} authorities`)
}
