/**
 * Words for verdicts: the Authentication-Results method `smime` (RFC 7281) and the trace arguments. What stands here is read
 * by people and by filters; whatever went wrong with a decryption reads the same from outside.
 */
import type { DecryptResult, Verdict } from '@siegel/engine'
import type { ReviewedVerdict } from '../../trust/trust.ts'
import type { TraceValue } from '../trace.ts'

/** RFC 8601 2.2: a value as token if it is one, else as quoted string; control characters never pass. */
function pvalue(text: string): string {
  const clean = text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200)
  return /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~@-]+$/.test(clean)
    ? clean
    : `"${clean.replaceAll(/(["\\])/g, '\\$1')}"`
}

/** The result word for a verdict. RFC 7281 3 */
function resultOf(verdict: Verdict): string {
  switch (verdict.status) {
    case 'valid':
      return 'pass'
    case 'unsigned':
      return 'none'
    case 'error':
      return 'permerror'
    default:
      return 'fail'
  }
}

/** The `smime=` part for a mail that was verified, signed-only or after decryption. */
export function verifiedResult(verdict: Verdict, encrypted: boolean, authenticated: boolean): string {
  const words = [`smime=${resultOf(verdict)}`]
  const why: string[] =
    verdict.status === 'valid'
      ? []
      : verdict.status === 'unsigned'
        ? []
        : [verdict.status, ...verdict.reasons]
  if (encrypted) why.unshift('encrypted')
  if (encrypted && !authenticated && verdict.status !== 'valid') why.push('not authenticated')
  if (why.length > 0) words.push(`(${why.join(', ').slice(0, 300)})`)
  if (verdict.status === 'valid')
    for (const signer of verdict.signers.slice(0, 4)) {
      const email = signer.emails[0]
      if (email !== undefined) words.push(`body.smime-identifier=${pvalue(email)}`)
      if (signer.serial !== null) words.push(`body.smime-serial=${pvalue(signer.serial)}`)
    }
  return words.join(' ')
}

/** The one result for every mail that stays closed, whatever the reason: no key of ours, or a failure with one. */
export const NOT_DECRYPTED_RESULT = 'smime=permerror (encrypted, not decrypted)'

/**
 * A verdict for the trace.
 * @param notes - of each signer what trust has to say
 */
export function verdictArguments(
  verdict: Verdict,
  notes: ReviewedVerdict['notes'],
): { readonly [name: string]: TraceValue } {
  return {
    status: verdict.status,
    reasons: [...verdict.reasons],
    coverage: verdict.coverage,
    signers: verdict.signers.slice(0, 8).map((signer, index) => ({
      emails: [...signer.emails],
      subject: signer.subject,
      issuer: signer.issuer,
      serial: signer.serial,
      status: signer.status,
      reasons: [...signer.reasons],
      digest: signer.digest,
      signature: signer.signature,
      notes: (notes[index] ?? []).map(({ code, arguments: args }) => ({ code, arguments: args })),
    })),
  }
}

/** A decryption for the trace: the operator sees more than the outside, but nothing of the content. */
export function decryptionArguments(
  result: Pick<DecryptResult, 'status' | 'contentEncryption' | 'keyEncryption' | 'reasons'>,
): { readonly [name: string]: TraceValue } {
  return {
    status: result.status,
    contentEncryption: result.contentEncryption,
    keyEncryption: result.keyEncryption,
    reasons: [...result.reasons],
  }
}
