/**
 * The configuration object `AcmeIssuer`: an authority that issues TLS certificates by ACME, and for whom.
 */
import { z } from 'zod'
import { addressField } from '../host-name.ts'
import { passwordField } from '../material.ts'

/** The spec of an `AcmeIssuer`. */
export const acmeIssuerSpec = z.strictObject({
  directory: z
    .string()
    .max(2048)
    .refine((text) => URL.parse(text)?.protocol === 'https:', 'must be an https address')
    .describe("Address of the authority's ACME directory (RFC 8555)."),
  tenants: z
    .array(z.string().min(1).max(63))
    .max(5000)
    .optional()
    .describe('Names of the tenants whose host names get certificates from here; default: all.'),
  use: z
    .enum(['both', 'server', 'client'])
    .default('both')
    .describe(
      'What the certificates are put in force for: the listener, towards Office 365, or both. A certificate with clientAuth in force ' +
        'towards Office 365 is not replaced by one without, unless this is `client`.',
    ),
  challenge: z
    .enum(['http-01', 'dns-01'])
    .default('http-01')
    .describe(
      '`http-01` needs `acme.httpListeners` in siegel.yaml and port 80 open to the world; `dns-01` needs `acme.dnsCommand`, or somebody ' +
        'who writes the record that the alarm names.',
    ),
  contact: z.array(addressField('An address.')).max(10).default([]).describe('Addresses for the authority.'),
  termsOfServiceAgreed: z
    .boolean()
    .default(false)
    .describe("Whether the operator agrees to the authority's terms of service."),
  externalAccount: z
    .strictObject({
      keyId: z.string().min(1).max(512).describe('Key identifier that the authority gave.'),
      hmacKey: passwordField('MAC key that the authority gave, in base64url.'),
    })
    .optional()
    .describe('An account that the authority knows already (external account binding).'),
  preferredRoot: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('Common name of the root to which the chain should lead, where the authority offers several.'),
  key: z
    .enum(['rsa-2048', 'rsa-3072', 'rsa-4096', 'p-256', 'p-384'])
    .default('rsa-2048')
    .describe('Kind of the key; a new one with each certificate.'),
})

/** The spec of an `AcmeIssuer` with its defaults filled in. */
export type AcmeIssuerSpec = z.output<typeof acmeIssuerSpec>
