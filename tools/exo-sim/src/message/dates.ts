// Dates as mail writes them.

/** RFC 5322 3.3 date-time in UTC, as Exchange writes it: `Sun, 9 Mar 2025 19:25:28 +0000`. */
export function mailDate(at: Date): string {
  return at.toUTCString().replace(/, 0/, ', ').replace('GMT', '+0000')
}
