/**
 * Reads off a finished TLS handshake what the trace and attribution need. Judges nothing itself: OpenSSL compared the client's
 * chain with the anchors of the context, and a certificate that is not trusted is still told, with the reason.
 */
import type { TLSSocket } from 'node:tls'

import type { PeerCertificateFacts, PeerTls } from '../message.ts'

/** What is known of the session. */
export function peerTls(socket: TLSSocket, serverName: string | null): PeerTls {
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher().standardName,
    serverName,
    certificate: certificateFacts(socket),
  }
}

function certificateFacts(socket: TLSSocket): PeerCertificateFacts | null {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return null
  const trustError = verifyError(socket)
  return {
    commonNames: commonNames(certificate.toLegacyObject().subject),
    dnsNames: dnsNames(certificate.subjectAltName ?? ''),
    trusted: trustError === null,
    trustError,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

function commonNames(subject: unknown): string[] {
  const names: unknown = typeof subject === 'object' && subject !== null ? Reflect.get(subject, 'CN') : null
  const list: unknown[] = Array.isArray(names) ? names : [names]
  return list.filter((name) => typeof name === 'string')
}

/**
 * The dNSName entries. Node writes `DNS:a, DNS:b` and puts an entry with any odd character in quotes; such a one is no host name
 * and is left out, so that no other kind of name can pretend to be one. RFC 5280 4.2.1.6
 */
function dnsNames(subjectAltName: string): string[] {
  const names: string[] = []
  for (const match of subjectAltName.matchAll(/([^,":]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/g)) {
    if (match[1] === 'DNS' && /^[A-Za-z0-9*._-]+$/.test(match[2] ?? '')) names.push(match[2] ?? '')
  }
  return names
}

/**
 * OpenSSL's verdict on the client's chain as Node's code, null when it is good. Node puts it into `authorized` only on sockets that a
 * `tls.Server` accepted, and reads it there from the same place; it has no public name. If it were gone, nobody is trusted.
 */
function verifyError(socket: TLSSocket): string | null {
  const handle: unknown = Reflect.get(socket, '_handle')
  if (typeof handle !== 'object' || handle === null) return 'UNKNOWN'
  const judge: unknown = Reflect.get(handle, 'verifyError')
  if (typeof judge !== 'function') return 'UNKNOWN'
  const error: unknown = Reflect.apply(judge, handle, [])
  if (error === null || error === undefined) return null
  const code: unknown = typeof error === 'object' ? Reflect.get(error, 'code') : null
  return typeof code === 'string' ? code : 'UNKNOWN'
}
