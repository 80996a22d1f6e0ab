/**
 * The two texts of MTA-STS: the record that says that a domain has a policy, and the policy. Pure. A text that breaks a rule is
 * none: the domain then counts as one without a policy, as the RFC wants it.
 */

/** What a domain says of the delivery of its mail. */
export interface StsPolicy {
  readonly mode: 'enforce' | 'testing' | 'none'
  /** Host names, lower case; `*.` stands for one label. */
  readonly mx: readonly string[]
  /** Seconds for which it holds. */
  readonly maxAge: number
}

/** RFC 8461 3.2: a little more than a year */
const LONGEST = 31_557_600
const MAX_LINES = 1000
const MAX_MX = 200
const PATTERN =
  /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** The id of a domain's policy by its TXT records; null when it has none, or more than one. RFC 8461 3.1 */
export function stsId(records: readonly string[]): string | null {
  const own = records.filter((text) => /^v=STSv1[ \t]*(?:;|$)/.test(text))
  const [record] = own
  if (record === undefined || own.length > 1) return null
  return /;[ \t]*id=([A-Za-z0-9]{1,32})[ \t]*(?:;|$)/.exec(record)?.[1] ?? null
}

/** Reads a policy; null when it breaks a rule. RFC 8461 3.2 */
export function parseStsPolicy(text: string): StsPolicy | null {
  const lines = text.split(/\r?\n/)
  if (lines.length > MAX_LINES) return null
  const fields = new Map<string, string>()
  const mx: string[] = []
  for (const line of lines) {
    if (line.trim() === '') continue
    // Blanks are cut off apart: a stranger's line must not cost the square of its length.
    const [, key, rest = ''] = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*:(.*)$/s.exec(line.trimEnd()) ?? []
    const value = rest.replace(/^[ \t]+/, '')
    if (key === undefined || /[\u0000-\u001f\u007f]/.test(value)) return null
    if (key === 'mx') mx.push(value.toLowerCase().replace(/\.$/, ''))
    // RFC 8461 3.2: of a field that stands more than once the first counts
    else if (!fields.has(key)) fields.set(key, value)
  }
  const [mode, age] = [fields.get('mode'), fields.get('max_age') ?? '']
  if (fields.get('version') !== 'STSv1' || !/^[0-9]{1,10}$/.test(age)) return null
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none') return null
  if (mx.length > MAX_MX || !mx.every((pattern) => PATTERN.test(pattern))) return null
  if (mx.length === 0 && mode !== 'none') return null
  return { mode, mx, maxAge: Math.min(Number(age), LONGEST) }
}

/** The lines of a policy, as far as they mean something to us. */
export function stsPolicyLines({ mode, mx, maxAge }: StsPolicy): string[] {
  return ['version: STSv1', `mode: ${mode}`, ...mx.map((host) => `mx: ${host}`), `max_age: ${maxAge}`]
}

/** Whether a policy names a host, lower case. RFC 8461 4.1 */
export function isListed({ mx }: StsPolicy, host: string): boolean {
  const dot = host.indexOf('.')
  return mx.some((pattern) =>
    pattern.startsWith('*.') ? dot > 0 && host.slice(dot) === pattern.slice(1) : pattern === host,
  )
}
