/**
 * `siegel export`: all objects as YAML, one document each, secrets sealed under the master key. Applied to the same
 * installation the text changes nothing; anywhere else its secrets do not open.
 */
import { KINDS, isKind, isSecret, materialFields } from '@siegel/contract'
import { stringify } from 'yaml'
import { objectKey, setAt, tenantOf, toDocument } from './config-object.ts'
import type { ConfigObject } from './ports.ts'
import { sealForExport } from './sealed-export.ts'

/** The text of an export, and what could not be exported. */
export interface Export {
  readonly text: string
  /** Stored objects that are not valid any more, as `objectKey` writes them. */
  readonly broken: readonly string[]
}

const KIND_ORDER = Object.keys(KINDS)

function rank(object: ConfigObject): number {
  return isKind(object.kind) ? KIND_ORDER.indexOf(object.kind) : KIND_ORDER.length
}

/** Writes the objects, in the order in which they depend on each other. */
export function writeExport(objects: readonly ConfigObject[], masterKey: Buffer): Export {
  const sorted = objects.toSorted((a, b) => rank(a) - rank(b) || (objectKey(a) < objectKey(b) ? -1 : 1))
  const parts: string[] = []
  const broken: string[] = []
  for (const object of sorted) {
    const parsed = toDocument(object)
    if (!parsed.ok) {
      broken.push(objectKey(object))
      continue
    }
    const document = structuredClone(parsed.document)
    for (const field of materialFields(document.kind, document.spec)) {
      if (!isSecret(field.material)) continue
      const place = {
        kind: document.kind,
        tenant: tenantOf(document),
        name: document.name,
        pattern: field.pattern,
      }
      setAt(document.spec, field.path, sealForExport(masterKey, place, field.value))
    }
    const { apiVersion, kind, name, spec } = document
    const tenant = tenantOf(document)
    // The head in one order for all kinds, long texts as blocks and never folded.
    const ordered = { apiVersion, kind, ...(tenant === null ? {} : { tenant }), name, spec }
    parts.push(stringify(ordered, { lineWidth: 0, aliasDuplicateObjects: false }))
  }
  return { text: parts.join('---\n'), broken }
}
