/**
 * Certificate policies along a path (RFC 5280 6.1.2 to 6.1.5), with the policy graph of RFC 9618 in place of the tree,
 * which an attacker can make grow exponentially. It answers one question: is the path valid for a wanted policy.
 */
import { Oid } from '../der/oid.ts'
import type { Certificate } from './certificate.ts'

/** What the caller asks of the policies (RFC 5280 6.1.1). */
export interface PolicyOptions {
  /** The acceptable policies, dotted; none means any. */
  readonly policies?: readonly string[]
  /** The path must be valid for one of them. */
  readonly explicitPolicy?: boolean
  /** anyPolicy in a certificate does not count. */
  readonly inhibitAnyPolicy?: boolean
  /** Policy mapping is not allowed. */
  readonly inhibitPolicyMapping?: boolean
}

interface PolicyNode {
  readonly policy: string
  readonly parents: readonly PolicyNode[]
  expected: ReadonlySet<string>
}

type Level = Map<string, PolicyNode>

interface State {
  /** The deepest level of the graph; null when the graph is empty. */
  level: Level | null
  explicitPolicy: number
  inhibitAnyPolicy: number
  policyMapping: number
}

/**
 * What is wrong with the policies of the path, as text for the operator; null if they are in order.
 * @param path - leaf first, anchor last; the anchor itself is not looked at
 */
export function policyProblem(path: readonly Certificate[], options: PolicyOptions): string | null {
  const certificates = path.slice(0, -1).reverse()
  const n = certificates.length
  // RFC 5280 6.1.2
  const root: PolicyNode = { policy: Oid.anyPolicy, parents: [], expected: new Set([Oid.anyPolicy]) }
  const state: State = {
    level: new Map([[Oid.anyPolicy, root]]),
    explicitPolicy: options.explicitPolicy === true ? 0 : n + 1,
    inhibitAnyPolicy: options.inhibitAnyPolicy === true ? 0 : n + 1,
    policyMapping: options.inhibitPolicyMapping === true ? 0 : n + 1,
  }
  for (const [index, certificate] of certificates.entries()) {
    const last = index === n - 1
    const anyCounts = state.inhibitAnyPolicy > 0 || (!last && certificate.selfIssued)
    const { policies } = certificate.parsed
    // RFC 5280 6.1.3 d and e
    const next =
      policies === null || state.level === null ? null : nextLevel(state.level, policies, anyCounts)
    state.level = next === null || next.size === 0 ? null : next
    // RFC 5280 6.1.3 f
    if (state.explicitPolicy === 0 && state.level === null) return 'no policy is valid for the whole path'
    const problem = last ? null : prepareForNext(state, certificate)
    if (problem !== null) return problem
  }
  return wrapUp(state, certificates.at(-1), options.policies ?? [])
}

/** RFC 9618 5.2: the nodes below `level` for a certificate with these policies. */
function nextLevel(level: Level, policies: readonly string[], anyCounts: boolean): Level {
  const parentsOf = new Map<string, PolicyNode[]>()
  for (const node of level.values())
    for (const policy of node.expected) {
      const parents = parentsOf.get(policy)
      if (parents === undefined) parentsOf.set(policy, [node])
      else parents.push(node)
    }
  const any = level.get(Oid.anyPolicy)
  const next: Level = new Map()
  for (const policy of policies) {
    if (policy === Oid.anyPolicy) continue
    const parents = parentsOf.get(policy) ?? (any === undefined ? undefined : [any])
    if (parents !== undefined) next.set(policy, { policy, parents, expected: new Set([policy]) })
  }
  if (anyCounts && policies.includes(Oid.anyPolicy))
    for (const [policy, parents] of parentsOf)
      if (!next.has(policy)) next.set(policy, { policy, parents, expected: new Set([policy]) })
  return next
}

/** RFC 5280 6.1.4 a, b, h, i, j. */
function prepareForNext(state: State, certificate: Certificate): string | null {
  const { policyMappings, policyConstraints, inhibitAnyPolicy } = certificate.parsed
  const mapped = new Map<string, Set<string>>()
  for (const { issuerDomain, subjectDomain } of policyMappings ?? []) {
    if (issuerDomain === Oid.anyPolicy || subjectDomain === Oid.anyPolicy)
      return 'policy mapping with anyPolicy'
    mapped.set(issuerDomain, (mapped.get(issuerDomain) ?? new Set()).add(subjectDomain))
  }
  if (state.level !== null) {
    mapPolicies(state.level, mapped, state.policyMapping > 0)
    if (state.level.size === 0) state.level = null
  }
  if (!certificate.selfIssued) {
    state.explicitPolicy = Math.max(0, state.explicitPolicy - 1)
    state.policyMapping = Math.max(0, state.policyMapping - 1)
    state.inhibitAnyPolicy = Math.max(0, state.inhibitAnyPolicy - 1)
  }
  state.explicitPolicy = Math.min(state.explicitPolicy, policyConstraints?.requireExplicitPolicy ?? Infinity)
  state.policyMapping = Math.min(state.policyMapping, policyConstraints?.inhibitPolicyMapping ?? Infinity)
  state.inhibitAnyPolicy = Math.min(state.inhibitAnyPolicy, inhibitAnyPolicy ?? Infinity)
  return null
}

function mapPolicies(level: Level, mapped: ReadonlyMap<string, ReadonlySet<string>>, allowed: boolean): void {
  const any = level.get(Oid.anyPolicy)
  for (const [policy, expected] of mapped) {
    const node = level.get(policy)
    if (!allowed) level.delete(policy)
    else if (node !== undefined) node.expected = expected
    else if (any !== undefined) level.set(policy, { policy, parents: any.parents, expected })
  }
}

/** RFC 5280 6.1.5 a, b, g. */
function wrapUp(state: State, leaf: Certificate | undefined, wanted: readonly string[]): string | null {
  const explicit =
    leaf?.parsed.policyConstraints?.requireExplicitPolicy === 0 ? 0 : Math.max(0, state.explicitPolicy - 1)
  if (explicit > 0) return null
  if (state.level === null) return 'no policy is valid for the whole path'
  if (wanted.length === 0 || wanted.includes(Oid.anyPolicy) || state.level.has(Oid.anyPolicy)) return null
  const domains = authorityPolicies(state.level)
  return wanted.some((policy) => domains.has(policy)) ? null : 'the path is not valid for a wanted policy'
}

/** The policies in the anchor's terms that lead down to the leaf: nodes right below anyPolicy (RFC 9618 5.3). */
function authorityPolicies(leaves: Level): ReadonlySet<string> {
  const found = new Set<string>()
  const seen = new Set<PolicyNode>()
  const open = [...leaves.values()]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (seen.has(node)) continue
    seen.add(node)
    if (node.parents.some((parent) => parent.policy === Oid.anyPolicy)) found.add(node.policy)
    for (const parent of node.parents) open.push(parent)
  }
  return found
}
