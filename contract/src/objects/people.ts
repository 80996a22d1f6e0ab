/**
 * The configuration object `Directory`: how the tenant's directory of people and groups is believed. What stands in the directory is
 * data, brought by `siegel directory import`, and no configuration.
 */
import { z } from 'zod'
import { toLookupAddress } from '../host-name.ts'

/** Hours after which a directory is too old to be believed, where nothing is said. */
export const DIRECTORY_MAX_AGE_HOURS = 168

/** A group as it is looked up: its address in look-up form, else its name in one case and normal form. */
export function toGroupKey(text: string): string {
  const trimmed = text.trim()
  return toLookupAddress(trimmed) ?? trimmed.normalize('NFKC').toLowerCase()
}

/** The spec of a `Directory`. */
export const directorySpec = z.strictObject({
  maxAgeHours: z
    .number()
    .int()
    .min(1)
    .max(8760)
    .default(DIRECTORY_MAX_AGE_HOURS)
    .describe(
      'Hours after an import of users, or of groups, for which it is believed. After that no condition on groups can be judged, which ' +
        'counts for what is safer, and keys open mail to the addresses of their certificates only.',
    ),
})

/** The spec of a `Directory` with its defaults filled in. */
export type DirectorySpec = z.output<typeof directorySpec>
