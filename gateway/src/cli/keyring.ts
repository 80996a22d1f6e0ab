/**
 * `siegel keyring`: what an operator does with the keys and certificates that no configuration object brings. A running gateway
 * follows within a second. Every change is in the audit log, and what is removed can be restored for 90 days.
 */
import type { KeyringDeed, KeyringStore, ListedCredential } from '../keyring/ports.ts'
import { UsageError, type Command, type ExitCode, type Io } from './io.ts'
import {
  addressOf,
  deedOf,
  entriesNamed,
  entryNamed,
  KEYRING_OPTIONS,
  withKeyring,
} from './keyring-context.ts'
import { keyringFind, keyringSmimea } from './keyring-find.ts'
import { importFiles } from './keyring-import.ts'
import { exportEntries, list, show } from './keyring-show.ts'
import { readOptions } from './options.ts'
import { render } from './texts.ts'

type Form = (args: readonly string[], io: Io) => Promise<ExitCode>

/** What a change does to the entry that is named; false when there is nothing to do. */
type Change = (keyring: KeyringStore, entry: ListedCredential, deed: KeyringDeed) => Promise<boolean>

/** A form that changes one entry. */
function changing(action: string, change: Change): Form {
  return async (args, io) => {
    const options = readOptions(args, KEYRING_OPTIONS, 1)
    const [named] = options.positionals
    if (named === undefined) throw new UsageError('which entry? an id or a SHA-256 fingerprint')
    return withKeyring(options, async ({ keyring, language }) => {
      const entry = await entryNamed(keyring, named)
      const done = await change(keyring, entry, deedOf(action))
      const code = done ? action : 'nothing-to-change'
      const { id, fingerprint } = entry
      if (options.has('json')) io.out(JSON.stringify({ id, fingerprint, done }))
      else io.out(render(code, { id, fingerprint }, language))
      return done ? 0 : 1
    })
  }
}

/** Distrust is of the certificate, so it may be named before there is an entry of it. */
function distrusting(action: string, distrust: boolean): Form {
  return async (args, io) => {
    const options = readOptions(args, { ...KEYRING_OPTIONS, reason: { type: 'string' } }, 1)
    const [named] = options.positionals
    if (named === undefined) throw new UsageError('which certificate? an id or a SHA-256 fingerprint')
    const bare = named.replaceAll(':', '').toLowerCase()
    return withKeyring(options, async ({ keyring, language }) => {
      const fingerprint = /^[0-9a-f]{64}$/.test(bare)
        ? bare
        : ((await entriesNamed(keyring, named))[0]?.fingerprint ?? bare)
      const done = distrust
        ? await keyring.distrust(fingerprint, options.text('reason') ?? '', deedOf(action))
        : await keyring.trust(fingerprint, deedOf(action))
      if (options.has('json')) io.out(JSON.stringify({ fingerprint, done }))
      else io.out(render(done ? action : 'nothing-to-change', { fingerprint }, language))
      return done ? 0 : 1
    })
  }
}

/** A form that pins or unpins. */
function pinning(action: string, pin: boolean): Form {
  return async (args, io) => {
    const options = readOptions(args, { ...KEYRING_OPTIONS, to: { type: 'string' } }, 1)
    const [named] = options.positionals
    const to = options.text('to')
    if (named === undefined || to === undefined)
      throw new UsageError('what to what? siegel keyring pin ID|FINGERPRINT --to ADDRESS')
    const address = addressOf(to)
    return withKeyring(options, async ({ keyring, language }) => {
      const [entry] = await entriesNamed(keyring, named)
      if (entry === undefined) return 1
      const { owner, fingerprint } = entry
      const done = await keyring[pin ? 'pin' : 'unpin'](owner, address, fingerprint, deedOf(action))
      if (options.has('json')) io.out(JSON.stringify({ fingerprint, address, done }))
      else io.out(render(done ? action : 'nothing-to-change', { fingerprint, address }, language))
      return done ? 0 : 1
    })
  }
}

const FORMS: Readonly<Record<string, Form>> = {
  import: importFiles,
  list,
  show,
  export: exportEntries,
  distrust: distrusting('certificate-distrusted', true),
  trust: distrusting('certificate-trusted', false),
  pin: pinning('certificate-pinned', true),
  unpin: pinning('certificate-unpinned', false),
  remove: changing('entry-removed-now', (keyring, { id }, deed) => keyring.remove(id, deed)),
  restore: changing('entry-restored', (keyring, { id }, deed) => keyring.restore(id, deed)),
  find: keyringFind,
  smimea: keyringSmimea,
  approve: changing('entry-approved', (keyring, { id }, deed) => keyring.approve(id, deed)),
}

/** The verb `keyring`. */
export const keyring: Command = async (args, io) => {
  const [name, ...rest] = args
  const form = name !== undefined && Object.hasOwn(FORMS, name) ? FORMS[name] : undefined
  if (form === undefined) throw new UsageError(`which form? ${Object.keys(FORMS).join(', ')}`)
  return form(rest, io)
}
