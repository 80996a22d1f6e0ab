/**
 * What MTA-STS makes of a policy at one host: with the mode enforce the host must be one that the domain names, and its
 * certificate must be good for it. DANE stands above it.
 */
import type { KeptStsPolicy } from '../../dns/sts.ts'
import { isListed } from '../../dns/sts-policy.ts'
import type { HardenedTls } from './dane-policy.ts'
import { deferred, DialogueFailed } from './verdict.ts'

/**
 * Adds what the domain's policy demands.
 * @param sts - null: the domain has no policy, or it does not count here
 * @throws DialogueFailed, temporary, when nothing may be sent to the host
 */
export function hardenBySts(hardened: HardenedTls, sts: KeptStsPolicy | null, host: string): HardenedTls {
  // RFC 8461 2: what DANE says must not be overridden
  if (sts === null || hardened.dane !== null || sts.policy.mode === 'none') return hardened
  const args = { host, id: sts.id }
  const { policy } = hardened
  const demanded = {
    ...policy,
    required: true,
    chain: true,
    // RFC 8461 4.2: a chain to a trusted anchor, and the name of the host
    demands: [...policy.demands, { level: 'verify', match: ['hostname'] }],
  } as const
  if (sts.policy.mode === 'testing') {
    const reason = { code: 'tls-sts-testing', arguments: args }
    return { ...hardened, tested: demanded, reasons: [...hardened.reasons, reason] }
  }
  if (!isListed(sts.policy, host))
    throw new DialogueFailed(deferred('4.7.5', 'tls-sts-host-not-listed', args))
  const reason = { code: 'tls-by-sts', arguments: args }
  return { ...hardened, policy: demanded, reasons: [...hardened.reasons, reason] }
}
