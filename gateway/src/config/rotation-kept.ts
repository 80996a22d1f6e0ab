/**
 * What `siegel exchange rotate` has done to a tenant outlives files that were written before: a file that carries the state of the
 * change as it is may change everything; one that says nothing of it may, as long as secrets and words are those in force. Pure.
 */
import { isDeepStrictEqual } from 'node:util'
import type { TenantSpec } from '@siegel/contract'

/** What the rules must agree with. */
function valuesOf({ preset, secretHeader, processedHeader }: TenantSpec) {
  const secrets =
    secretHeader === undefined ? null : [secretHeader.name, secretHeader.outbound, secretHeader.inbound]
  return [preset, secrets, processedHeader]
}

/**
 * Compares a tenant in a file with the stored one. Where the file says nothing of the change and contradicts nothing, `wanted` is
 * given the stored state of it.
 * @param wanted - the tenant as the file has it
 * @returns the field that is older than the change; null when nothing would be undone
 */
export function keepRotation(
  wanted: TenantSpec,
  stored: TenantSpec,
): 'secretHeader' | 'processedHeader' | 'rotation' | null {
  if (stored.rotation === undefined || wanted.rotation?.at === stored.rotation.at) return null
  if (wanted.rotation !== undefined) return 'rotation'
  if (!isDeepStrictEqual(valuesOf(wanted), valuesOf(stored)))
    return isDeepStrictEqual(wanted.processedHeader, stored.processedHeader)
      ? 'secretHeader'
      : 'processedHeader'
  wanted.rotation = stored.rotation
  if (wanted.secretHeader !== undefined && stored.secretHeader?.retired !== undefined)
    wanted.secretHeader.retired ??= stored.secretHeader.retired
  return null
}
