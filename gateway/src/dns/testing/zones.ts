/**
 * Zones of our own for tests, signed by ldns and served by an unbound that validates them, on an address of loopback. For tests
 * only; needs unbound and ldnsutils (scripts/install-peers.sh), and root for a port below 1024.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createResolver } from '../resolver.ts'

const run = promisify(execFile)

/** A zone. */
export interface Zone {
  readonly name: string
  /**
   * signed: there is a trust anchor, and the signatures fit. unsigned: there is none. mistrusted: the trust anchor is another
   * key, so that nothing in it is valid.
   */
  readonly state: 'signed' | 'unsigned' | 'mistrusted'
  /** Records in the form of a zone file, names relative to the zone; SOA and NS are added. */
  readonly records: readonly string[]
  /** What is replaced in the zone file after it was signed: signatures that no longer fit. */
  readonly forged?: readonly (readonly [RegExp, string])[]
}

/** A running server. */
export interface ZoneServer {
  readonly address: string
  readonly port: number
  /** What the server logged. */
  log(): Promise<string>
  close(): Promise<void>
}

/** Signs the zones, starts the server and waits until it answers. */
export async function serveZones(
  zones: readonly Zone[],
  { address, port }: { readonly address: string; readonly port: number },
): Promise<ZoneServer> {
  const folder = await mkdtemp(join(tmpdir(), 'siegel-zones-'))
  const anchors: string[] = []
  for (const zone of zones) {
    const anchor = await writeZone(folder, zone)
    if (anchor !== null) anchors.push(anchor)
  }
  await writeFile(join(folder, 'unbound.conf'), configuration(folder, zones, anchors, { address, port }))
  // Nothing is asked outside of this machine.
  await writeFile(join(folder, 'root'), `. 300 NS root.test.\nroot.test. 300 A ${address}\n`)
  const server = spawn('unbound', ['-d', '-c', join(folder, 'unbound.conf')], { stdio: 'ignore' })
  const log = () => readFile(join(folder, 'log'), 'utf8').catch(() => '')
  const close = async () => {
    if (server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit')
      server.kill('SIGTERM')
      await ended
    }
    await rm(folder, { recursive: true })
  }
  const { resolve } = createResolver({ servers: [{ address, port }], timeoutMs: 300 })
  for (let i = 0; ; i++) {
    try {
      await resolve(`ready.${zones[0]?.name ?? ''}`, 'A')
      return { address, port, log, close }
    } catch (error) {
      if (i > 50 || server.exitCode !== null) {
        const said = await log()
        await close()
        throw new Error(`unbound does not answer: ${String(error)}\n${said}`, { cause: error })
      }
      await sleep(100)
    }
  }
}

/** Writes a zone file; gives the trust anchor of the zone, null when it has none. */
async function writeZone(
  folder: string,
  { name, state, records, forged = [] }: Zone,
): Promise<string | null> {
  const keys = join(folder, `keys-${name}`)
  const path = join(folder, `${name}.zone`)
  const lines = [
    `$ORIGIN ${name}.`,
    '$TTL 300',
    `@ SOA ns.${name}. admin.${name}. 1 3600 600 86400 300`,
    `@ NS ns.${name}.`,
    'ns A 127.0.0.1',
    'ready A 127.0.0.1',
    ...records,
    '',
  ]
  await writeFile(path, lines.join('\n'))
  if (state === 'unsigned') return null
  await mkdir(keys)
  const makeKey = async () => {
    const { stdout } = await run('ldns-keygen', ['-a', 'ECDSAP256SHA256', '-k', name], { cwd: keys })
    return stdout.trim()
  }
  const key = await makeKey()
  await run('ldns-signzone', ['-f', path, path, join(keys, key)])
  let text = await readFile(path, 'utf8')
  for (const [pattern, replacement] of forged) {
    if (!pattern.test(text)) throw new Error(`${String(pattern)} is not in ${name}`)
    text = text.replace(pattern, replacement)
  }
  await writeFile(path, text)
  return readFile(join(keys, `${state === 'signed' ? key : await makeKey()}.key`), 'utf8')
}

function configuration(
  folder: string,
  zones: readonly Zone[],
  anchors: readonly string[],
  { address, port }: { readonly address: string; readonly port: number },
): string {
  return `server:
  interface: ${address}
  port: ${port}
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: ""
  use-syslog: no
  logfile: "${folder}/log"
  val-log-level: 2
  root-hints: "${folder}/root"
  num-threads: 1
  module-config: "validator iterator"
  do-not-query-localhost: no
  qname-minimisation: no
  local-zone: "test." nodefault
${anchors.map((anchor) => `  trust-anchor: "${anchor.split(';', 1)[0]?.replaceAll(/\s+/g, ' ').trim() ?? ''}"\n`).join('')}remote-control:
  control-enable: no
${zones
  .map(
    ({ name }) => `auth-zone:
  name: "${name}."
  zonefile: "${folder}/${name}.zone"
  for-downstream: no
  for-upstream: yes
  fallback-enabled: no
`,
  )
  .join('')}`
}
