/**
 * A running slapd of Debian for tests, on loopback, with entries of its own, LDAPS and StartTLS. For tests only; needs slapd
 * (scripts/install-peers.sh).
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** What the server is started with. */
export interface SlapdOptions {
  /** PEM. */
  readonly certificate: string
  readonly key: string
  /** Entries below `dc=test`, as LDIF. */
  readonly ldif: string
  /** Password of `cn=reader,dc=test`, without whom nothing can be read. */
  readonly password: string
  readonly ports: { readonly ldap: number; readonly ldaps: number }
}

/** Starts one. */
export async function startSlapd(options: SlapdOptions): Promise<{ close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-slapd-'))
  const at = (name: string): string => join(folder, name)
  mkdirSync(at('db'))
  writeFileSync(at('cert.pem'), options.certificate)
  writeFileSync(at('key.pem'), options.key)
  writeFileSync(
    at('data.ldif'),
    `dn: dc=test\nobjectClass: dcObject\nobjectClass: organization\ndc: test\no: Test\n\n${options.ldif}`,
  )
  writeFileSync(at('slapd.conf'), configuration(folder, options.password))
  const loaded = spawnSync('/usr/sbin/slapadd', ['-f', at('slapd.conf'), '-l', at('data.ldif')], {
    encoding: 'utf8',
  })
  if (loaded.status !== 0) throw new Error(`slapadd: ${loaded.stderr}`)
  const { ldap, ldaps } = options.ports
  const urls = `ldap://127.0.0.1:${ldap}/ ldaps://127.0.0.1:${ldaps}/`
  const server = spawn('/usr/sbin/slapd', ['-f', at('slapd.conf'), '-h', urls, '-d', '0'], {
    stdio: 'ignore',
  })
  const close = async (): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit')
      server.kill('SIGTERM')
      await ended
    }
    if (existsSync(folder)) rmSync(folder, { recursive: true })
  }
  for (let i = 0; !(await answers(ldaps)); i++) {
    if (i > 100 || server.exitCode !== null) {
      await close()
      throw new Error('slapd does not listen')
    }
    await pause(50)
  }
  return { close }
}

function configuration(folder: string, password: string): string {
  return `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile ${folder}/pid
TLSCertificateFile ${folder}/cert.pem
TLSCertificateKeyFile ${folder}/key.pem
security tls=128
database mdb
suffix "dc=test"
directory ${folder}/db
rootdn "cn=reader,dc=test"
rootpw "${password}"
access to * by * none
`
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
