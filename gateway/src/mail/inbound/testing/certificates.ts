/**
 * Certificates for the tests of inbound, issued by the engine: a CA, a server, a client of that CA and one of a stranger's.
 */
import { generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import { issueCertificate, parseCertificate, writePem } from '@siegel/engine'
import type { Certificate } from '@siegel/engine'

import type { TlsIdentity } from '../tls-context.ts'

const DAY = 86_400_000

/** A CA that issues for the tests. */
export interface TestCa {
  readonly pem: string
  issue(commonName: string, dnsNames: readonly string[], times?: { from: number; to: number }): TlsIdentity
}

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/** Makes a CA; the key of every certificate is an EC key, because that is quickest. */
export function makeCa(name: string): TestCa {
  const key = newKey()
  const now = Date.now()
  const der = issueCertificate({
    subject: { CN: name },
    issuer: { key },
    publicKey: key,
    notBefore: now - DAY,
    notAfter: now + DAY,
    extensions: { ca: true },
  })
  const certificate: Certificate = parseCertificate(der)
  return {
    pem: writePem('CERTIFICATE', der),
    issue: (commonName, dnsNames, times = { from: now - DAY, to: now + DAY }) => {
      const leafKey = newKey()
      const leaf = issueCertificate({
        subject: { O: 'Test', CN: commonName },
        issuer: { certificate, key },
        publicKey: leafKey,
        notBefore: times.from,
        notAfter: times.to,
        extensions: { dnsNames },
      })
      return { privateKey: pemOf(leafKey), certificateChain: writePem('CERTIFICATE', leaf) }
    },
  }
}

function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' })
}
