/**
 * The configuration objects that say what must happen to outbound mail: `TreatmentDefaults` for all tenants, `TreatmentSettings` for
 * a tenant, one of its domains or users, or a partner. A value that is left out is inherited.
 */
import { z } from 'zod'
import { addressField, toDomain, toLookupAddress } from '../host-name.ts'

/** How much is demanded, from the least to the most. */
export const DEMANDS = ['never', 'if-possible', 'always'] as const

/** How much encryption is demanded: beyond `always` there is the demand for the mail as a whole. */
export const ENCRYPTION_DEMANDS = [...DEMANDS, 'all-or-nothing'] as const

/** The algorithm sets. Of two the demands of both hold; none is simply above another. */
export const PROFILES = ['compatible', 'modern', 'bsi-strict', 'edi-energy', 'pq', 'pq-hybrid'] as const

const LONGEST_HOLD_HOURS = 120

/** The values that can be asked for; what is left out is inherited. */
export const treatmentValues = {
  sign: z
    .enum(DEMANDS)
    .optional()
    .describe(
      'Sign: `never`; `if-possible`, when there is a good key of the From address (factory value); or `always`.',
    ),
  encrypt: z
    .enum(ENCRYPTION_DEMANDS)
    .optional()
    .describe(
      'Encrypt: `never`; `if-possible`, when a good certificate of the recipient is known (factory value); or `always`, also what would ' +
        'else pass untouched, such as signed mail and calendar items; or `all-or-nothing`, `always` for every recipient of the mail: while ' +
        'one of them cannot be encrypted to, nothing leaves for any.',
    ),
  impossible: z
    .enum(['hold', 'bounce'])
    .optional()
    .describe(
      'What happens when `always` cannot be met: `hold` looks again until it can be, for `holdHours` (factory value); `bounce` returns ' +
        'the mail at once. It never leaves in another form.',
    ),
  holdHours: z
    .number()
    .int()
    .min(1)
    .max(LONGEST_HOLD_HOURS)
    .optional()
    .describe('Hours from its arrival for which a mail is held, then it is returned. Factory value 24.'),
  profile: z
    .enum(PROFILES)
    .optional()
    .describe(
      'Algorithms: `compatible` (factory value; SHA-256, AES-256-CBC, RSA v1.5: what every mail program of the last ten years reads) or ' +
        '`modern` (SHA-256, AES-256-GCM, RSAES-OAEP), `bsi-strict` (BSI TR-02102-1), `edi-energy` (the rules of the German energy ' +
        'market), `pq` (ML-KEM and ML-DSA where there are keys for them, else as `modern` or better) or `pq-hybrid` (always two layers, ' +
        'a classical one inside one of ML-KEM). What each demands is told by `siegel profile show NAME`.',
    ),
}

const VALUE_NAMES = Object.keys(treatmentValues)

function hasValue(spec: object): boolean {
  return VALUE_NAMES.some((name) => name in spec)
}

/** The spec of `TreatmentDefaults`: what holds for all tenants that say nothing else. */
export const treatmentDefaultsSpec = z
  .strictObject(treatmentValues)
  .refine(hasValue, { error: `must set one of ${VALUE_NAMES.join(', ')}` })

/** The spec of `TreatmentDefaults`. */
export type TreatmentDefaultsSpec = z.output<typeof treatmentDefaultsSpec>

/** A domain, or `*.` and a domain for all that lie below it; lower case, A-labels. Null when it is neither. */
export function toDomainPattern(text: string): string | null {
  const below = text.startsWith('*.')
  const domain = toDomain(below ? text.slice(2) : text)
  if (domain === null || !domain.includes('.')) return null
  return below ? `*.${domain}` : domain
}

const domainPattern = z
  .string()
  .overwrite((text) => toDomainPattern(text) ?? text)
  .refine((text) => toDomainPattern(text) !== null, 'must be a domain such as contoso.com, or *.contoso.com')
  .meta({ examples: ['contoso.com', '*.contoso.com'] })

const partner = z
  .string()
  .overwrite((text) => toDomainPattern(text) ?? toLookupAddress(text) ?? text)
  .refine(
    (text) => toDomainPattern(text) !== null || toLookupAddress(text) !== null,
    'must be an e-mail address, a domain such as fabrikam.com, or *.fabrikam.com',
  )
  .meta({ examples: ['fabrikam.com', '*.fabrikam.com', 'bob@fabrikam.com'] })

/** The spec of `TreatmentSettings`: whom it is for, and what holds for them. */
export const treatmentSettingsSpec = z
  .strictObject({
    domain: domainPattern
      .optional()
      .describe('For senders in this domain, or below it (`*.contoso.com`); the longer pattern goes first.'),
    user: addressField('For this sender.').optional(),
    partner: partner
      .optional()
      .describe(
        'For mail to this address, domain, or what lies below it (`*.fabrikam.com`). Without `domain`, `user` and `partner` the object is ' +
          'for the whole tenant.',
      ),
    ...treatmentValues,
  })
  .refine(hasValue, { error: `must set one of ${VALUE_NAMES.join(', ')}` })
  .refine(
    ({ domain, user, partner: whom }) => [domain, user, whom].filter((each) => each !== undefined).length < 2,
    { error: 'must have only one of domain, user and partner' },
  )

/** The spec of `TreatmentSettings`. */
export type TreatmentSettingsSpec = z.output<typeof treatmentSettingsSpec>
