/**
 * Finds the marked fields (secrets, keys, certificates) inside a spec by walking it beside its schema. The spec need not be
 * valid: what does not fit the schema is passed over, the check of the document reports it.
 */
import { z } from 'zod'
import { isMaterial, type Material } from './material.ts'
import { KINDS, type Kind } from './object.ts'

/** A marked field that a spec has. */
export interface MaterialField {
  /** The way to it in the spec. */
  readonly path: readonly (string | number)[]
  /** JSON pointer into the spec. RFC 6901 */
  readonly pointer: string
  /** The pointer with `*` for positions in lists: names the field, not the entry. */
  readonly pattern: string
  readonly material: Material
  readonly value: string
}

/** The part of a JSON schema that matters here. */
interface SchemaNode {
  readonly material?: unknown
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
}

const schemas = new Map<Kind, SchemaNode>()

function schemaOf(kind: Kind): SchemaNode {
  let schema = schemas.get(kind)
  if (schema === undefined) {
    // zod's type of a JSON schema is wider than the nodes that our schemas consist of.
    schema = z.toJSONSchema(KINDS[kind].spec, { io: 'input' }) as SchemaNode
    schemas.set(kind, schema)
  }
  return schema
}

/** One step of a JSON pointer. RFC 6901 3 */
function escape(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** All marked fields with a text value, in the order of the spec. */
export function materialFields(kind: Kind, spec: unknown): MaterialField[] {
  const found: MaterialField[] = []
  const walk = (
    value: unknown,
    schema: SchemaNode,
    path: readonly (string | number)[],
    pattern: string,
  ): void => {
    if (isMaterial(schema.material)) {
      const pointer = path.map((part) => `/${escape(String(part))}`).join('')
      if (typeof value === 'string') found.push({ path, pointer, pattern, material: schema.material, value })
    } else if (Array.isArray(value)) {
      const { items } = schema
      if (items !== undefined)
        value.forEach((item, index) => {
          walk(item, items, [...path, index], `${pattern}/*`)
        })
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, child] of Object.entries(value)) {
        const property =
          schema.properties !== undefined && Object.hasOwn(schema.properties, name)
            ? schema.properties[name]
            : undefined
        if (property !== undefined) walk(child, property, [...path, name], `${pattern}/${escape(name)}`)
      }
    }
  }
  walk(spec, schemaOf(kind), [], '')
  return found
}
