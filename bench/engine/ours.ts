/**
 * The engine's side of its benchmark: whole mails in, whole mails out, chain validation on each reading, nothing kept from one mail
 * to the next but keys and trust anchors. A line "OPERATION COUNT" is answered with the processor time of one operation in ms.
 *
 * Usage: node bench/engine/ours.ts FOLDER
 */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import {
  decryptMessage,
  encryptEntity,
  protectedEntityOf,
  readCertificates,
  readPrivateKey,
  signEntity,
  signableMessage,
  wrapMessage,
} from '@siegel/engine'
import type { Certificate, EncryptOptions } from '@siegel/engine'

const [folder = '.'] = process.argv.slice(2)
const bytes = (name: string): Buffer => readFileSync(join(folder, name))
function certificateIn(name: string): Certificate {
  const [certificate] = readCertificates(bytes(name))
  if (certificate === undefined) throw new Error(`no certificate in ${name}`)
  return certificate
}
const key = readPrivateKey(bytes('key.pem'))
const certificate = certificateIn('certificate.pem')
const anchors = [certificateIn('root.pem')]
const signer = { key, certificate, chain: [certificateIn('intermediate.pem')] }
const mail = Buffer.concat([bytes('header'), bytes('entity')])

/** A signed mail, encrypted too when a cipher is given. */
function write(cipher: EncryptOptions['cipher'] | null): Buffer {
  const message = signableMessage(mail)
  const { outer, entity } = protectedEntityOf(message)
  const at = Date.now()
  const signed = signEntity(entity, signer, { at, boundary: randomBytes(16).toString('hex') })
  const inner =
    cipher === null
      ? signed
      : encryptEntity(signed, { recipients: [certificate], cipher, keyTransport: 'pkcs1v15' })
  return Buffer.concat(wrapMessage(message, outer, inner))
}

/** Decrypts and verifies. */
function open(message: Buffer): void {
  const result = decryptMessage(message, [{ key, certificate }], {
    anchors,
    at: Date.now(),
    revocation: 'none',
  })
  if (result.status !== 'decrypted' || result.verified?.status !== 'valid' || result.message === null)
    throw new Error(`not opened: ${[...result.reasons, ...(result.verified?.reasons ?? [])].join(' ')}`)
  Buffer.concat(result.message)
}

// What all three open was written here.
writeFileSync(join(folder, 'cbc.eml'), write('aes256-cbc'))
writeFileSync(join(folder, 'gcm.eml'), write('aes256-gcm'))
const [cbc, gcm] = [bytes('cbc.eml'), bytes('gcm.eml')]

const OPERATIONS: Readonly<Record<string, () => void>> = {
  sign: () => write(null),
  'encrypt-cbc': () => write('aes256-cbc'),
  'encrypt-gcm': () => write('aes256-gcm'),
  'open-cbc': () => {
    open(cbc)
  },
  'open-gcm': () => {
    open(gcm)
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name = '', count = ''] = line.split(' ')
  if (name === 'version') {
    console.log(`Node ${process.versions.node}, OpenSSL ${process.versions.openssl}`)
    continue
  }
  const run = OPERATIONS[name]
  if (run === undefined) throw new Error(`no operation ${name}`)
  const start = process.cpuUsage()
  for (let index = 0; index < Number(count); index++) run()
  const { user, system } = process.cpuUsage(start)
  console.log(((user + system) / 1000 / Number(count)).toFixed(6))
}
