/**
 * Name constraints (RFC 5280 4.2.1.10, 6.1.3 b and c): whether the names of a certificate lie within what the CAs above it
 * may certify. Fails closed: a name that cannot be read where a constraint of its kind exists is outside. Bounded in work.
 */
import { EngineError } from '../errors.ts'
import { toText } from '../der/decode.ts'
import { Oid } from '../der/oid.ts'
import { Tag } from '../der/reader.ts'
import type { Element } from '../der/reader.ts'
import { hasNonAscii, lowerAscii, parseAddrSpec, toAsciiDomain } from './address.ts'
import type { Certificate } from './certificate.ts'
import type { NameConstraints } from './extensions.ts'
import type { GeneralName } from './general-name.ts'

/** What is left of the comparisons of names with constraints that one search may cause. */
export interface ComparisonBudget {
  left: number
}

/** A fresh budget: about a million comparisons, some 50 ms. */
export function comparisonBudget(): ComparisonBudget {
  return { left: 1 << 20 }
}

/** A name prepared for comparison; null parts are what cannot be read. */
interface Target {
  readonly kind: string
  readonly shown: string
  readonly local: string | null
  /** Lower case. */
  readonly host: string | null
  readonly wildcard: boolean
  readonly bytes: Buffer | null
  readonly directory: readonly string[] | null
}

/** Whether the name lies in the subtree; null if that cannot be told. */
type Subtree = (target: Target) => boolean | null

/** Constraints prepared for comparison, by the kind of name they are about. */
type Prepared = ReadonlyMap<string, { readonly permitted: Subtree[]; readonly excluded: Subtree[] }>

/** Checks one CA's constraints on many certificates. */
export class NameConstraintCheck {
  private readonly prepared: Prepared
  private readonly count: number
  private readonly budget: ComparisonBudget

  constructor(constraints: NameConstraints, budget: ComparisonBudget) {
    const prepared = new Map<string, { permitted: Subtree[]; excluded: Subtree[] }>()
    for (const side of ['permitted', 'excluded'] as const)
      for (const base of constraints[side]) {
        const kind = kindOf(base)
        const entry = prepared.get(kind) ?? { permitted: [], excluded: [] }
        entry[side].push(subtreeOf(base))
        prepared.set(kind, entry)
      }
    this.prepared = prepared
    this.count = constraints.permitted.length + constraints.excluded.length
    this.budget = budget
  }

  /**
   * The first name of the certificate that the constraints do not allow, as text for the operator; null if all are allowed.
   * @param hosts - common names that look like host names count too, as some programs still take them for such
   * @throws EngineError `path-search-exhausted` when the names and constraints are too many to compare
   */
  violation(certificate: Certificate, hosts = false): string | null {
    for (const name of [...namesOf(certificate), ...(hosts ? hostNamesOf(certificate) : [])]) {
      // Every name is charged with every constraint, whatever their kinds
      this.budget.left -= this.count
      if (this.budget.left < 0)
        throw new EngineError('path-search-exhausted', 'too many names and name constraints')
      const rules = this.prepared.get(kindOf(name))
      if (rules === undefined) continue
      const { permitted, excluded } = rules
      const target = targetOf(name)
      if (excluded.some((lies) => lies(target) !== false)) return target.shown
      if (permitted.length > 0 && !permitted.some((lies) => lies(target) === true)) return target.shown
    }
    return null
  }
}

/** The names that constraints apply to: subjectAltName, the subject, and the mail addresses in the subject. */
function namesOf(certificate: Certificate): readonly GeneralName[] {
  const names: GeneralName[] = [...(certificate.parsed.subjectAltName ?? [])]
  if (!certificate.subject.empty) names.push({ kind: 'directory', name: certificate.subject })
  for (const attribute of certificate.subject.attributes)
    if (attribute.oid === Oid.idEmailAddress) names.push({ kind: 'email', text: attribute.text ?? '' })
  return names
}

/** Common names of the form of a host name, where subjectAltName has no DNS name (RFC 6125 6.4.4, of old). */
function hostNamesOf({ subject, dnsNames }: Certificate): readonly GeneralName[] {
  if (dnsNames.length > 0) return []
  return subject.attributes.flatMap(({ oid, text }) =>
    oid === Oid.idAtCommonName && text?.includes('.') === true && toAsciiDomain(text) !== null
      ? [{ kind: 'dns', text }]
      : [],
  )
}

/** RFC 9598 6: SmtpUTF8Mailbox names are subject to rfc822Name constraints. */
function kindOf(name: GeneralName): string {
  if (name.kind === 'other') return name.oid === Oid.idOnSmtpUtf8Mailbox ? 'email' : `other ${name.oid}`
  if (name.kind === 'unsupported') return `unsupported ${name.tag}`
  return name.kind
}

const NOTHING = { local: null, host: null, wildcard: false, bytes: null, directory: null }

function targetOf(name: GeneralName): Target {
  const kind = kindOf(name)
  switch (name.kind) {
    case 'email':
      return emailTarget(name.text)
    case 'other':
      return kind === 'email' ? emailTarget(utf8Text(name.value) ?? '') : { ...NOTHING, kind, shown: kind }
    case 'dns': {
      const wildcard = name.text.startsWith('*.')
      const host = dnsText(wildcard ? name.text.slice(2) : name.text)
      return { ...NOTHING, kind, shown: `dns ${JSON.stringify(name.text)}`, host, wildcard }
    }
    case 'uri':
      return { ...NOTHING, kind, shown: `uri ${JSON.stringify(name.text)}`, host: uriHost(name.text) }
    case 'ip':
      return { ...NOTHING, kind, shown: `ip ${name.bytes.toString('hex')}`, bytes: name.bytes }
    case 'directory':
      return { ...NOTHING, kind, shown: name.name.text, directory: name.name.rdnKeys }
    case 'unsupported':
      return { ...NOTHING, kind, shown: kind }
  }
}

