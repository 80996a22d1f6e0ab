/**
 * Brings the counts of a domain's day into the order of a report: by policy, then by failure. Pure.
 */
import type { SessionCount } from './ports.ts'
import type { FailedSessions, PolicySessions } from './report.ts'

/** The sessions by policy, in the order in which the policies come up. RFC 8460 4.4 */
export function sessionsByPolicy(counts: readonly SessionCount[]): PolicySessions[] {
  const policies = new Map<string, SessionCount[]>()
  for (const one of counts) {
    const key = JSON.stringify(one.session.policy)
    const known = policies.get(key)
    if (known === undefined) policies.set(key, [one])
    else known.push(one)
  }
  return [...policies.values()].flatMap((rows) => {
    const [first] = rows
    if (first === undefined) return []
    const { type, strings, mxHosts } = first.session.policy
    const good = rows.filter(({ session }) => session.result === null)
    const successful = good.reduce((sum, { count }) => sum + count, 0)
    return [{ type, text: strings, hosts: mxHosts, successful, failed: rows.flatMap(failure) }]
  })
}

function failure({ session, count }: SessionCount): FailedSessions[] {
  const { result, reason, mx, address, localAddress } = session
  if (result === null) return []
  return [{ result, sendingAddress: localAddress, host: mx, receivingAddress: address, reason, count }]
}
