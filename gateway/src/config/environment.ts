/**
 * Environment variables as settings of `siegel.yaml`: `SIEGEL_DATA_FOLDER` is `dataFolder`, `SIEGEL_QUEUE_LIFETIME` is
 * `queue.lifetime`. They win over the file. The names follow from the schema; values are only brought into shape here, the
 * schema judges them.
 */
import { z } from 'zod'
import { startSchema } from './start-schema.ts'

/** The part of a JSON schema that matters here. */
interface SchemaNode {
  readonly type?: string
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
}

/** An environment variable that is a setting. */
export interface EnvironmentSetting {
  readonly variable: string
  readonly path: readonly string[]
  readonly type: string
}

/** Variables that mean something else than a setting. */
const OTHER_VARIABLES = new Set(['SIEGEL_CONFIG'])

/** Every setting with its variable, in the order of the schema. */
export function environmentSettings(): EnvironmentSetting[] {
  const found: EnvironmentSetting[] = []
  const walk = (node: SchemaNode, path: readonly string[]): void => {
    if (node.properties === undefined) {
      const words = path.map((part) => part.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase())
      const type = node.items?.type === 'string' ? 'texts' : (node.type ?? 'string')
      found.push({ variable: `SIEGEL_${words.join('_')}`, path, type })
      return
    }
    for (const [name, child] of Object.entries(node.properties)) walk(child, [...path, name])
  }
  // zod's type of a JSON schema is wider than the nodes that our schema consists of.
  walk(z.toJSONSchema(startSchema, { io: 'input' }) as SchemaNode, [])
  return found
}

/** Brings a variable's text into the shape of its setting; what has no such shape stays text, for the schema to refuse. */
function shape(setting: EnvironmentSetting, text: string): unknown {
  if (setting.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  if (setting.type === 'integer') return /^[0-9]{1,15}$/.test(text) ? Number(text) : text
  const items = text.split(',').map((item) => item.trim()).filter((item) => item !== '') // prettier-ignore
  if (setting.type === 'texts') return items
  if (setting.type === 'array')
    return items.map((item) => {
      const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*)):([0-9]{1,5})$/.exec(item) ?? []
      return port === undefined ? { address: item } : { address: bracketed ?? plain, port: Number(port) }
    })
  if (setting.type === 'object')
    return Object.fromEntries(
      items.map((item) => {
        const at = item.indexOf('=')
        return at < 0 ? [item, ''] : [item.slice(0, at), item.slice(at + 1)]
      }),
    )
  return text
}

/** The settings that the environment gives. */
export interface FromEnvironment {
  /** The file's settings with those of the environment laid over them. */
  readonly value: Record<string, unknown>
  /** Which variable gave a setting, by the setting's path with dots. */
  readonly variables: ReadonlyMap<string, string>
  /** Variables that begin with SIEGEL_ and are no setting: perhaps a typing mistake, perhaps somebody else's. */
  readonly unknown: readonly string[]
}

/** Lays the environment's settings over those of the file. */
export function overlayEnvironment(
  value: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): FromEnvironment {
  const settings = new Map(environmentSettings().map((setting) => [setting.variable, setting]))
  const merged: Record<string, unknown> = { ...value }
  const variables = new Map<string, string>()
  const unknown: string[] = []
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('SIEGEL_') || OTHER_VARIABLES.has(variable)) continue
    const setting = settings.get(variable)
    if (setting === undefined) unknown.push(variable)
    if (setting === undefined || text === undefined || text === '') continue
    variables.set(setting.path.join('.'), variable)
    layOver(merged, setting.path, shape(setting, text))
  }
  return { value: merged, variables, unknown: unknown.sort() }
}

/** Sets a field by its path; the objects on the way are copied, not changed. */
function layOver(
  target: Record<string, unknown>,
  [first = '', ...rest]: readonly string[],
  value: unknown,
): void {
  if (rest.length === 0) target[first] = value
  else {
    const inner = isRecord(target[first]) ? { ...target[first] } : {}
    layOver(inner, rest, value)
    target[first] = inner
  }
}

/** Whether a value is an object with fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
