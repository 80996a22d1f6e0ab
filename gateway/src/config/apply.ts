/**
 * `siegel apply`: documents in, the change of the store out. All or nothing: any fault refuses the whole file. Idempotent:
 * what is already so is not written. Deletes only what it was told to delete. Reads references; writes nothing itself.
 */
import { isDeepStrictEqual } from 'node:util'
import { KINDS, materialFields, parseConfigDocument, parseReference } from '@siegel/contract'
import type { ConfigDocument, MaterialField, TenantSpec } from '@siegel/contract'
import { MaterialFailure } from './certificates.ts'
import { normalise, objectKey, setAt, tenantOf, toDocument, toObject } from './config-object.ts'
import { differences, type FieldDifference } from './difference.ts'
import type { ActiveIdentity, ConfigChange, ConfigObject, CredentialEntry } from './ports.ts'
import { ConfigError, type Problem } from './problem.ts'
import { ReferenceFailure, readReference, referencedText, type ReferenceContext } from './references.ts'
import { outsideValidity } from './expired.ts'
import { keepRotation } from './rotation-kept.ts'
import { unsealFromExport } from './sealed-export.ts'
import { compileSettings, type Finding, type TenantRows } from './settings.ts'
import { readSource, type SourceDocument } from './source.ts'

/** What apply works on. */
export interface ApplyInput {
  readonly text: string
  /** Name of the file, for complaints. */
  readonly file: string
  readonly references: ReferenceContext
  /** The installation's master key; opens `sealed:` values. */
  readonly masterKey: Buffer
  /** Milliseconds since 1970: certificates that are not valid then are warned of. */
  readonly now: number
  readonly current: {
    readonly version: number
    readonly objects: readonly ConfigObject[]
    readonly tenants: TenantRows
    readonly identities?: readonly ActiveIdentity[]
  }
  /** Delete objects that are not in the file. */
  readonly prune: boolean
  /** Take secrets, words and the state of their change from the file, whatever `siegel exchange rotate` has done since. */
  readonly undoRotation?: boolean
}

/** One object that changes. */
export interface ObjectDifference {
  readonly action: 'create' | 'update' | 'delete'
  readonly kind: string
  readonly tenant: string | null
  readonly name: string
  readonly fields: readonly FieldDifference[]
}

/** What is to be done. */
export interface ApplyPlan {
  /** null when there is nothing to do. */
  readonly change: ConfigChange | null
  readonly differences: readonly ObjectDifference[]
  /** Warnings about the configuration as it will be. */
  readonly findings: readonly Finding[]
}

interface Prepared {
  readonly document: ConfigDocument
  readonly credentials: readonly CredentialEntry[]
  readonly line: number
  readonly source: SourceDocument
}

const KIND_ORDER = Object.keys(KINDS)

/**
 * Reads the file and works out the change.
 * @throws ConfigError with all faults that were found
 */
export async function planApply(input: ApplyInput): Promise<ApplyPlan> {
  const sources = readSource(input.text, input.file)
  if (sources.length === 0)
    throw new ConfigError([faultOf(input, 'document-empty', null, '', 'there is no object in it')])
  const prepared: Prepared[] = []
  const problems: Problem[] = []
  for (const source of sources) {
    const result = await prepare(source, input)
    if (Array.isArray(result)) problems.push(...result)
    else prepared.push(result)
  }
  if (input.undoRotation !== true)
    for (const { document, source } of prepared) {
      const stored = storedTenant(document, input)
      if (document.kind !== 'Tenant' || stored === null) continue
      const place = keepRotation(document.spec, stored)
      if (place !== null)
        problems.push(
          faultOf(input, 'rotation-conflict', source.lineOf(['spec', place]), `spec.${place}`, ROTATED),
        )
    }
  for (const { document } of prepared) keepTimed(document, storedTenant(document, input))
  problems.push(...duplicates(prepared, input))
  if (problems.length > 0) throw new ConfigError(problems)
  return planChange(prepared, input)
}

