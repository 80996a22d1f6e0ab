/**
 * A real ACME server for tests: Debian's pebble with its name server, on loopback and ports of their own, and what asks them.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeCertificate } from '../../config/testkit.ts'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** How a server is started. */
export interface PebbleOptions {
  /** Where HTTP-01 challenges are asked. */
  readonly httpPort: number
  /** Of 100 good nonces, how many are rejected. */
  readonly rejectedNonces?: number
  readonly alternateRoots?: number
  /** MAC keys by key identifier: then an external account is required. */
  readonly externalAccounts?: Readonly<Record<string, string>>
}

/** A running server. */
export class Pebble {
  readonly #folder = mkdtempSync(join(tmpdir(), 'siegel-pebble-'))
  readonly #processes: ChildProcess[] = []
  readonly #ca = makeCertificate('Pebble TLS CA', { ca: true })
  #port = 0
  #management = 0
  #dns = 0
  #dnsManagement = 0

  /** Address of the directory. */
  get directory(): string {
    return `https://localhost:${this.#port}/dir`
  }

  /** Who vouches for its TLS certificate, PEM. */
  get anchor(): string {
    return this.#ca.pem
  }

  /** Its name server. */
  get nameServer(): { readonly address: string; readonly port: number } {
    return { address: '127.0.0.1', port: this.#dns }
  }

  /** Where records are set by HTTP. */
  get recordsUrl(): string {
    return `http://127.0.0.1:${this.#dnsManagement}`
  }

  /** Starts both programs and waits until they answer. */
  async start(options: PebbleOptions): Promise<void> {
    const tls = makeCertificate('localhost', { dnsNames: ['localhost'] }, this.#ca)
    writeFileSync(join(this.#folder, 'cert.pem'), tls.pem)
    writeFileSync(join(this.#folder, 'key.pem'), tls.keyPem)
    this.#port = await freePort()
    this.#management = await freePort()
    this.#dns = await freePort()
    this.#dnsManagement = await freePort()
    const config = {
      listenAddress: `127.0.0.1:${this.#port}`,
      managementListenAddress: `127.0.0.1:${this.#management}`,
      certificate: join(this.#folder, 'cert.pem'),
      privateKey: join(this.#folder, 'key.pem'),
      httpPort: options.httpPort,
      tlsPort: options.httpPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: options.externalAccounts !== undefined,
      externalAccountMACKeys: options.externalAccounts ?? {},
    }
    writeFileSync(join(this.#folder, 'pebble.json'), JSON.stringify({ pebble: config }))
    this.#run('pebble-challtestsrv', [
      ...['-dns01', `127.0.0.1:${this.#dns}`, '-management', `127.0.0.1:${this.#dnsManagement}`],
      ...['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', '', '-defaultIPv4', '127.0.0.1'],
    ])
    this.#run(
      'pebble',
      ['-config', join(this.#folder, 'pebble.json'), '-dnsserver', `127.0.0.1:${this.#dns}`, '-strict'],
      {
        PEBBLE_VA_NOSLEEP: '1',
        PEBBLE_AUTHZREUSE: '0',
        PEBBLE_WFE_NONCEREJECT: String(options.rejectedNonces ?? 5),
        PEBBLE_ALTERNATE_ROOTS: String(options.alternateRoots ?? 0),
      },
    )
    await this.#answers(() => this.#get('/roots/0'))
    await this.#answers(() => this.setRecord('_ready.example', 'yes'))
  }

  /** Root certificates, PEM; the first is that of the chain that is offered first. */
  root(number: number): Promise<string> {
    return this.#get(`/roots/${number}`)
  }

  /** Sets a TXT record. */
  async setRecord(name: string, value: string): Promise<void> {
    const body = JSON.stringify({ host: `${name}.`, value })
    const sent = httpRequest(`${this.recordsUrl}/set-txt`, { method: 'POST', agent: false })
    sent.end(body)
    const [response] = (await once(sent, 'response')) as [{ resume(): void; statusCode?: number }]
    response.resume()
    if (response.statusCode !== 200) throw new Error(`set-txt: ${String(response.statusCode)}`)
  }

  /** Ends both programs. */
  async end(): Promise<void> {
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #run(program: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}): void {
    const child = spawn(program, [...args], {
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], ...environment },
    })
    this.#processes.push(child)
  }

  async #answers(ask: () => Promise<unknown>): Promise<void> {
    for (let attempt = 0; ; attempt += 1)
      try {
        await ask()
        return
      } catch (error) {
        if (attempt === 100) throw error
        await sleep(50)
      }
  }

  async #get(path: string): Promise<string> {
    const sent = httpsRequest(`https://localhost:${this.#management}${path}`, {
      agent: false,
      ca: this.#ca.pem,
    })
    sent.end()
    const [response] = (await once(sent, 'response')) as [AsyncIterable<Buffer>]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  }
}
