/**
 * The configuration object of a tenant's trust in e-mail certificates: `TrustSettings`.
 */
import { z } from 'zod'

const MAX_DISTRUST = 10_000

const distrusted = z
  .strictObject({
    fingerprint: z
      .string()
      .transform((text) => text.replaceAll(':', '').toLowerCase())
      .pipe(z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 fingerprint: 64 hexadecimal digits'))
      .optional()
      .describe('SHA-256 fingerprint of a certificate, of a holder or an authority; colons may stand in it.'),
    issuer: z
      .string()
      .min(1)
      .max(1000)
      .optional()
      .describe(
        'Name of an authority as `siegel trust list` writes it: nothing that it has issued is trusted.',
      ),
    comment: z.string().max(500).optional().describe('Why; for people.'),
  })
  .refine(({ fingerprint, issuer }) => (fingerprint === undefined) !== (issuer === undefined), {
    message: 'must have either fingerprint or issuer',
  })

/** The spec of a `TrustSettings`: whom a tenant trusts for e-mail certificates, and how revocation is asked. */
export const trustSettingsSpec = z.strictObject({
  publicAuthorities: z
    .boolean()
    .default(true)
    .describe('Trust the public authorities for e-mail that come with Siegel, beside each `MailAnchor`.'),
  revocation: z
    .enum(['off', 'soft', 'hard'])
    .default('soft')
    .describe(
      'How CRLs and OCSP count. `soft`: unknown is noted. `hard`: a certificate whose status is unknown is not encrypted to and its ' +
        'signature is not valid. `off`: nobody is asked. Revoked is never good, but where nobody is asked.',
    ),
  deadlineSeconds: z
    .number()
    .min(0)
    .max(30)
    .default(3)
    .describe('How long one mail waits for CRLs and OCSP responders; what comes later counts for the next.'),
  fetchIssuers: z
    .boolean()
    .default(true)
    .describe('Fetch missing certificates of authorities from where a certificate says that they are.'),
  distrust: z
    .array(distrusted)
    .max(MAX_DISTRUST)
    .default([])
    .describe('Certificates and authorities that are not trusted, whatever else speaks for them.'),
})

/** The spec of a `TrustSettings` with its defaults filled in. */
export type TrustSettingsSpec = z.output<typeof trustSettingsSpec>
