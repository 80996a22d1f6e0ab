/**
 * The state that the script exports (`-Export`) as data: what stands in the tenant. Tolerant where PowerShell writes one thing in
 * several forms, strict about what it is for. Holds no secrets: the script has compared them.
 */
import { z } from 'zod'
import { AssistError, type AssistOptions } from './options.ts'
import { STATE_FORMAT } from './script-export.ts'

/** A text, several, or none; PowerShell writes a list of one as it likes. */
const texts = z
  .union([
    z.null(),
    z.string(),
    z.boolean(),
    z.number(),
    z.array(z.union([z.null(), z.string(), z.boolean(), z.number()])),
  ])
  .transform((value) => [value].flat().flatMap((one) => (one === null || one === '' ? [] : [String(one)])))

const text = z.union([z.null(), z.string()]).transform((value) => value ?? '')

/** A list; one thing alone may stand without its list, nothing as null. */
function listOf<T extends z.ZodType>(item: T) {
  return z.preprocess((value) => [value ?? []].flat(), z.array(item).max(5000))
}

const connector = z.object({ Name: z.string(), Comment: text.default('') }).catchall(texts)

const rule = z
  .object({
    Name: z.string(),
    State: z.string(),
    Priority: z.number(),
    Comments: text.default(''),
    Stamp: text.default(''),
    WordsMissing: z.number(),
    WordsExtra: z.number(),
    PilotGroups: texts,
    Disclaimer: z.boolean(),
    Protects: z.boolean(),
  })
  .catchall(texts)

const options = z.strictObject({
  spam: z.enum(['A', 'B', 'C', 'D']),
  inbound: z.enum(['crypto', 'all']),
  guard: z.enum(['none', 'reject', 'report']),
  reportTo: z.string().nullable(),
  exempt: z.array(z.enum(['OOF', 'PermissionControlled'])),
  pilotGroup: z.string().nullable(),
  gatewayAddresses: z.array(z.string()),
  certificateName: z.string(),
})

const state = z.object({
  Format: z.literal(STATE_FORMAT),
  Tenant: z.string(),
  Preset: z.enum(['recommended', 'as-documented']),
  Generation: z.string(),
  Options: z.string(),
  TakenAt: z.string(),
  IsDehydrated: z.boolean(),
  RejectDirectSend: z.boolean(),
  AcceptedDomains: listOf(z.object({ DomainName: z.string() })),
  OutboundConnectors: listOf(connector),
  InboundConnectors: listOf(connector),
  Rules: listOf(rule),
  JournalRules: texts,
})

/** A connector as exported: names and comment, everything else as lists of texts. */
export type StateConnector = z.output<typeof connector>

/** A rule as exported. */
export type StateRule = z.output<typeof rule>

/** The exported state. */
export interface ExchangeState extends Omit<z.output<typeof state>, 'Options'> {
  readonly Options: AssistOptions
}

/** Windows PowerShell writes UTF-16 or a byte order mark where it is left to itself. */
function decoded(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString('utf16le')
  return bytes.toString('utf8').replace(/^\ufeff/, '')
}

/**
 * Reads an exported state.
 * @throws AssistError when it is none
 */
export function readState(bytes: Buffer): ExchangeState {
  let json: unknown
  try {
    json = JSON.parse(decoded(bytes))
  } catch {
    throw new AssistError('the state is no JSON: export it with -Export of the script')
  }
  const parsed = state.safeParse(json)
  if (!parsed.success) {
    const [first] = parsed.error.issues
    throw new AssistError(`the state cannot be read: ${first?.path.join('.') ?? ''}: ${first?.message ?? ''}`)
  }
  let chosen: z.ZodSafeParseResult<AssistOptions>
  try {
    chosen = options.safeParse(JSON.parse(parsed.data.Options))
  } catch {
    throw new AssistError('the state cannot be read: Options')
  }
  if (!chosen.success)
    throw new AssistError('the state was exported by a script of another version: make a new one')
  return { ...parsed.data, Options: chosen.data }
}