/** What `siegel exchange onboarding` and `window` have begun and `script` has noted stays when a file says nothing of it: they have verbs of their own. */
function keepTimed(document: ConfigDocument, stored: TenantSpec | null): void {
  if (document.kind !== 'Tenant' || stored === null) return
  if (stored.onboarding !== undefined) document.spec.onboarding ??= stored.onboarding
  if (stored.script !== undefined) document.spec.script ??= stored.script
  if (stored.validation !== undefined) document.spec.validation ??= stored.validation
}

/** What an operator is told who would undo a change of secrets or words. */
const ROTATED =
  'siegel exchange rotate has changed secrets or words since this file was written: take secretHeader, processedHeader and ' +
  'rotation from siegel export, or undo the change here with --undo-rotation'

/** The tenant as it is stored; null when the document is of no tenant or of a new one. */
function storedTenant(document: ConfigDocument, input: ApplyInput): TenantSpec | null {
  if (document.kind !== 'Tenant') return null
  const object = input.current.objects.find(({ kind, name }) => kind === 'Tenant' && name === document.name)
  const parsed = object === undefined ? null : toDocument(object)
  return parsed?.ok === true && parsed.document.kind === 'Tenant' ? parsed.document.spec : null
}

function faultOf(
  input: ApplyInput,
  code: Problem['code'],
  line: number | null,
  field: string,
  message: string,
): Problem {
  return { code, file: input.file, line, field, message }
}

/** References out, checks on, keys and certificates into their kept form. */
async function prepare(source: SourceDocument, input: ApplyInput): Promise<Prepared | Problem[]> {
  const fault = (code: Problem['code'], path: readonly (string | number)[], message: string): Problem =>
    faultOf(input, code, source.lineOf(path), path.join('.'), message)
  const value: unknown = structuredClone(source.value)
  const problems: Problem[] = []
  // The form first: what it says is more to the point than what reading a reference of a wrong document would say.
  const form = parseConfigDocument(value)
  if (!form.ok) return form.problems.map((problem) => fault(problem.code, problem.path, problem.message))
  for (const field of materialFields(form.document.kind, form.document.spec)) {
    try {
      const text = await resolveField(field, form.document, input)
      if (text !== null) setAt(value, ['spec', ...field.path], text)
    } catch (error) {
      if (!(error instanceof ReferenceFailure)) throw error
      problems.push(fault(error.code, ['spec', ...field.path], error.message))
    }
  }
  if (problems.length > 0) return problems
  const checked = parseConfigDocument(value)
  if (!checked.ok)
    return checked.problems.map((problem) => fault(problem.code, problem.path, problem.message))
  try {
    return { ...normalise(checked.document), line: source.lineOf([]), source }
  } catch (error) {
    if (!(error instanceof MaterialFailure)) throw error
    const ofCertificate = checked.document.kind === 'Tenant' && !error.field.includes('.')
    const inTenant = ofCertificate ? ['clientCertificate'] : []
    return [fault(error.code, ['spec', ...inTenant, error.field], error.message)]
  }
}

/** The value behind a reference; null when the field holds the value itself. */
async function resolveField(
  field: MaterialField,
  document: ConfigDocument,
  input: ApplyInput,
): Promise<string | null> {
  const reference = parseReference(field.value)
  if (reference === null) return null
  if (reference.scheme === 'sealed') {
    const place = {
      kind: document.kind,
      tenant: tenantOf(document),
      name: document.name,
      pattern: field.pattern,
    }
    const secret = unsealFromExport(input.masterKey, place, field.value)
    if (secret === null)
      throw new ReferenceFailure(
        'sealed-elsewhere',
        'was sealed by another installation or for another field, or is damaged',
      )
    return secret
  }
  const text = referencedText(field.material, await readReference(reference, input.references))
  if (parseReference(text) !== null && field.material !== 'password')
    throw new ReferenceFailure('reference-nested', 'the value behind the reference is a reference itself')
  return text
}

function duplicates(prepared: readonly Prepared[], input: ApplyInput): Problem[] {
  const first = new Map<string, number>()
  return prepared.flatMap(({ document, line }) => {
    const key = objectKey({ kind: document.kind, tenant: tenantOf(document), name: document.name })
    const earlier = first.get(key)
    if (earlier === undefined) first.set(key, line)
    return earlier === undefined
      ? []
      : [faultOf(input, 'duplicate-object', line, '', `${key} stands in line ${earlier} already`)]
  })
}

