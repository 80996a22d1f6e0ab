/**
 * The difference between two documents of the same object, field by field, for people and programs. A secret is only said to
 * be changed. Long texts (certificates, maps) are shortened.
 */
import { isDeepStrictEqual } from 'node:util'
import { isSecret, materialFields } from '@siegel/contract'
import type { ConfigDocument } from '@siegel/contract'

/** One field that differs. */
export interface FieldDifference {
  /** The field with dots, below the spec. */
  readonly field: string
  /** The value before, as JSON; null when there was none, or when it is a secret. */
  readonly from: string | null
  /** The value after, as JSON; null when there is none, or when it is a secret. */
  readonly to: string | null
  readonly change: 'added' | 'changed' | 'removed'
  readonly secret: boolean
}

const LONGEST_VALUE = 120

/** The leaves of a spec by path. */
function leaves(value: unknown, path: string, found = new Map<string, unknown>()): Map<string, unknown> {
  const isBranch = typeof value === 'object' && value !== null && Object.keys(value).length > 0
  if (!isBranch) found.set(path, value)
  else
    for (const [name, child] of Object.entries(value))
      leaves(child, path === '' ? name : `${path}.${name}`, found)
  return found
}

function shown(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}… (${text.length} characters)`
}

function secretFields(document: ConfigDocument | null): string[] {
  if (document === null) return []
  return materialFields(document.kind, document.spec)
    .filter((field) => isSecret(field.material))
    .map((field) => field.path.join('.'))
}

/** The fields that differ, in the order of the new document; removed ones at the end. */
export function differences(before: ConfigDocument | null, after: ConfigDocument | null): FieldDifference[] {
  const secrets = new Set([...secretFields(before), ...secretFields(after)])
  const old = before === null ? new Map<string, unknown>() : leaves(before.spec, '')
  const next = after === null ? new Map<string, unknown>() : leaves(after.spec, '')
  const found: FieldDifference[] = []
  for (const field of new Set([...next.keys(), ...old.keys()])) {
    const from = old.get(field)
    const to = next.get(field)
    if (isDeepStrictEqual(from, to)) continue
    const secret = secrets.has(field)
    found.push({
      field,
      from: secret || from === undefined ? null : shown(from),
      to: secret || to === undefined ? null : shown(to),
      change: from === undefined ? 'added' : to === undefined ? 'removed' : 'changed',
      secret,
    })
  }
  return found
}
