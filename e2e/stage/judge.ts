/**
 * The judge: says whether a mail is signed well or can be decrypted, without asking Siegel. OpenSSL's command when the machine
 * has one; otherwise the engine itself, and then every verdict says so in its name.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  decryptMessage,
  encryptEntity,
  readCertificates,
  readPrivateKey,
  scanMessage,
  signEntity,
  verifyMessage,
} from '@siegel/engine'

/** What the judge says. */
export interface Judgement {
  readonly good: boolean
  /** The signed content or the plaintext, when it is good. */
  readonly content: Buffer
  /** Why not, or the judge's own words. */
  readonly words: string
}

/** Verifies and decrypts. */
export interface Judge {
  /** Who judges, for the table. */
  readonly name: string
  /** Verifies a signed message (multipart/signed or opaque) against an authority. */
  verify(message: Buffer, authorityPem: string): Judgement
  /** Decrypts an enveloped message with one recipient's certificate and key. */
  decrypt(message: Buffer, certificatePem: string, keyPem: string): Judgement
  /** Writes a signed entity (multipart/signed) around an entity, as a foreign mail program would. */
  sign(entity: Buffer, certificatePem: string, keyPem: string): Buffer
  /** Writes an enveloped entity (AES-256-CBC) around an entity. */
  encrypt(entity: Buffer, certificatePem: string): Buffer
}

/** OpenSSL when there is one, else the built-in check. */
export function findJudge(): Judge {
  const version = spawnSync('openssl', ['version'], { encoding: 'utf8' })
  return version.status === 0 ? opensslJudge(version.stdout.split(' ').slice(0, 2).join(' ')) : builtInJudge()
}

function opensslJudge(name: string): Judge {
  const inFolder = (work: (folder: string) => Judgement): Judgement => {
    const folder = mkdtempSync(join(tmpdir(), 'siegel-judge-'))
    try {
      return work(folder)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  const judge = (folder: string, args: readonly string[]): Judgement => {
    const out = join(folder, 'out')
    const run = spawnSync('openssl', ['cms', ...args, '-out', out], { encoding: 'utf8' })
    const good = run.status === 0
    const words = good ? run.stderr.trim() || 'good' : (run.stderr.trim().split('\n')[0] ?? 'failed')
    return { good, content: good ? readFileSync(out) : Buffer.alloc(0), words }
  }
  return {
    name,
    verify: (message, authorityPem) =>
      inFolder((folder) => {
        const [mail, ca] = [join(folder, 'mail'), join(folder, 'ca.pem')]
        writeFileSync(mail, message)
        writeFileSync(ca, authorityPem)
        return judge(folder, ['-verify', '-in', mail, '-CAfile', ca, '-purpose', 'smimesign'])
      }),
    decrypt: (message, certificatePem, keyPem) =>
      inFolder((folder) => {
        const [mail, certificate, key] = [
          join(folder, 'mail'),
          join(folder, 'cert.pem'),
          join(folder, 'key.pem'),
        ]
        writeFileSync(mail, message)
        writeFileSync(certificate, certificatePem)
        writeFileSync(key, keyPem)
        return judge(folder, ['-decrypt', '-in', mail, '-recip', certificate, '-inkey', key])
      }),
    sign: (entity, certificatePem, keyPem) =>
      write((folder) => {
        const [inner, certificate, key] = [
          join(folder, 'inner'),
          join(folder, 'cert.pem'),
          join(folder, 'key.pem'),
        ]
        writeFileSync(inner, entity)
        writeFileSync(certificate, certificatePem)
        writeFileSync(key, keyPem)
        return ['-sign', '-in', inner, '-signer', certificate, '-inkey', key, '-md', 'sha256', '-crlfeol']
      }),
    encrypt: (entity, certificatePem) =>
      write((folder) => {
        const [inner, certificate] = [join(folder, 'inner'), join(folder, 'cert.pem')]
        writeFileSync(inner, entity)
        writeFileSync(certificate, certificatePem)
        return ['-encrypt', '-in', inner, '-binary', '-aes256', certificate]
      }),
  }
}

/** Runs `openssl cms` to write an entity; its output has LF line ends, which become CRLF as in any mail program. */
function write(prepare: (folder: string) => readonly string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'siegel-judge-'))
  try {
    const run = spawnSync('openssl', ['cms', ...prepare(folder)], { maxBuffer: 1 << 28 })
    if (run.status !== 0) throw new Error(`openssl: ${run.stderr.toString()}`)
    return Buffer.from(run.stdout.toString('latin1').replaceAll(/\r?\n/g, '\r\n'), 'latin1')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Proves less than OpenSSL: the same code that made the mail reads it. */
function builtInJudge(): Judge {
  return {
    name: 'built-in check (no openssl here)',
    verify(message, authorityPem) {
      const verdict = verifyMessage(message, {
        anchors: readCertificates(Buffer.from(authorityPem)),
        at: Date.now(),
      })
      const good = verdict.status === 'valid' || verdict.status === 'signer-mismatch'
      const content = good ? signedEntity(message) : Buffer.alloc(0)
      return { good, content, words: good ? 'good' : verdict.reasons.join(' ') }
    },
    decrypt(message, certificatePem, keyPem) {
      const [certificate = null] = readCertificates(Buffer.from(certificatePem))
      const result = decryptMessage(message, [{ key: readPrivateKey(Buffer.from(keyPem)), certificate }], {
        anchors: [],
        at: Date.now(),
      })
      const good = result.status === 'decrypted'
      return {
        good,
        content: result.entity ?? Buffer.alloc(0),
        words: good ? 'good' : result.reasons.join(' '),
      }
    },
    sign(entity, certificatePem, keyPem) {
      const [certificate] = readCertificates(Buffer.from(certificatePem))
      if (certificate === undefined) throw new Error('no certificate')
      const signer = { key: readPrivateKey(Buffer.from(keyPem)), certificate, chain: [] }
      return Buffer.concat(signEntity([entity], signer, { at: Date.now(), boundary: 'stage-boundary-7f3a' }))
    },
    encrypt(entity, certificatePem) {
      const recipients = readCertificates(Buffer.from(certificatePem))
      return Buffer.concat(
        encryptEntity([entity], { recipients, cipher: 'aes256-cbc', keyTransport: 'pkcs1v15' }),
      )
    },
  }
}

/** The first part of a multipart/signed message: what is signed. */
function signedEntity(message: Buffer): Buffer {
  const [part] = scanMessage(message).parts
  if (part === undefined) throw new Error('the built-in check reads multipart/signed only')
  return message.subarray(part.start, part.end)
}