function emailTarget(text: string): Target {
  const address = parseAddrSpec(text)
  return {
    ...NOTHING,
    kind: 'email',
    shown: `email ${JSON.stringify(text)}`,
    local: address?.local ?? null,
    host: address?.domain ?? null,
  }
}

function utf8Text(value: Element): string | null {
  try {
    return value.is(0, Tag.utf8String) ? toText(value) : null
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

/** A DNS name for comparison; underscores are tolerated as real names have them. */
function dnsText(name: string): string | null {
  return toAsciiDomain(name.replaceAll('_', 'x')) === null ? null : lowerAscii(name)
}

/** RFC 5280 4.2.1.10: a URI without a host name, or with an address for one, is rejected. */
function uriHost(uri: string): string | null {
  const authority = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(uri)?.[1]
  const host =
    authority === undefined ? null : toAsciiDomain(authority.replace(/^.*@/, '').replace(/:\d*$/, ''))
  return host === null || /^[\d.]+$/.test(host) ? null : host
}

function subtreeOf(base: GeneralName): Subtree {
  switch (base.kind) {
    case 'email':
      return emailSubtree(base.text)
    case 'uri':
      return hostSubtree(base.text)
    case 'dns':
      return dnsSubtree(base.text)
    case 'ip':
      return ipSubtree(base.bytes)
    case 'directory': {
      const keys = base.name.rdnKeys
      return ({ directory }) =>
        directory === null
          ? null
          : keys.length <= directory.length && keys.every((key, i) => key === directory[i])
    }
    case 'other':
    case 'unsupported':
      return () => null
  }
}

/** A mailbox, a host, or with a leading dot everything below a domain. */
function emailSubtree(base: string): Subtree {
  if (hasNonAscii(base)) return () => null
  if (!base.includes('@')) return hostSubtree(base)
  const wanted = parseAddrSpec(base)
  if (wanted === null) return () => null
  const folded = lowerAscii(wanted.local)
  return ({ host, local }) => {
    if (host === null || local === null) return null
    if (host !== wanted.domain || lowerAscii(local) !== folded) return false
    // RFC 5280 7.5: local parts match exactly. Whether two that differ in case are one mailbox only their host can tell
    return local === wanted.local ? true : null
  }
}

/** A host equal to the base, or with a leading dot in the base, below it. */
function hostSubtree(base: string): Subtree {
  const below = base.startsWith('.')
  const domain = toAsciiDomain(below ? base.slice(1) : base)
  if (domain === null) return () => null
  const suffix = `.${domain}`
  return ({ host }) => (host === null ? null : below ? host.endsWith(suffix) : host === domain)
}

/** The base and everything below it. A leading dot, which the standard does not know, leaves out the base itself. */
function dnsSubtree(base: string): Subtree {
  if (base === '') return () => true
  const below = base.startsWith('.')
  const domain = toAsciiDomain(below ? base.slice(1) : base)
  if (domain === null) return () => null
  const suffix = `.${domain}`
  return ({ host, wildcard }) => {
    if (host === null) return null
    if (host.endsWith(suffix)) return true
    if (host === domain) return wildcard || !below
    // *.example.com covers a.example.com, so a constraint on that host is met in part: it cannot be told
    return wildcard && domain.endsWith(`.${host}`) ? null : false
  }
}

function ipSubtree(base: Buffer): Subtree {
  const half = base.length / 2
  if (half !== 4 && half !== 16) return () => null
  return ({ bytes }) => {
    if (bytes === null || (bytes.length !== 4 && bytes.length !== 16)) return null
    if (bytes.length !== half) return false
    return bytes.every((octet, index) => ((octet ^ (base[index] ?? 0)) & (base[half + index] ?? 0)) === 0)
  }
}

/** What is wrong with the constraints themselves, as text for the operator; null if they are well formed. */
export function malformedConstraint(constraints: NameConstraints): string | null {
  for (const base of [...constraints.permitted, ...constraints.excluded]) {
    if (base.kind === 'ip' && !isMaskedAddress(base.bytes))
      return 'ip constraint that is no address with a mask'
    if (base.kind === 'dns' && base.text !== '' && toAsciiDomain(base.text.replace(/^\./, '')) === null)
      return 'dns constraint that is no host name'
    if (base.kind === 'email' && !isEmailConstraint(base.text))
      return 'email constraint that is no mailbox or host'
  }
  return null
}

function isEmailConstraint(text: string): boolean {
  return text.includes('@') ? parseAddrSpec(text) !== null : toAsciiDomain(text.replace(/^\./, '')) !== null
}

/** RFC 4632 3.1: the mask is ones, then zeros. */
function isMaskedAddress(bytes: Buffer): boolean {
  if (bytes.length !== 8 && bytes.length !== 32) return false
  const mask = [...bytes.subarray(bytes.length / 2)]
    .map((octet) => octet.toString(2).padStart(8, '0'))
    .join('')
  return /^1*0*$/.test(mask)
}
