/**
 * Writes NOTICE: every package that a release ships, with its version and licence, from package-lock.json alone, so that
 * the result is the same on every machine. A licence that is not on the list is an error, not an entry.
 */

interface LockedPackage {
  readonly version?: string
  readonly license?: string
  readonly dev?: boolean
  readonly link?: boolean
}

/** Licences that Apache-2.0 software may ship with. */
const ALLOWED = new Set([
  'MIT',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  '0BSD',
  'MIT-0',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'Unlicense',
  'Python-2.0',
])
/** Dual licences, with the one we take. */
const CHOSEN: Readonly<Record<string, string>> = {}

/**
 * The text of NOTICE.
 * @param lock - the content of package-lock.json (version 3)
 * @throws Error that names every package with a licence that is missing or not allowed
 */
export function notice(lock: string): string {
  const { packages } = JSON.parse(lock) as { packages: Record<string, LockedPackage> }
  const shipped: { name: string; version: string; license: string }[] = []
  const refused: string[] = []
  for (const [path, entry] of Object.entries(packages)) {
    if (!path.includes('node_modules/') || entry.dev === true || entry.link === true) continue
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const license = CHOSEN[name] ?? entry.license ?? 'none stated'
    if (!ALLOWED.has(license)) refused.push(`${name}: ${license}`)
    shipped.push({ name, version: entry.version ?? '', license })
  }
  if (refused.length > 0) throw new Error(`licences to look at: ${refused.join(', ')}`)
  shipped.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1))
  return [
    'Siegel',
    '',
    'Licensed under the Apache License, Version 2.0 (see LICENSE).',
    '',
    'A release ships these packages, each under its own licence; the licence texts lie in their folders under node_modules.',
    '',
    ...shipped.map(({ name, version, license }) => `${name} ${version}: ${license}`),
    '',
  ].join('\n')
}
