/**
 * The command `siegel smime` and `siegel cert p12` as a participant: what its fixed options can say of a row.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { plainMail } from './mail.ts'
import type { Material, Person } from './material.ts'
import { Unable } from './participant.ts'
import type { Participant } from './participant.ts'
import type { Encryption, Row, Signing } from './rows.ts'

const SIEGEL = join(import.meta.dirname, '../../siegel')
const CIPHERS: ReadonlySet<string> = new Set(['aes128-cbc', 'aes256-cbc', 'aes128-gcm', 'aes256-gcm'])

/** Whether the options of the command can ask for what a row is about. */
export function canBeAsked({ what, written }: Row): boolean {
  if (!written) return false
  if (what.kind === 'signing')
    return what.attributes && what.second === null && what.signer === 'issuer-and-serial' && !what.indefinite
  if (what.kind !== 'encryption' || what.recipient === 'subject-key-id' || what.cekHkdf || what.tripleWrapped)
    return false
  const { transport } = what
  if (transport.scheme === 'oaep' && (transport.hash !== 'sha256' || transport.mgf1 !== 'sha256'))
    return false
  return transport.scheme === 'oaep'
    ? transport.label === null
    : what.key === 'rsa' && CIPHERS.has(what.cipher)
}

class Command implements Participant {
  readonly name = 'siegel'
  readonly version = ''
  private readonly material: Material

  constructor(material: Material) {
    this.material = material
  }

  close(): void {
    // Every process ended with its answer.
  }

  make({ what }: Row): Buffer {
    if (what.kind === 'signing') return this.sign(what)
    if (what.kind === 'encryption') return this.encrypt(what)
    throw new Unable('no option for it')
  }

  read({ what }: Row, made: Buffer): void {
    if (what.kind === 'signing') this.expect('valid', ['verify', this.material.file(made), ...this.trust()])
    else if (what.kind === 'encryption') this.decrypt(what, made)
    else throw new Unable('no option for it')
  }

  /** Runs the command; its standard output. */
  private run(args: readonly string[]): string {
    const run = spawnSync(SIEGEL, ['smime', ...args], { encoding: 'utf8', timeout: 30_000 })
    if (run.error !== undefined) throw new Error(run.error.message)
    if (run.status !== 0) throw new Unable(`${run.stderr}${run.stdout}`.trim())
    return run.stdout
  }

  private expect(status: string, args: readonly string[]): void {
    const shown: unknown = JSON.parse(this.run([...args, '--json']))
    if (typeof shown !== 'object' || shown === null || !('status' in shown) || shown.status !== status)
      throw new Unable(JSON.stringify(shown))
  }

  private trust(): readonly string[] {
    const { rootFile, intermediateFile } = this.material
    return ['--trust', rootFile, '--intermediates', intermediateFile]
  }

  /** Key, certificate and intermediate in one file. */
  private keys(person: Person): string {
    const files = [person.keyFile, person.certificateFile, this.material.intermediateFile]
    return this.material.file(Buffer.concat(files.map((file) => readFileSync(file))), 'pem')
  }

  private sign(what: Signing): Buffer {
    const { material } = this
    const person = material.person(what.key)
    const out = material.file('')
    const mail = material.file(plainMail(person.email, material.entity))
    const args = ['sign', mail, '--key', this.keys(person), '--out', out]
    if (what.form === 'opaque') args.push('--opaque')
    if (what.pss !== null) args.push('--pss')
    if (what.digest !== null) args.push('--digest', what.digest)
    this.run(args)
    return readFileSync(out)
  }

  private encrypt(what: Encryption): Buffer {
    const { material } = this
    const person = material.person(what.key)
    const out = material.file('')
    const mail = material.file(plainMail(person.email, material.entity))
    const transport = what.transport.scheme === 'oaep' ? 'oaep-sha256' : 'pkcs1v15'
    const how = ['--cipher', what.cipher, '--key-transport', transport]
    this.run(['encrypt', mail, '--to', person.certificateFile, ...how, '--out', out])
    return readFileSync(out)
  }

  private decrypt(what: Encryption, made: Buffer): void {
    const { material } = this
    const out = material.file('')
    const keys = ['--key', this.keys(material.person(what.key))]
    this.expect('decrypted', ['decrypt', material.file(made), ...keys, '--out', out, ...this.trust()])
    if (!readFileSync(out).includes(material.token)) throw new Unable('another plaintext came out')
  }
}

/** The command. */
export function command(material: Material): Participant {
  return new Command(material)
}
