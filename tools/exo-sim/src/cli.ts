// The command: starts Exchange Online and the world from a file, prints addresses and events as JSON lines,
// runs until SIGTERM or SIGINT. `certificates` writes a set of test certificates to begin with.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { issue, makeAuthority } from './certificates.ts'
import type { IssuedCertificate } from './certificates.ts'
import { readConfigFile } from './config-file.ts'
import { startExchange } from './exchange.ts'
import { startWorld } from './world.ts'

const USAGE = `usage: node cli.ts --config FILE [--events]
       node cli.ts certificates --out FOLDER [--name DNSNAME]...

  --config FILE  JSON; see README.md. Addresses are printed as JSON lines; SIGTERM ends the simulator.
  --events       print what happens as JSON lines, too.
  certificates   write a test root and certificates for Exchange (server, client), the world, and each DNSNAME.
`

function say(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

async function run(path: string, events: boolean): Promise<void> {
  const config = readConfigFile(path)
  const exchange = config.exchange && (await startExchange(config.exchange))
  const target = config.world?.exchange ?? exchange?.address
  const world =
    config.world && (await startWorld({ ...config.world, ...(target ? { exchange: target } : {}) }))
  if (exchange && world && !config.exchange?.internet) exchange.setInternet(world.address)
  if (events) {
    exchange?.on((event) => {
      say({ event })
    })
    world?.on(({ number, envelope, via, raw }) => {
      say({ event: { type: 'received', number, sender: envelope.sender, recipients: envelope.recipients, via, size: raw.length } }) // prettier-ignore
    })
  }
  if (exchange) say({ service: 'exchange', ...exchange.address })
  if (world) say({ service: 'world', ...world.address })
  say({ ready: true, pid: process.pid })
  const stop = (): void => {
    void Promise.all([exchange?.close(), world?.close()]).then(() => process.exit(0))
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}

function writeCertificates(folder: string, names: readonly string[]): void {
  mkdirSync(folder, { recursive: true })
  const root = makeAuthority({ commonName: 'Simulator Test Root', keyType: 'rsa2048' })
  const write = (name: string, made: IssuedCertificate): void => {
    writeFileSync(join(folder, `${name}.cert.pem`), made.cert)
    writeFileSync(join(folder, `${name}.key.pem`), made.key, { mode: 0o600 })
    say({ certificate: join(folder, `${name}.cert.pem`), names: made.x509.subjectAltName })
  }
  writeFileSync(join(folder, 'ca.pem'), root.root)
  const outlook = { commonName: 'mail.protection.outlook.com', organization: 'Simulated Exchange', keyType: 'rsa2048' } as const // prettier-ignore
  const dnsNames = ['mail.protection.outlook.com', '*.mail.protection.outlook.com', '*.mx.microsoft']
  write('exchange', issue(root, { ...outlook, dnsNames }))
  write('outbound', issue(root, { ...outlook, dnsNames: ['mail.protection.outlook.com'] }))
  write('world', issue(root, { commonName: 'mx.world.example', keyType: 'rsa2048' }))
  for (const name of names) write(name, issue(root, { commonName: name, keyType: 'rsa2048' }))
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      events: { type: 'boolean', default: false },
      out: { type: 'string' },
      name: { type: 'string', multiple: true, default: [] },
    },
  })
  if (positionals[0] === 'certificates' && values.out !== undefined)
    writeCertificates(values.out, values.name)
  else if (positionals.length === 0 && values.config !== undefined) await run(values.config, values.events)
  else {
    process.stderr.write(USAGE)
    process.exitCode = 2
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
})
