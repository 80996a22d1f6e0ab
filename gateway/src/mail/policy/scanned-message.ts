/**
 * A message as policy reads it. Type only.
 */
import type { ByteView, HeaderField, MimeNode } from '@siegel/engine'

/** The message with its scanned shape. */
export interface ScannedMessage {
  /** The message, or its headers and the beginning of each body. */
  readonly bytes: ByteView
  /** null when the scan refused it. */
  readonly root: MimeNode | null
  /** The header fields, also when the body could not be scanned. */
  readonly fields: readonly HeaderField[]
}
