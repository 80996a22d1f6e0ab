/**
 * Makes the TLS context of a listener: which protocol versions and ciphers, which certificates, and by which anchors a client's
 * certificate is judged. Sessions are never resumed, so every connection shows its certificate and is judged anew; a certificate
 * or an anchor that is taken away counts from the next handshake on.
 */
import { constants } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { SecureContext } from 'node:tls'

/** A private key and its chain. */
export interface TlsIdentity {
  /** PEM, PKCS#8. */
  readonly privateKey: string
  /** PEM, the server's certificate first, then all intermediates: Exchange Online fetches none. */
  readonly certificateChain: string
}

/**
 * TLS 1.3, then ECDHE with AEAD; the CBC suites close the list because Exchange Online documents them. RFC 9325 4.2
 */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_AES_128_GCM_SHA256',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES256-SHA384',
  'ECDHE-RSA-AES128-SHA256',
].join(':')

/**
 * Makes a context. Costs about a millisecond: make it once and keep it until the identity or the anchors change.
 *
 * @param identities - at least one; an RSA and an EC identity may stand side by side, the client's abilities decide
 * @param clientAnchors - PEM certificates; with none, no client certificate is trusted
 * @throws Error when a key or certificate cannot be read or they do not belong together
 */
export function createServerContext(
  identities: readonly TlsIdentity[],
  clientAnchors: readonly string[],
): SecureContext {
  return createSecureContext({
    key: identities.map((identity) => identity.privateKey),
    cert: identities.map((identity) => identity.certificateChain),
    // An empty list is not left out: without it Node would take the public roots.
    ca: [...clientAnchors],
    // RFC 8996: nothing older
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    honorCipherOrder: true,
    // RFC 5280 6.1.1: an anchor need not be self-signed
    allowPartialTrustChain: true,
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
    sessionIdContext: 'siegel-inbound',
  })
}
