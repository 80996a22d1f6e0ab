/**
 * Findings of testssl.sh on the listener that are excused, each with its reason. They may speak of the test's certificates, of DNS
 * that a loopback address has none of, or of the tool on this machine; never of what the listener offers. Lists, judges nothing.
 */

/** Finding by testssl's id (certificates that stand side by side add ` <cert#n>`) → why it is nothing to mend. */
export const EXCUSES: Readonly<Record<string, string>> = {
  cert_revocation: 'the test authority publishes neither revocation lists nor OCSP; a public authority does',
  DNS_CAArecord:
    'no DNS is asked in the test, so there is no CAA record; it stands in the zone, not in the listener',
  OCSP_stapling:
    'Exchange Online asks for no stapled response, and the test authority has no responder to ask',
  sessionresumption_ticket:
    'testssl ends its first connection at once: when no ticket has come by then, it reads an empty file and calls that a connect ' +
    'problem; that no session is ever resumed is tested in gateway/src/mail/inbound/starttls.test.ts',
  engine_problem: "Debian's OpenSSL has no GOST engine; the ciphers are tried over bare sockets all the same",
}

/**
 * Findings above the bound that stay when the excused ones are left out.
 * @param findings - testssl's JSON
 */
export function unexcused(findings: readonly Finding[]): Finding[] {
  return findings.filter(
    ({ id, severity }) =>
      !HARMLESS.has(severity) && !Object.hasOwn(EXCUSES, id.replace(/ <(?:host)?cert ?#\d+>$/, '')),
  )
}

/** One finding of testssl. */
export interface Finding {
  readonly id: string
  /** OK, INFO, LOW, MEDIUM, HIGH, CRITICAL; WARN and FATAL when a test could not be made. */
  readonly severity: string
  readonly finding: string
}

/** Severities that need no excuse. A test that could not be made is none of them. */
const HARMLESS = new Set(['OK', 'INFO', 'LOW'])
