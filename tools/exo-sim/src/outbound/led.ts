// The texts by which Exchange Online's message trace explains why a next hop was not reached (the "LED" of a queue).
// Texts only; what is retried and when is the queue's business.
import type { X509Certificate } from 'node:crypto'
import type { OutboundConnector, Endpoint } from '../config.ts'
import type { ConnectionProblem } from '../smtp/connection.ts'
import { replyText } from '../smtp/reply.ts'
import { judgeChain } from '../tls/chain.ts'
import type { RevocationList } from '../tls/revocation.ts'
import { certificateSatisfies, subjectText } from '../tls/names.ts'

/** Judges a smart host's chain as the connector's TlsSettings demand; a text is the reason to refuse it. */
export function judgeSmartHost(
  connector: OutboundConnector,
  chain: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
  at: Date,
  lists: readonly RevocationList[],
): string | undefined {
  if (connector.tlsSettings === undefined || connector.tlsSettings === 'EncryptionOnly') return undefined
  const leaf = chain[0]
  if (!leaf) return 'EmptyCertificate'
  const verdict = judgeChain(chain, { anchors, at, lists })
  if (!verdict.trusted) return verdict.problem
  const expected = connector.tlsDomain ?? connector.smartHost
  if (connector.tlsSettings === 'CertificateValidation' || certificateSatisfies(leaf, expected))
    return undefined
  const thumbprint = leaf.fingerprint.replaceAll(':', '')
  return `SubjectMismatch Expected Subject: ${expected}. Presented Subject: ${subjectText(leaf)}. Thumbprint: ${thumbprint}.`
}

/** The text for a problem with the connection to `name` at `endpoint`. */
export function lastError(problem: ConnectionProblem, name: string, endpoint: Endpoint): string {
  const where = `[LastAttemptedServerName=${name}] [LastAttemptedIP=${endpoint.host}:${endpoint.port}] [SmtpSecurity=-1;-1]`
  switch (problem.kind) {
    case 'refused':
      return `450 4.4.316 Connection refused [Message=Socket error code 10061] ${where}`
    case 'timeout':
      return `450 4.4.316 Connection timed out [Message=Socket error code 10060] ${where}`
    case 'dropped':
      return `421 4.4.2 Connection dropped due to SocketError ${where}`
    case 'no-starttls':
      return `450 4.4.317 Cannot connect to remote server [Message=451 5.7.3 STARTTLS is required to send mail] ${where}`
    case 'certificate':
      return `450 4.4.317 Cannot connect to remote server [Message=${problem.detail}] ${where}`
    case 'reply':
      return `450 4.4.317 Cannot establish session with remote server [Message=${replyText(problem.reply)}] ${where}`
  }
}

/** The last words over a message that has waited too long. */
export const EXPIRED = '550 5.4.300 Message expired'
