/**
 * Generates docs/reference/configuration.md from the schemas: `siegel.yaml`, its environment variables, and every kind of
 * configuration object. Pure; nothing in the page is written by hand anywhere else.
 */
import { API_VERSION, CONFIG_ERRORS, KINDS, isSecret } from '@siegel/contract'
import type { Material } from '@siegel/contract'
import { z } from 'zod'
import { environmentSettings } from './environment.ts'
import { startSchema } from './start-schema.ts'

/** The part of a JSON schema that matters here. */
interface SchemaNode {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly const?: string
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly items?: SchemaNode
  readonly additionalProperties?: SchemaNode | false
  readonly material?: Material
  readonly minimum?: number
  readonly maximum?: number
}

interface Row {
  readonly field: string
  readonly type: string
  readonly required: boolean
  readonly byDefault: string
  readonly description: string
}

function schemaOf(schema: z.ZodType): SchemaNode {
  // zod's type of a JSON schema is wider than the nodes that our schemas consist of.
  return z.toJSONSchema(schema, { io: 'input' }) as SchemaNode
}

function typeOf(node: SchemaNode): string {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${value}\``).join(', ')
  if (node.const !== undefined) return `\`${node.const}\``
  if (node.material !== undefined)
    return isSecret(node.material) && node.material !== 'secret' ? `${node.material} (secret)` : node.material
  if (node.type === 'array')
    return `list of ${node.items?.properties === undefined ? typeOf(node.items ?? {}) : 'objects'}`
  if (node.type === 'integer') return `whole number, ${node.minimum ?? 0} to ${node.maximum ?? 0}`
  if (node.type === 'boolean') return '`true`, `false`'
  if (node.type === 'object') return node.properties === undefined ? 'names with values' : 'object'
  return 'text'
}

function defaultOf(node: SchemaNode): string {
  if (node.default === undefined || node.properties !== undefined) return ''
  return `\`${JSON.stringify(node.default)}\``
}

function rowsOf(node: SchemaNode, prefix: string): Row[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const field = `${prefix}${name}`
    const row: Row = {
      field: child.type === 'array' ? `${field}[]` : field,
      type: typeOf(child),
      required: node.required?.includes(name) ?? false,
      byDefault: defaultOf(child),
      description: child.description ?? '',
    }
    const inner = child.type === 'array' ? (child.items ?? {}) : child
    return [row, ...rowsOf(inner, child.type === 'array' ? `${field}[].` : `${field}.`)]
  })
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ')
}

function table(node: SchemaNode): string {
  const rows = rowsOf(node, '').map((row) =>
    [`\`${row.field}\``, row.type, row.required ? 'yes' : '', row.byDefault, row.description].map(cell),
  )
  const lines = [
    ['Field', 'Type', 'Required', 'Default', 'Meaning'],
    ['---', '---', '---', '---', '---'],
    ...rows,
  ]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

const INTRODUCTION = `# Configuration

This page is generated from the schemas; do not edit it. It has two parts: the file \`siegel.yaml\`, which holds only what
must be known before the store opens, and the configuration objects, which are written with \`siegel apply -f FILE\` and
read with \`siegel export\`. An unknown field is an error everywhere.`

const REFERENCES = `## Secrets and certificates

Wherever a field is of the type \`certificate\` or is a secret, a reference may stand in place of the value:

- \`file:PATH\`: the content of a file, relative to the file that holds the reference; PEM, DER or PKCS#12 as the field needs.
- \`env:NAME\`: the value of an environment variable of \`siegel apply\` (or, in \`siegel.yaml\`, of the server).
- \`sealed:…\`: secrets only; what \`siegel export\` writes. Opens only with the same master key and in the same field.

A value is read when it is applied and kept in the store; secrets are sealed there. A changed file is taken in by the next
\`siegel apply\`.`

/** The page as Markdown. */
export function configurationReference(): string {
  const variables = environmentSettings().map(
    ({ variable, path }) => `| \`${variable}\` | \`${path.join('.')}\` |`,
  )
  const kinds = Object.entries(KINDS).map(([kind, info]) => {
    const scope =
      info.scope === 'tenant' ? 'Belongs to a tenant: `tenant` names it.' : 'Belongs to the installation.'
    return `### ${kind}\n\n${info.description} ${scope}\n\n${table(schemaOf(info.spec))}`
  })
  const errors = Object.entries(CONFIG_ERRORS).map(([code, meaning]) => `| \`${code}\` | ${cell(meaning)} |`)
  const parts = [
    INTRODUCTION,
    '## siegel.yaml',
    'Looked for as `./siegel.yaml`, then `/etc/siegel/siegel.yaml`; `--config FILE` or `SIEGEL_CONFIG` names another.',
    table(schemaOf(startSchema)),
    '### Environment variables',
    'They win over the file. Relative paths in them start at the working folder.',
    ['| Variable | Field |', '| --- | --- |', ...variables].join('\n'),
    REFERENCES,
    '## Configuration objects',
    `A file holds any number of objects as YAML documents, separated by \`---\`; JSON will do too. Each has \`apiVersion: ${API_VERSION}\`, \`kind\`, \`name\`, for objects of a tenant \`tenant\`, and \`spec\` with the fields below.`,
    ...kinds,
    '## Error codes',
    ['| Code | Meaning |', '| --- | --- |', ...errors].join('\n'),
  ]
  return `${parts.join('\n\n')}\n`
}
