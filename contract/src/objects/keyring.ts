/**
 * The configuration objects of a tenant's keyring and trust: `Credential`, `PartnerCertificate`, `MailAnchor`.
 */
import { z } from 'zod'
import { addressField } from '../host-name.ts'
import { certificateField, passwordField, pkcs12Field, privateKeyField } from '../material.ts'

const LARGEST_LIST = 1000

/** The spec of a `Credential`: an own key with its certificate. */
export const credentialSpec = z
  .strictObject({
    pkcs12: pkcs12Field(
      'A PKCS#12 file with the key, its certificate and intermediates. Either this, or `certificate` and `key`.',
    ).optional(),
    password: passwordField(
      'Password of the PKCS#12 file, or of an encrypted `key`. It is not kept.',
    ).optional(),
    certificate: certificateField('The certificate of the key.').optional(),
    chain: certificateField(
      'Intermediate certificates, leaf side first. They are sent along in signatures.',
    ).optional(),
    key: privateKeyField('The private key.').optional(),
    addresses: z
      .array(addressField('An address.'))
      .max(LARGEST_LIST)
      .optional()
      .describe(
        'Addresses that the key serves; default: all in the certificate. Only addresses in the certificate are allowed.',
      ),
    sign: z.boolean().default(true).describe('The key may sign.'),
    decrypt: z.boolean().default(true).describe('The key may decrypt.'),
  })
  .superRefine((spec, context) => {
    const flaw = (path: string[], message: string): void => {
      context.addIssue({ code: 'custom', path, message })
    }
    if (spec.pkcs12 === undefined) {
      if (spec.certificate === undefined) flaw(['certificate'], 'is required when there is no pkcs12')
      if (spec.key === undefined) flaw(['key'], 'is required when there is no pkcs12')
    } else {
      for (const name of ['certificate', 'chain', 'key'] as const)
        if (spec[name] !== undefined) flaw([name], 'must not stand beside pkcs12')
    }
  })

/** The spec of a `Credential` with its defaults filled in. */
export type CredentialSpec = z.output<typeof credentialSpec>

/** The spec of a `PartnerCertificate`: a certificate of somebody outside, to encrypt to. */
export const partnerCertificateSpec = z.strictObject({
  certificate: certificateField('The certificate: PEM, or DER in base64.'),
  addresses: z
    .array(addressField('An address.'))
    .max(LARGEST_LIST)
    .default([])
    .describe('Addresses that the certificate is also used for, beside those that it names.'),
  allowOtherAddresses: z
    .boolean()
    .default(false)
    .describe(
      'Allow addresses that the certificate does not name. Whoever holds its key then reads mail to them.',
    ),
  distrusted: z
    .boolean()
    .default(false)
    .describe('Do not encrypt to this certificate, whatever else speaks for it.'),
})

/** The spec of a `PartnerCertificate` with its defaults filled in. */
export type PartnerCertificateSpec = z.output<typeof partnerCertificateSpec>

/** The spec of a `MailAnchor`: a certificate authority that this tenant trusts for e-mail certificates. */
export const mailAnchorSpec = z.strictObject({
  certificate: certificateField('The certificate of the authority; it need not be self-signed.'),
})

/** The spec of a `MailAnchor`. */
export type MailAnchorSpec = z.output<typeof mailAnchorSpec>
