/**
 * The verdict on e-mail certificates: is there a good path to one of the tenant's anchors, for this purpose and address,
 * now? Gives reasons for every "no". Fetches nothing yet: revocation is unknown, which is soft by factory setting.
 */
import { buildPath, parseCertificate, type Certificate, type PathResult } from '@siegel/engine'

/** What a certificate is to be good for. */
export type CertificateUse = 'sign' | 'encrypt'

/** The trust settings of one tenant at one version of the settings. */
export interface Trust {
  /** Changes when anchors change. */
  readonly version: number
  /** The tenant's anchors for e-mail. */
  readonly anchors: readonly Certificate[]
  /**
   * Judges a certificate.
   * @param chain - intermediates that came with it, untrusted
   * @param address - the mailbox it must name; null to leave that test out
   * @param at - milliseconds since 1970
   */
  verdict(
    certificate: Certificate,
    chain: readonly Certificate[],
    use: CertificateUse,
    address: string | null,
    at: number,
  ): PathResult
}

/**
 * Compiles a tenant's anchors.
 * @param anchors - DER certificates; one that cannot be read is left out (the settings report it when they are applied)
 */
export function createTrust(version: number, anchors: readonly Buffer[]): Trust {
  const parsed = anchors.map((anchor) => parseCertificate(anchor))
  return {
    version,
    anchors: parsed,
    verdict: (certificate, chain, use, address, at) =>
      buildPath(certificate, {
        anchors: parsed,
        intermediates: chain,
        at,
        purpose: use === 'sign' ? 'email-sign' : 'email-encrypt',
        ...(address === null ? {} : { address: { email: address } }),
      }),
  }
}
