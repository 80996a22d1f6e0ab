/**
 * Runs the administrator's command that writes and removes DNS records for DNS-01. The command stands in siegel.yaml, never in an
 * object that a role of the product can write; it is started without a shell, with nothing of what an authority sends but a host
 * name and base64url. The one place of the gateway that starts a program.
 */
import { spawn } from 'node:child_process'
import type { DnsRecord } from './challenges.ts'
import { AcmeFailure } from './failure.ts'

const TIMEOUT_MS = 120_000
const LONGEST_COMPLAINT = 500

/** Writes or removes a record. Rejects with AcmeFailure `not-ready`. */
export type DnsCommand = (action: 'present' | 'cleanup', record: DnsRecord) => Promise<void>

/**
 * Makes the command: it is called as `PROGRAM ARGUMENTS… present|cleanup NAME VALUE`.
 * @param command - program and arguments, as in siegel.yaml
 */
export function createDnsCommand(
  command: readonly [string, ...string[]],
  timeoutMs = TIMEOUT_MS,
): DnsCommand {
  const [program, ...fixed] = command
  return (action, { name, value }) => {
    // RFC 8555 8.4: nothing else goes to a program. The value may begin with a hyphen; the guide says so.
    if (!/^_acme-challenge\.[a-z0-9.-]{1,253}$/.test(name) || !/^[A-Za-z0-9_-]{43}$/.test(value))
      return Promise.reject(new AcmeFailure('not-ready', 'the record to be written has a wrong form'))
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const child = spawn(program, [...fixed, action, name, value], {
      shell: false,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      // The master key may stand in the environment of the server.
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    })
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (complaint.length < LONGEST_COMPLAINT) complaint += text
    })
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(new AcmeFailure('not-ready', `${program} cannot be started: ${error.code ?? error.message}`))
    })
    child.on('close', (code, signal) => {
      if (code === 0) resolve(undefined)
      else
        reject(
          new AcmeFailure(
            'not-ready',
            `${program} ${action} failed (${signal ?? String(code)}): ${complaint.slice(0, LONGEST_COMPLAINT).trim()}`,
          ),
        )
    })
    return promise
  }
}
