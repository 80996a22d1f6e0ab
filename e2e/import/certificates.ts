/**
 * Writes files of many certificates, as directories and partners deliver them: one authority, one key pair for all (only signing
 * differs), and among them certificates that stand there twice and blocks that are rubbish. For tests and measurements only.
 */
import { generateKeyPairSync } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { issueCertificate, parseCertificate, writePem } from '@siegel/engine'

const DAY = 86_400_000
/** Every so many-th entry is one of those before, or rubbish. */
const DUPLICATE_EVERY = 500
const RUBBISH_EVERY = 1000

/** What was written. */
export interface Written {
  readonly certificates: number
  readonly duplicates: number
  readonly rubbish: number
}

/** Certificates in DER, each for an address of its own. */
export function* certificates(count: number, now: number): Generator<Buffer, void, undefined> {
  const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [authority, holder] = [pair(), pair()]
  const root = parseCertificate(
    issueCertificate({
      subject: { CN: 'Import Root' },
      issuer: { key: authority.privateKey },
      publicKey: authority.publicKey,
      notBefore: now - DAY,
      notAfter: now + 3650 * DAY,
      extensions: { ca: true },
    }),
  )
  for (let index = 0; index < count; index += 1)
    yield issueCertificate({
      subject: { CN: `Person ${index}` },
      issuer: { certificate: root, key: authority.privateKey },
      publicKey: holder.publicKey,
      notBefore: now - DAY,
      notAfter: now + 700 * DAY,
      extensions: { emails: [`person${index}@partner${index % 5000}.example`] },
    })
}

function ldifEntry(der: Buffer, index: number): string {
  const folded = der.toString('base64').replaceAll(/(.{70})(?=.)/g, '$1\n ')
  return `dn: cn=Person ${index},o=Partner\nobjectClass: inetOrgPerson\nuserCertificate;binary:: ${folded}\n\n`
}

/** Writes a file of PEM blocks or LDIF entries. */
export async function writeCertificates(
  path: string,
  form: 'pem' | 'ldif',
  count: number,
  now: number,
): Promise<Written> {
  const out = createWriteStream(path)
  const written = { certificates: 0, duplicates: 0, rubbish: 0 }
  const write = async (text: string): Promise<void> => {
    if (!out.write(text)) await once(out, 'drain')
  }
  const entry = (der: Buffer, index: number) =>
    form === 'pem' ? writePem('CERTIFICATE', der) : ldifEntry(der, index)
  let index = 0
  for (const der of certificates(count, now)) {
    await write(entry(der, index))
    written.certificates += 1
    if (index % DUPLICATE_EVERY === 1) {
      await write(entry(der, index))
      written.duplicates += 1
    }
    if (index % RUBBISH_EVERY === 2) {
      await write(entry(der.subarray(0, der.length - 20), index))
      written.rubbish += 1
    }
    index += 1
  }
  out.end()
  await once(out, 'finish')
  return written
}
