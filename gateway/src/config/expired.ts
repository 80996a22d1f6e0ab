/**
 * Finds TLS certificates of objects that are over or not yet valid, so that `siegel apply` says so before mail is held for it. A warning,
 * not a fault: an export of an old installation must still be applied. Knows nothing of what `tls-cert` or ACME has put in force.
 */
import { X509Certificate } from 'node:crypto'
import { objectKey } from './config-object.ts'
import type { ConfigObject } from './ports.ts'
import type { Finding } from './settings.ts'

/** The chain of an object that presents one, as PEM. */
function chainOf({ kind, spec }: ConfigObject): unknown {
  if (kind === 'ServerCertificate') return (spec as { chain?: unknown } | null)?.chain
  if (kind === 'Tenant')
    return (spec as { clientCertificate?: { chain?: unknown } } | null)?.clientCertificate?.chain
  return undefined
}

/** Null for what cannot be read: that has a finding of its own. */
function readLeaf(chain: string): X509Certificate | null {
  try {
    return new X509Certificate(chain)
  } catch {
    return null
  }
}

/**
 * The findings about a set of objects.
 * @param now - milliseconds since 1970
 */
export function outsideValidity(objects: readonly ConfigObject[], now: number): Finding[] {
  return objects.flatMap((object): Finding[] => {
    const chain = chainOf(object)
    if (typeof chain !== 'string') return []
    const leaf = readLeaf(chain)
    if (leaf === null) return []
    const { validFromDate, validToDate } = leaf
    const over = validToDate.getTime() <= now
    if (!over && validFromDate.getTime() <= now) return []
    const when = (over ? validToDate : validFromDate).toISOString().slice(0, 10)
    const message =
      object.kind === 'Tenant'
        ? `the client certificate ${over ? `ended on ${when}` : `begins on ${when}`}: Office 365 does not recognise the gateway by it`
        : `the certificate ${over ? `ended on ${when}` : `begins on ${when}`}: Exchange Online does not connect to it`
    return [{ code: 'certificate-not-valid', severity: 'warning', object: objectKey(object), message }]
  })
}
