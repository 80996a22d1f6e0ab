/**
 * Finds the blocks of PEM text (RFC 7468), as real files have them: text around the blocks, any line length, CRLF or LF.
 * It refuses to guess: an unclosed block or foreign characters inside one are an error.
 */
import { EngineError } from '../errors.ts'

/** One PEM block. */
export interface PemBlock {
  /** The label, as `CERTIFICATE`. */
  readonly label: string
  /** The decoded content. */
  readonly bytes: Buffer
  /** The RFC 1421 header lines, in front of the content of old encrypted keys; empty for RFC 7468 blocks. */
  readonly headers: readonly string[]
}

const BEGIN = '-----BEGIN '
const DASHES = '-----'
/** More blocks in one file are refused. */
const MAX_BLOCKS = 10_000

/** Whether the bytes hold PEM text, not DER. */
export function looksLikePem(bytes: Buffer): boolean {
  return bytes.indexOf(BEGIN) >= 0 && bytes[0] !== 0x30
}

/**
 * All blocks in order; empty if there is none.
 * @throws EngineError `pem-malformed`
 */
export function readPem(bytes: Buffer): readonly PemBlock[] {
  const blocks: PemBlock[] = []
  for (let at = bytes.indexOf(BEGIN); at >= 0; at = bytes.indexOf(BEGIN, at)) {
    if (blocks.length >= MAX_BLOCKS) throw new EngineError('pem-malformed', `more than ${MAX_BLOCKS} blocks`)
    const labelStart = at + BEGIN.length
    const labelEnd = bytes.indexOf(DASHES, labelStart)
    if (labelEnd < 0 || labelEnd - labelStart > 64)
      throw new EngineError('pem-malformed', 'no end of the label')
    const label = bytes.toString('latin1', labelStart, labelEnd)
    const end = `-----END ${label}-----`
    const bodyStart = labelEnd + DASHES.length
    const bodyEnd = bytes.indexOf(end, bodyStart)
    if (bodyEnd < 0) throw new EngineError('pem-malformed', `no end of the block`)
    blocks.push({ label, ...readBody(bytes.toString('latin1', bodyStart, bodyEnd)) })
    at = bodyEnd + end.length
  }
  return blocks
}

function readBody(text: string): { readonly bytes: Buffer; readonly headers: readonly string[] } {
  const lines = text.split(/\r\n|\n|\r/)
  const empty = lines.findIndex((line, index) => index > 0 && line.trim() === '')
  const headers = empty > 0 && lines[1]?.includes(':') ? lines.splice(0, empty + 1).slice(1, empty) : []
  const base64 = lines.join('').replace(/[ \t\f\v]+/g, '')
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64))
    throw new EngineError('pem-malformed', 'the block is not base64')
  return { bytes: Buffer.from(base64, 'base64'), headers }
}

/** One PEM block with lines of 64 characters and LF line ends. */
export function writePem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.map((line) => `${line}\n`).join('')}-----END ${label}-----\n`
}
