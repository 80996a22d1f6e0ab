/**
 * Reads what a DKIM-Signature says of itself: whose it is, what it covers. Verifies nothing: what stands here is a claim.
 */

/** The claims of a signature. RFC 6376 3.5 */
export interface DkimClaims {
  /** `d=` in lower case. */
  readonly domain: string
  /** `s=` as written; empty when it is missing. */
  readonly selector: string
  /** `h=` in lower case. */
  readonly signedFields: readonly string[]
  /** There is an `l=`: what stands behind it in the body is not covered. */
  readonly limitsBody: boolean
}

/** The tags of a tag list; a tag that stands twice makes the whole list void. RFC 6376 3.2 */
export function readTagList(value: string): ReadonlyMap<string, string> | null {
  const tags = new Map<string, string>()
  for (const spec of value.split(';')) {
    const equals = spec.indexOf('=')
    const name = spec.slice(0, Math.max(equals, 0)).trim()
    if (name === '') continue
    if (tags.has(name)) return null
    tags.set(name, spec.slice(equals + 1).trim())
  }
  return tags
}

/** The claims of an unfolded field value; null when it names no domain. */
export function readDkimSignature(value: string): DkimClaims | null {
  const tags = readTagList(value)
  const domain = tags?.get('d')?.replaceAll(/\s/g, '').toLowerCase()
  const selector = tags?.get('s')?.replaceAll(/\s/g, '') ?? ''
  if (tags === null || domain === undefined || domain === '') return null
  const signedFields = (tags.get('h') ?? '').replaceAll(/\s/g, '').toLowerCase().split(':')
  return { domain, selector, signedFields, limitsBody: tags.has('l') }
}
