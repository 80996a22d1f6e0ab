/**
 * The pass marker: a header field with a MAC that counts how often a mail passed this gateway for one tenant in one
 * direction. Loops are found by it alone, never by Message-ID or by Received fields that others can write.
 * It names the earlier mail id, so that the traces of both passes can be joined. It does not decide what a loop means.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { MailId } from './message.ts'

/** The field's name. All `X-Siegel-*` fields are ours: those that come in are removed. */
export const MARKER_FIELD = 'X-Siegel-Pass'

/** Prefix of our own fields, lower case. */
export const OWN_FIELD_PREFIX = 'x-siegel-'

/** Markers older than this no longer count: a mail that loops does so within minutes, a copied marker lives longer. */
const MARKER_LIFETIME_MS = 24 * 3600 * 1000

const SYNTAX =
  /^v=1; d=(outbound|inbound); n=([1-9][0-9]{0,3}); t=([0-9]{10,14}); i=([0-9A-HJKMNP-TV-Z]{26}); m=([A-Za-z0-9_-]{22})$/

/** What a marker says. */
export interface Marker {
  readonly direction: 'outbound' | 'inbound'
  /** 1 on the first pass. */
  readonly passes: number
  readonly mailId: MailId
}

function mac(key: Buffer, tenantId: string, text: string): Buffer {
  return createHmac('sha256', key).update(`siegel pass marker\0${tenantId}\0${text}`).digest().subarray(0, 16)
}

/**
 * Writes a marker field, with CRLF.
 * @param key - the tenant's marker key, 32 bytes
 * @param now - milliseconds since 1970
 */
export function writeMarker(key: Buffer, tenantId: string, marker: Marker, now: number): Buffer {
  const text = `v=1; d=${marker.direction}; n=${marker.passes}; t=${now}; i=${marker.mailId}`
  return Buffer.from(`${MARKER_FIELD}: ${text}; m=${mac(key, tenantId, text).toString('base64url')}\r\n`)
}

/**
 * Reads a marker field's unfolded value.
 * @returns null when it is not ours, for another tenant, altered or too old
 */
export function readMarker(key: Buffer, tenantId: string, value: string, now: number): Marker | null {
  const match = SYNTAX.exec(value.trim())
  if (match === null) return null
  const [, direction, passes, time, mailId, given] = match
  if (direction === undefined || mailId === undefined || given === undefined) return null
  const text = value.trim().slice(0, value.trim().lastIndexOf('; m='))
  const bytes = Buffer.from(given, 'base64url')
  const expected = mac(key, tenantId, text)
  if (bytes.length !== expected.length || !timingSafeEqual(bytes, expected)) return null
  if (Math.abs(now - Number(time)) > MARKER_LIFETIME_MS) return null
  return { direction: direction === 'outbound' ? 'outbound' : 'inbound', passes: Number(passes), mailId }
}
