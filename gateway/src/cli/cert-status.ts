/**
 * `siegel cert status`: what the gateway would say of a certificate now, by the tenant's trust, with CRLs and OCSP responders asked over
 * the network. The one form of `siegel cert` that connects. Exit 0 when it is good, 1 when not, 2 for usage or I/O.
 */
import { EngineError, readCertificates, type Certificate } from '@siegel/engine'
import { readLanguage, TENANT_OPTIONS, withTenant } from './exchange-tenant.ts'
import { readInput, UsageError, type Command, type ExitCode } from './io.ts'
import { readOptions } from './options.ts'
import { printable, render } from './texts.ts'
import { statusOf, trustOf } from './trust-context.ts'

/** How it is called. */
export const STATUS_USAGE =
  'usage: siegel cert status FILE [--use sign|encrypt] [--email A] [--tenant NAME] [--language de|en] [--config FILE] [--json]'

const OPTIONS = {
  ...TENANT_OPTIONS,
  use: { type: 'string' },
  email: { type: 'string' },
  json: { type: 'boolean' },
} as const

function readFile(bytes: Buffer, file: string): Certificate[] {
  try {
    return readCertificates(bytes)
  } catch (error) {
    if (error instanceof EngineError) throw new UsageError(`${file}: ${error.message}`)
    throw error
  }
}

/** The form `siegel cert status`. */
export const certStatus: Command = async (args, io) => {
  const options = readOptions(args, OPTIONS, 1)
  const [file] = options.positionals
  const use = options.text('use') ?? 'encrypt'
  if (file === undefined || (use !== 'sign' && use !== 'encrypt')) throw new UsageError(STATUS_USAGE)
  const language = readLanguage(options)
  const [certificate, ...chain] = readFile(await readInput(file, io), file)
  if (certificate === undefined) throw new UsageError(`${file}: no certificate`)
  return withTenant<ExitCode>(options, async (context) => {
    const trust = trustOf(
      context,
      statusOf(context, () => io.now(), true),
    )
    const address = options.text('email') ?? null
    const { valid, reasons, notes, path } = await trust.verdict(certificate, chain, use, address, io.now())
    if (options.has('json'))
      io.out(JSON.stringify({ valid, reasons, notes, path: path.map(({ subject }) => subject.text) }))
    else {
      io.out(`${valid ? 'valid' : 'not valid'}${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}`)
      for (const { subject, fingerprint } of path) io.out(`  ${printable(subject.text)}  ${fingerprint}`)
      for (const note of notes) io.out(`  - ${render(note.code, note.arguments, language)}`)
    }
    return valid ? 0 : 1
  })
}
