/**
 * Reads the right-hand side of a line of `client-access` and `recipient-access`, as access(5) describes it. A map can refuse
 * and nothing else: OK means DUNNO, so that no line grants relay, treatment or a tenant; what would redirect, drop or change a
 * mail is an error that says why. Pure.
 */

/** What a line answers. */
export type AccessAction =
  | { readonly kind: 'dunno' }
  | {
      readonly kind: 'refuse'
      /** As written, or `null` for REJECT and DEFER: whoever asks knows the code of its place. */
      readonly code: number | null
      readonly temporary: boolean
      /** RFC 3463 3 */
      readonly enhanced: string
      /** ASCII, goes to the peer. */
      readonly text: string
    }

/** Why a line cannot be used. */
export interface AccessFault {
  readonly code: 'action-unknown' | 'action-not-possible'
  readonly detail: string
}

/** The result of reading an action. */
export interface ReadAction {
  /** null: the line is at fault. */
  readonly action: AccessAction | null
  readonly fault: AccessFault | null
  /** It says OK, which grants nothing. */
  readonly says: 'ok' | null
}

/** The longest text that goes to a peer: a reply line holds 512 octets. RFC 5321 4.5.3.1.5 */
const MAX_TEXT = 400
const DEFAULT_TEXT = 'Access denied'

const CHANGES = 'what happens to a mail is decided by the policy of its tenant, not by a map'
/** Actions of access(5) that Siegel has not, with the reason. */
const NOT_POSSIBLE: Readonly<Record<string, string>> = {
  BCC: CHANGES,
  DEFER_IF_PERMIT: 'no other check follows: write DEFER',
  DEFER_IF_REJECT: 'no other check follows: write DEFER',
  DELAY: CHANGES,
  DISCARD: 'a mail that was accepted is never dropped: write REJECT',
  FILTER: CHANGES,
  HANGUP: 'a peer always hears a reply: write REJECT or 421',
  HOLD: CHANGES,
  INFO: 'every refusal is logged by itself; a line that refuses nothing is not',
  PERMIT: 'a map never grants anything: write DUNNO',
  PREPEND: CHANGES,
  REDIRECT: CHANGES,
  RELAY: 'a map never grants relay: write DUNNO',
  SLEEP: CHANGES,
  WARN: 'every refusal is logged by itself; a line that refuses nothing is not',
}

/**
 * Reads an action.
 * @param value - the right-hand side, trimmed
 */
export function readAccessAction(value: string): ReadAction {
  const [, word = '', rest = ''] = /^(\S*)\s*(.*)$/s.exec(value) ?? []
  const name = word.toUpperCase()
  if (name === 'DUNNO') return { action: { kind: 'dunno' }, fault: null, says: null }
  if (name === 'OK') return { action: { kind: 'dunno' }, fault: null, says: 'ok' }
  if (name === 'REJECT' || name === 'DEFER') return refusal(null, name === 'DEFER', rest)
  if (/^[45]\d\d$/.test(name)) return refusal(Number(name), name.startsWith('4'), rest)
  if (Object.hasOwn(NOT_POSSIBLE, name))
    return fault('action-not-possible', `${name}: ${NOT_POSSIBLE[name] ?? ''}`)
  if (/^\d+$/.test(name))
    return fault('action-unknown', `${name.slice(0, 20)}: a reply of a refusal has three digits, 4xx or 5xx`)
  return fault('action-unknown', `${word.slice(0, 100)}: expected REJECT, DEFER, 4xx, 5xx, DUNNO or OK`)
}

function fault(code: AccessFault['code'], detail: string): ReadAction {
  return { action: null, fault: { code, detail }, says: null }
}

/** An enhanced status code may stand before the text, of the class of the reply. RFC 3463 2 */
function refusal(code: number | null, temporary: boolean, rest: string): ReadAction {
  const [, status, text = rest] = /^([245]\.\d{1,3}\.\d{1,3})(?:\s+(.*))?$/s.exec(rest) ?? []
  const digit = temporary ? '4' : '5'
  if (status !== undefined && !status.startsWith(digit))
    return fault(
      'action-unknown',
      `${status} does not go with a refusal that is ${temporary ? '' : 'not '}temporary`,
    )
  const shown = (status === undefined ? rest : text === rest ? '' : text).replaceAll(/\s+/g, ' ').trim()
  if (!/^[ -~]*$/.test(shown)) return fault('action-unknown', 'the text of a reply is in ASCII')
  if (shown.length > MAX_TEXT)
    return fault('action-unknown', `the text of a reply has at most ${MAX_TEXT} characters`)
  const enhanced = status ?? `${digit}.7.1`
  return {
    action: { kind: 'refuse', code, temporary, enhanced, text: shown === '' ? DEFAULT_TEXT : shown },
    fault: null,
    says: null,
  }
}