function planChange(prepared: readonly Prepared[], input: ApplyInput): ApplyPlan {
  const stored = new Map(input.current.objects.map((object) => [objectKey(object), object]))
  const put: { readonly object: ConfigObject; readonly credentials: readonly CredentialEntry[] }[] = []
  const changes: ObjectDifference[] = []
  const wanted = new Map(stored)
  const kept = new Set<string>()
  for (const { document, credentials } of inOrder(prepared)) {
    const object = toObject(document)
    const key = objectKey(object)
    const before = stored.get(key)
    kept.add(key)
    const parsed = before === undefined ? null : toDocument(before)
    const old = parsed?.ok === true ? parsed.document : null
    if (old !== null && isDeepStrictEqual(old.spec, document.spec)) continue
    put.push({ object, credentials })
    wanted.set(key, object)
    const action = before === undefined ? 'create' : 'update'
    changes.push({ action, ...identity(object), fields: differences(old, document) })
  }
  const removed = input.prune ? [...stored].filter(([key]) => !kept.has(key)).map(([, object]) => object) : []
  // What belongs to a tenant goes before the tenant.
  removed.sort((a, b) => rank(b.kind) - rank(a.kind))
  for (const object of removed) {
    wanted.delete(objectKey(object))
    changes.push({ action: 'delete', ...identity(object), fields: [] })
  }
  const findings = judge([...wanted.values()], prepared, input)
  const change =
    changes.length === 0 ? null : { from: input.current.version, put, remove: removed.map(identity) }
  return { change, differences: changes, findings }
}

function identity(object: ConfigObject): { kind: string; tenant: string | null; name: string } {
  return { kind: object.kind, tenant: object.tenant, name: object.name }
}

function rank(kind: string): number {
  return KIND_ORDER.indexOf(kind)
}

/** Tenants first: other objects need them. */
function inOrder(prepared: readonly Prepared[]): Prepared[] {
  return prepared.toSorted((a, b) => rank(a.document.kind) - rank(b.document.kind))
}

/**
 * Compiles the configuration as it would be. A fault that the change brings refuses it; one that was there before does not
 * stand in the way of other changes.
 * @returns the warnings
 */
function judge(
  objects: readonly ConfigObject[],
  prepared: readonly Prepared[],
  input: ApplyInput,
): Finding[] {
  const rows = new Map<string, { readonly id: string; readonly markerKey: Buffer }>()
  // A tenant that is new has no row yet; its name stands in for it.
  for (const { kind, name } of objects)
    if (kind === 'Tenant')
      rows.set(name, input.current.tenants.get(name) ?? { id: name, markerKey: Buffer.alloc(32) })
  const before = compileSettings(0, input.current.objects, input.current.tenants, input.current.identities)
  const known = new Set(
    before.findings.map((finding) => `${finding.code} ${finding.object} ${finding.message}`),
  )
  const { findings } = compileSettings(0, objects, rows, input.current.identities)
  const faults = findings.filter(
    (finding) =>
      finding.severity === 'error' && !known.has(`${finding.code} ${finding.object} ${finding.message}`),
  )
  if (faults.length > 0) throw new ConfigError(faults.map((finding) => problemOf(finding, prepared, input)))
  return [
    ...findings.filter((finding) => finding.severity === 'warning'),
    ...outsideValidity(objects, input.now),
  ]
}

/** A fault of the configuration as it would be, at its place in the file if it has one. */
function problemOf(finding: Finding, prepared: readonly Prepared[], input: ApplyInput): Problem {
  const problem = faultOf(input, finding.code, null, finding.object, finding.message)
  const { at } = finding
  const written =
    at === undefined
      ? undefined
      : prepared.find(
          ({ document }) => objectKey({ ...document, tenant: tenantOf(document) }) === finding.object,
        )
  if (at === undefined || written === undefined) return problem
  const place = written.source.placeOf(['spec', 'text'], at)
  return place === null
    ? { ...problem, line: written.source.lineOf(['spec', 'text']) }
    : { ...problem, line: place.line, column: place.column }
}
