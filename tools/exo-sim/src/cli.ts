// The command: starts Exchange Online and the world from a file, prints addresses and events as JSON lines,
// runs until SIGTERM or SIGINT. With `--script` it runs PowerShell in a tenant first. `certificates` writes a set of test certificates to begin with.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { issue, makeAuthority } from './certificates.ts'
import type { IssuedCertificate } from './certificates.ts'
import { readConfigFile } from './config-file.ts'
import type { ScriptArgument } from './administrator.ts'
import { REPLY_NAMES } from './replies.ts'
import { startExchange } from './exchange.ts'
import type { Exchange } from './exchange.ts'
import { startWorld } from './world.ts'

const USAGE = `usage: node cli.ts --config FILE [--events] [--fault NAME]... [--tenant ID --script FILE.ps1 [--argument NAME=VALUE]... [--stay]]
       node cli.ts certificates --out FOLDER [--name DNSNAME]...

  --config FILE  JSON; see README.md. Addresses are printed as JSON lines; SIGTERM ends the simulator.
  --events       print what happens as JSON lines, too.
  --script FILE  run this PowerShell script in the tenant and end with its exit code; several run in turn.
  --argument …   an argument of the scripts; a switch is just NAME.
  --fault NAME   let the front end give this reply, by name; --fault list prints the names.
  --stay         go on running after the scripts.
  certificates   write a test root and certificates for Exchange (server, client), the world, and each DNSNAME.
`

function say(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** What is to be done after the start. */
interface Task {
  tenant: string
  scripts: string[]
  arguments: Record<string, ScriptArgument>
  stay: boolean
  faults: string[]
}

/** `NAME=VALUE`, or NAME alone for a switch; `$true` and `$false` are what they say. */
function argument(text: string): [string, ScriptArgument] {
  const at = text.indexOf('=')
  if (at < 0) return [text, true]
  const value = text.slice(at + 1)
  const truth: Partial<Record<string, boolean>> = { $true: true, $false: false }
  return [text.slice(0, at), truth[value.toLowerCase()] ?? value]
}

/** Runs the scripts; gives the first exit code that is not 0. */
async function runScripts(exchange: Exchange, task: Task): Promise<number> {
  for (const script of task.scripts) {
    const result = await exchange.powershell(task.tenant, readFileSync(script, 'utf8'), {
      arguments: task.arguments,
    })
    process.stdout.write(result.output)
    for (const line of result.warnings) process.stderr.write(`WARNING: ${line}\n`)
    for (const line of result.errors) process.stderr.write(`${line}\n`)
    if (result.exitCode !== 0) return result.exitCode
  }
  return 0
}

async function run(path: string, events: boolean, task: Task): Promise<void> {
  const config = readConfigFile(path)
  const exchange = config.exchange && (await startExchange(config.exchange))
  for (const name of task.faults) exchange?.provoke(name)
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
  if (task.scripts.length === 0) return
  if (!exchange) throw new Error('a script needs the section exchange')
  const code = await runScripts(exchange, task)
  if (task.stay) return
  await Promise.all([exchange.close(), world?.close()])
  process.exitCode = code
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
      tenant: { type: 'string', default: '' },
      script: { type: 'string', multiple: true, default: [] },
      argument: { type: 'string', multiple: true, default: [] },
      stay: { type: 'boolean', default: false },
      fault: { type: 'string', multiple: true, default: [] },
      out: { type: 'string' },
      name: { type: 'string', multiple: true, default: [] },
    },
  })
  if (values.fault.includes('list')) process.stdout.write(`${REPLY_NAMES.join('\n')}\n`)
  else if (positionals[0] === 'certificates' && values.out !== undefined)
    writeCertificates(values.out, values.name)
  else if (
    positionals.length === 0 &&
    values.config !== undefined &&
    (values.script.length === 0 || values.tenant !== '')
  ) {
    const given = Object.fromEntries(values.argument.map(argument))
    await run(values.config, values.events, { tenant: values.tenant, scripts: values.script, arguments: given, stay: values.stay, faults: values.fault }) // prettier-ignore
  } else {
    process.stderr.write(USAGE)
    process.exitCode = 2
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
})
