/**
 * Alarms before certificates end: those that the listener presents, those that are presented to Office 365, and own S/MIME
 * credentials. 30, 14, 7 and 1 days before, and once they have ended; those with a short life later, in proportion. An alarm goes
 * by itself when the certificate is replaced.
 */
import { readCertificates } from '@siegel/engine'
import type { Settings, TlsIdentity } from '../config/ports.ts'
import { alarm, type IdentityAlarm } from './alarms.ts'
import { noticeBefore } from './check.ts'

const DAY = 86_400_000
const STEPS = [1, 7, 14, 30]
/** How long before its end a certificate is alarmed of at the earliest. */
export const LONGEST_NOTICE_MS = 30 * DAY
/** Installation: what the listeners present. */
const INSTALLATION = ''

/** An own S/MIME key of a tenant. */
export interface OwnCredential {
  readonly tenantId: string
  /** Of the object. */
  readonly name: string
  readonly addresses: readonly string[]
  readonly sign: boolean
  readonly distrusted: boolean
  /** Milliseconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
}

/** Whether it is still to end. */
type End = 'ends' | 'ended'

const SERVER: Readonly<Record<End, string>> = {
  ends: 'tls-server-certificate-ends',
  ended: 'tls-server-certificate-ended',
}
const CLIENT: Readonly<Record<End, string>> = {
  ends: 'tls-client-certificate-ends',
  ended: 'tls-client-certificate-ended',
}
const SMIME: Readonly<Record<End, string>> = {
  ends: 'smime-certificate-ends',
  ended: 'smime-certificate-ended',
}
/** Codes of the alarms of this file. */
const CODES: ReadonlySet<string> = new Set([SERVER, CLIENT, SMIME].flatMap((codes) => Object.values(codes)))

/** Whether an alarm is one of this file. */
export function isExpiryAlarm({ code }: IdentityAlarm): boolean {
  return CODES.has(code)
}

/** The step that has been reached: days before the end, 0 when it has ended, null when it is far. */
function stepOf(validity: { notBefore: number; notAfter: number }, now: number): number | null {
  const left = validity.notAfter - now
  if (left <= 0) return 0
  const most = noticeBefore(validity)
  return STEPS.find((days) => left <= Math.min(days * DAY, most)) ?? null
}

/** What is to be said of an identity that ends; null when its end is far. */
function endOf(
  identity: TlsIdentity,
  host: string | undefined,
  now: number,
): { readonly end: End; readonly subject: string; readonly args: IdentityAlarm['arguments'] } | null {
  const [leaf] = readCertificates(Buffer.from(identity.chain))
  const days = leaf === undefined ? null : stepOf(leaf, now)
  if (leaf === undefined || days === null) return null
  const subject = host ?? identity.names[0] ?? leaf.fingerprint
  return {
    end: days === 0 ? 'ended' : 'ends',
    subject,
    args: { host: subject, days, untilAt: leaf.notAfter },
  }
}

/** Own credentials that sign and have no successor for all their addresses. */
function ofCredentials(credentials: readonly OwnCredential[], now: number): IdentityAlarm[] {
  const signing = credentials.filter(({ sign, distrusted }) => sign && !distrusted)
  const byAddress = new Map<string, OwnCredential[]>()
  for (const one of signing)
    for (const address of one.addresses) {
      const known = byAddress.get(address)
      if (known === undefined) byAddress.set(address, [one])
      else known.push(one)
    }
  return signing.flatMap((one) => {
    const days = stepOf(one, now)
    if (days === null) return []
    const replaced = one.addresses.every((address) =>
      byAddress
        .get(address)
        ?.some(
          (other) =>
            other.tenantId === one.tenantId &&
            other.notAfter > one.notAfter &&
            other.notBefore <= now &&
            stepOf(other, now) === null,
        ),
    )
    if (replaced) return []
    const args = { credential: one.name, addresses: one.addresses.slice(0, 5), days, untilAt: one.notAfter }
    return [alarm(SMIME[days === 0 ? 'ended' : 'ends'], one.tenantId, one.name, args)]
  })
}

/** What is to be alarmed of now. */
export function expiryAlarms(
  settings: Settings,
  credentials: readonly OwnCredential[],
  now: number,
): IdentityAlarm[] {
  const alarms: IdentityAlarm[] = []
  for (const identity of settings.serverIdentities) {
    const found = endOf(identity, undefined, now)
    if (found !== null) alarms.push(alarm(SERVER[found.end], INSTALLATION, found.subject, found.args))
  }
  for (const [tenantId, identity] of settings.clientIdentities) {
    const found = endOf(identity, settings.tenants.get(tenantId)?.fqdn, now)
    if (found !== null) alarms.push(alarm(CLIENT[found.end], tenantId, found.subject, found.args))
  }
  return [...alarms, ...ofCredentials(credentials, now)]
}
