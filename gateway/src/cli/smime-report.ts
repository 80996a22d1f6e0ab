/**
 * What `siegel smime` prints: the fixed JSON of verdicts and decryptions, and lines for people. Pure.
 */
import { REASONS, type DecryptResult, type Reason, type SignerVerdict, type Verdict } from '@siegel/engine'

/** RFC 3339, without fractions. */
function timeText(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString().replace('.000Z', 'Z')
}

/** What is reported of a decryption: everything but the plaintext. */
type Decryption = Omit<DecryptResult, 'entity' | 'message'>

function signerJson(signer: SignerVerdict) {
  const { emails, subject, issuer, serial, status, reasons, digest, signature, signingTime } = signer
  return {
    emails,
    subject,
    issuer,
    serial,
    status,
    reasons,
    digest,
    signature,
    signingTime: timeText(signingTime),
  }
}

/** The JSON of a verdict. */
export function verdictJson(verdict: Verdict) {
  const { status, reasons, from, signers, coverage, encrypted, protectedHeaders } = verdict
  return { status, reasons, from, signers: signers.map(signerJson), coverage, encrypted, protectedHeaders }
}

/** The JSON of a decryption. */
export function decryptionJson(result: Decryption) {
  const { status, reasons, layers, contentEncryption, keyEncryption, authenticated, protectedHeaders } =
    result
  const verified = result.verified === null ? null : verdictJson(result.verified)
  return {
    ...{ status, reasons, layers, contentEncryption, keyEncryption, authenticated },
    ...{ verified, protectedHeaders },
  }
}

/** A verdict for people. */
export function verdictLines(verdict: Verdict): string[] {
  const lines = [`signature: ${verdict.status}`]
  if (verdict.from.length > 0) lines.push(`from: ${verdict.from.map(shown).join(', ')}`)
  if (verdict.coverage !== 'none')
    lines.push(`covers: ${verdict.coverage === 'whole' ? 'the whole message' : 'a part'}`)
  for (const signer of verdict.signers) {
    lines.push(`signer: ${signer.subject === null ? 'unknown' : shown(signer.subject)}: ${signer.status}`)
    if (signer.emails.length > 0) lines.push(`  addresses: ${signer.emails.map(shown).join(', ')}`)
    if (signer.issuer !== null) lines.push(`  issuer: ${shown(signer.issuer)}, serial ${signer.serial ?? ''}`)
    lines.push(`  algorithms: ${signer.signature} with ${signer.digest}`)
    if (signer.signingTime !== null)
      lines.push(`  signing time (claimed): ${timeText(signer.signingTime) ?? ''}`)
  }
  return [...lines, ...reasonLines(verdict.reasons)]
}

/** A decryption for people. */
export function decryptionLines(result: Decryption): string[] {
  const lines = [`decryption: ${result.status}`]
  if (result.layers.length > 0) lines.push(`layers: ${result.layers.join(', ')}`)
  if (result.contentEncryption !== null)
    lines.push(`encrypted with: ${result.contentEncryption}, key by ${result.keyEncryption ?? 'nobody here'}`)
  lines.push(...reasonLines(result.reasons))
  return result.verified === null ? lines : [...lines, ...verdictLines(result.verified)]
}

function reasonLines(reasons: readonly Reason[]): string[] {
  return reasons.map((reason) => `${reason}: ${REASONS[reason]}`)
}

/** Text from a message on a terminal: control characters are shown, not obeyed. */
function shown(text: string): string {
  return text.replace(/\p{C}/gu, '\ufffd')
}
