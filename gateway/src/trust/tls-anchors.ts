/**
 * The authorities that TLS certificates are judged by: the runtime's list, read once, and own ones from the settings. Judges none.
 */
import { rootCertificates } from 'node:tls'
import { readCertificates, type Certificate } from '@siegel/engine'

let roots: readonly Certificate[] | null = null

/** The public roots of the runtime; reading them takes some milliseconds, once. */
export function publicRoots(): readonly Certificate[] {
  roots ??= rootCertificates.flatMap((pem) => readCertificates(Buffer.from(pem)))
  return roots
}

/** Own anchors, PEM, as certificates. */
export function ownAnchors(pems: readonly string[]): Certificate[] {
  return pems.flatMap((pem) => readCertificates(Buffer.from(pem)))
}
