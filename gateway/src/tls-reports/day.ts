/**
 * UTC days: their beginning, and their name. Pure.
 */

/** Milliseconds. */
export const DAY_MS = 86_400_000

/** The beginning of the UTC day of a moment; both in milliseconds since 1970. */
export function dayOf(at: number): number {
  return at - (at % DAY_MS)
}

/** The name of a day, such as `2026-11-24`. */
export function dayName(day: number): string {
  return new Date(day).toISOString().slice(0, 10)
}

/** The beginning of the day of a name; null when it is none. */
export function parseDay(name: string): number | null {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(name)) return null
  const day = Date.parse(`${name}T00:00:00Z`)
  return Number.isNaN(day) || dayName(day) !== name ? null : day
}
