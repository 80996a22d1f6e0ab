/**
 * The openssl command as second judge in *.peers.test.ts: files for it in a folder that goes with the test, and one call.
 * Judges nothing by itself.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { writePem } from '../src/der/pem.ts'
import type { Person } from './pki.ts'

const folder = mkdtempSync(join(tmpdir(), 'siegel-openssl-'))
after(() => {
  rmSync(folder, { recursive: true })
})
let files = 0

/** Writes a file for the command and gives its path. */
export function file(bytes: Buffer | string): string {
  const path = join(folder, String(files++))
  writeFileSync(path, bytes)
  return path
}

/** Runs the command and gives what it prints. Throws when it fails. */
export function openssl(...args: readonly string[]): Buffer {
  return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Paths of a person's certificate and private key in PEM. */
export function pem(person: Person): { readonly certificate: string; readonly key: string } {
  return {
    certificate: file(writePem('CERTIFICATE', person.certificate.raw)),
    key: file(person.key.export({ type: 'pkcs8', format: 'pem' })),
  }
}
