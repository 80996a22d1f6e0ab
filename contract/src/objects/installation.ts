/**
 * The configuration objects of the installation, which no tenant may edit: `ServerCertificate`, `TlsAnchor`,
 * `AddressRange`, `Map`.
 */
import { z } from 'zod'
import { certificateField, privateKeyField } from '../material.ts'
import { rangeField } from '../network.ts'

/** The spec of a `ServerCertificate`: what the listeners present, chosen by the server name that the peer asks for. */
export const serverCertificateSpec = z.strictObject({
  chain: certificateField('The certificate, then its intermediates: Exchange Online fetches none.'),
  key: privateKeyField('The private key of the first certificate.'),
})

/** The spec of a `ServerCertificate`. */
export type ServerCertificateSpec = z.output<typeof serverCertificateSpec>

/** The spec of a `TlsAnchor`: a certificate authority trusted for TLS beside the built-in list. */
export const tlsAnchorSpec = z.strictObject({
  certificate: certificateField('The certificate of the authority.'),
})

/** The spec of a `TlsAnchor`. */
export type TlsAnchorSpec = z.output<typeof tlsAnchorSpec>

/** The spec of an `AddressRange`: addresses that may connect. */
export const addressRangeSpec = z
  .strictObject({
    cidrs: z
      .array(rangeField('An address range.'))
      .max(10000)
      .default([])
      .describe('Address ranges (CIDR), IPv4 and IPv6. Without any such object nobody may connect.'),
    office365: z
      .boolean()
      .default(false)
      .describe(
        'Also the addresses from which Exchange Online sends: the list that comes with Siegel, kept current by ' +
          '`exchange.addressRanges.refresh` in `siegel.yaml`. `siegel exchange ranges` shows it.',
      ),
  })
  .refine(({ cidrs, office365 }) => cidrs.length > 0 || office365, {
    path: ['cidrs'],
    message: 'must name a range, or office365 must be true',
  })

/** The spec of an `AddressRange`. */
export type AddressRangeSpec = z.output<typeof addressRangeSpec>

/** Names of the maps that exist. */
export const MAP_NAMES = ['tls-policy', 'transport', 'client-access', 'recipient-access'] as const

/** The spec of a `Map`: a table in Postfix syntax. */
export const mapSpec = z.strictObject({
  text: z
    .string()
    .max(4 * 1024 * 1024)
    .describe(
      'The table in Postfix syntax, one entry a line, for example `[contoso.mail.protection.outlook.com]:25 verify match=mail.protection.outlook.com`.',
    ),
})

/** The spec of a `Map`. */
export type MapSpec = z.output<typeof mapSpec>
