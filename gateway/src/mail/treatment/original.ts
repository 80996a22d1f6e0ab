/**
 * The received mail as treatment looks at it: a small one in memory, a large one as a source that is read in chunks whenever it
 * is looked at. Never half understood: a message that the scanner refuses is passed on as it is.
 */
import {
  EngineError,
  release,
  scanHeader,
  scanHeaderOfSource,
  scanMessage,
  scanStream,
  sourceOf,
  type ByteSource,
  type ByteView,
  type HeaderField,
  type MimeNode,
  type TemporaryStore,
} from '@siegel/engine'
import type { Bodies } from '../body.ts'
import type { ReceivedMail } from '../message.ts'

/** Mails above this size are not held in memory. Octets. */
export const STREAM_ABOVE = 1_048_576

/** The received message. */
export interface Original {
  /** The message, or its headers and the beginning of each body when it is not in memory. */
  readonly bytes: ByteView
  /** The message in memory; null when it is too large. */
  readonly whole: Buffer | null
  /** The message, in memory or not. */
  readonly source: ByteSource
  /** null when the MIME scan refused it: then it can only be passed. */
  readonly root: MimeNode | null
  readonly fields: readonly HeaderField[]
  /** Offset of the first octet after the header section's empty line. */
  readonly bodyStart: number
  /** Where plaintext of a large mail waits. */
  readonly scratch: TemporaryStore
}

/**
 * Reads the received mail.
 * @param refused - is told why the scanner refused it
 * @throws BodyDamaged, StorageError
 */
export async function readOriginal(
  bodies: Bodies,
  mail: ReceivedMail,
  refused: (error: EngineError) => void,
): Promise<Original> {
  const ref = { tenantId: mail.tenantId, mailId: mail.id, copy: 0 }
  const scratch = bodies.scratch()
  const { size } = mail.body
  if (size > STREAM_ABOVE) {
    const source = {
      length: size,
      chunks: (start = 0, end = size) => passing(bodies.read(ref, { start, end: Math.min(end, size) })),
    }
    const { header, fields, bodyStart } = await scanHeaderOfSource(source)
    const scanned = await understood(refused, () => scanStream(source, size))
    const { root, view } = scanned ?? { root: null, view: header }
    return { bytes: view, whole: null, source, root, fields, bodyStart, scratch }
  }
  const pieces: Buffer[] = []
  for await (const piece of bodies.read(ref)) pieces.push(piece)
  const whole = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
  const { fields, bodyStart } = scanHeader(whole)
  const root = await understood(refused, () => scanMessage(whole))
  return { bytes: whole, whole, source: sourceOf(whole), root, fields, bodyStart, scratch }
}

/** Gives each chunk's memory back when the next one is asked for. */
async function* passing(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    yield chunk
    release(chunk)
  }
}

async function understood<T>(
  refused: (error: EngineError) => void,
  scan: () => T | Promise<T>,
): Promise<T | null> {
  try {
    return await scan()
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    refused(error)
    return null
  }
}
