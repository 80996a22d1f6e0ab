/**
 * An e-mail address as the key of a table: its parts in look-up form, and the names of its domain from the whole to the
 * last label. Pure. It judges no syntax: addresses come from the wire and were read there.
 */

/** The parts of an address in look-up form. */
export interface AddressParts {
  /** Without quotes, lower case, normal form C. */
  readonly local: string
  /** Lower case; empty for `postmaster` alone. */
  readonly domain: string
}

/**
 * Takes an address apart.
 * @param address - a mailbox; its domain in A-labels
 */
export function addressParts(address: string): AddressParts {
  const at = address.lastIndexOf('@')
  const local = at < 0 ? address : address.slice(0, at)
  // RFC 5321 4.1.2: a quoted string is the text inside
  const inside = /^".*"$/s.test(local) ? local.slice(1, -1).replace(/\\(.)/gs, '$1') : local
  return {
    // RFC 6532 3.1: the same characters in another normal form are the same address
    local: inside.normalize('NFC').toLowerCase(),
    domain: at < 0 ? '' : address.slice(at + 1).toLowerCase(),
  }
}

/** The domains above a domain, nearest first; an address literal has none. */
export function parentDomains(domain: string): string[] {
  if (domain.startsWith('[')) return []
  const parents: string[] = []
  for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1))
    parents.push(domain.slice(dot + 1))
  return parents
}
