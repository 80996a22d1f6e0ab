/**
 * Which entries of a file are taken into the keyring, and as what: a certificate as a partner's, a key with its certificate as our
 * own. What could serve nobody is refused with the reason. Judges no trust: that is done when a certificate is to be used.
 */
import { EngineError, parseCertificate, type Certificate } from '@siegel/engine'
import { chainAbove } from '../../config/certificates.ts'
import { namedAddresses, partnerEntryOf, usesOf } from '../keep.ts'
import type { NewCredential } from '../ports.ts'
import type { FileEntry, ImportRefusal } from './entry.ts'

/** What an entry comes to. */
export type Intake =
  | { readonly entry: NewCredential }
  | { readonly refused: { readonly code: ImportRefusal; readonly detail: string } }

function no(code: ImportRefusal, detail = ''): Intake {
  return { refused: { code, detail } }
}

/**
 * Takes an entry in, or says why not.
 * @param source - file and place, for people
 * @param now - milliseconds since 1970
 */
export function takeIn(entry: FileEntry, source: string, now: number): Intake {
  if (entry.kind === 'refused') return { refused: { code: entry.code, detail: entry.detail } }
  if (entry.kind === 'own') return takeOwn(entry, source)
  try {
    const certificate = parseCertificate(entry.der)
    // A key is parsed when it is first asked for; an unknown algorithm must show now.
    return certificate.publicKey.type === 'public'
      ? takePartner(certificate, source, now)
      : no('certificate-malformed')
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return no('certificate-malformed', error.code)
  }
}

function takePartner(certificate: Certificate, source: string, now: number): Intake {
  if (certificate.basicConstraints?.ca === true) return no('certificate-of-authority')
  if (certificate.notAfter < now)
    return no('certificate-expired', new Date(certificate.notAfter).toISOString())
  if (!usesOf(certificate).encrypt) return no('certificate-not-for-encryption')
  const entry = partnerEntryOf({ certificate, origin: 'imported', state: 'active', source, actor: '' })
  return entry === null ? no('address-missing') : { entry }
}

/** An expired one too: old mail must stay readable. */
function takeOwn(entry: Extract<FileEntry, { kind: 'own' }>, source: string): Intake {
  const { key, certificate, others } = entry
  const addresses = namedAddresses(certificate)
  if (addresses.length === 0) return no('address-missing')
  const { sign, encrypt } = usesOf(certificate)
  const { notBefore, notAfter, fingerprint, raw } = certificate
  return {
    entry: {
      ...{ owner: 'own', addresses, sign, encrypt, notBefore, notAfter, fingerprint, certificate: raw },
      chain: chainAbove(certificate, others).map((one) => one.raw),
      ...{ origin: 'imported', state: 'active', source },
      privateKey: key.export({ type: 'pkcs8', format: 'der' }),
    },
  }
}
