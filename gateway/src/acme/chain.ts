/**
 * Reads the chains that an authority offers, chooses the one that ends where the administrator wants, and names a certificate as
 * renewal information does. Judges none of them.
 */
import { EngineError, Oid, readCertificates, type Certificate } from '@siegel/engine'
import { AcmeFailure } from './failure.ts'
import { base64url } from './jose.ts'

/** The common name of the root that a chain leads to. */
function rootOf(chain: readonly Certificate[]): string {
  const names = chain.at(-1)?.issuer.attributes ?? []
  return names.find(({ oid }) => oid === Oid.idAtCommonName)?.text ?? ''
}

/**
 * Chooses a chain.
 * @param chains - PEM each, the authority's own choice first
 * @param preferredRoot - common name of a root; null for the authority's own choice
 * @throws AcmeFailure when the authority's own choice cannot be read
 */
export function chooseChain(chains: readonly string[], preferredRoot: string | null): Certificate[] {
  const read = chains.flatMap((pem, index) => {
    try {
      return [readCertificates(Buffer.from(pem, 'latin1'))]
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      if (index > 0) return []
      throw new AcmeFailure('refused', `the certificate cannot be read: ${error.message}`)
    }
  })
  const wanted = preferredRoot === null ? undefined : read.find((chain) => rootOf(chain) === preferredRoot)
  return wanted ?? read[0] ?? []
}

/** The name of a certificate in renewal information; null without authority key identifier. RFC 9773 4.1 */
export function renewalId({ authorityKeyId, serial }: Certificate): string | null {
  return authorityKeyId === null ? null : `${base64url(authorityKeyId)}.${base64url(serial)}`
}
