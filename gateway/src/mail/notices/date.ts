/**
 * The date-time of header and status fields (RFC 5322 3.3), always in universal time. Reads no clock.
 */

/**
 * A time as header fields have it, such as `Tue, 24 Nov 2026 05:46:49 +0000`.
 * @param time - milliseconds since 1970
 */
export function mailDate(time: number): string {
  // RFC 5322 4.3: `GMT` is the obsolete name of `+0000`
  return new Date(time).toUTCString().replace('GMT', '+0000')
}
