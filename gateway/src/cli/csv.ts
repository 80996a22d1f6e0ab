/**
 * Values as lines of CSV. RFC 4180 2
 * A cell that a spreadsheet would take for a formula gets an apostrophe: what stands in certificates comes from strangers.
 */

function cell(value: string): string {
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** One line, without its end. */
export function csvLine(values: readonly (string | number | boolean | null)[]): string {
  return values.map((value) => (typeof value === 'string' ? cell(value) : String(value ?? ''))).join(',')
}
