/**
 * The public authorities for e-mail that come with Siegel, parsed on first use.
 */
import { parseCertificate, type Certificate } from '@siegel/engine'
import { MAIL_ROOTS } from './mail-roots-data.ts'

/** An authority. */
export interface PublicRoot {
  /** As Mozilla's list has it. */
  readonly name: string
  readonly certificate: Certificate
  /** What it has issued later is not trusted, in milliseconds since 1970; null if there is no such day. */
  readonly distrustAfter: number | null
}

let parsed: readonly PublicRoot[] | null = null

/** All of them, in the order of their names. */
export function publicMailRoots(): readonly PublicRoot[] {
  parsed ??= MAIL_ROOTS.map(([name, , distrustAfter, der]) => ({
    name,
    certificate: parseCertificate(Buffer.from(der, 'base64')),
    distrustAfter: distrustAfter === null ? null : Date.parse(distrustAfter),
  }))
  return parsed
}
