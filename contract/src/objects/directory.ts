/**
 * The configuration object `CertificateDirectory`: a place where certificates of people outside are looked for. Shape only: whether
 * somebody answers there is for the look-up to say.
 */
import { z } from 'zod'
import { fqdnField } from '../host-name.ts'
import { passwordField } from '../material.ts'
import { toDomainPattern } from './treatment.ts'

const ADDRESS = '{address}'

const shared = {
  domains: z
    .array(
      z
        .string()
        .overwrite((text) => toDomainPattern(text) ?? text)
        .refine(
          (text) => toDomainPattern(text) !== null,
          'must be a domain such as contoso.com, or *.contoso.com',
        ),
    )
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'Only addresses in these domains are looked for here (`*.contoso.com`: below it). Default: all.',
    ),
  keep: z
    .boolean()
    .default(true)
    .describe(
      'Keep what is found and good in the keyring, so that it is not looked for again. `false`: it is looked for anew when its time is over.',
    ),
  timeoutSeconds: z
    .number()
    .int()
    .min(1)
    .max(30)
    .default(5)
    .describe('How long a mail waits for the answer. A source that is slower counts as not answering.'),
  notFoundMinutes: z
    .number()
    .int()
    .min(0)
    .max(1440)
    .default(15)
    .describe('For so long it is remembered that an address has nothing here. 0: it is asked for each mail.'),
}

const ldap = {
  server: fqdnField(
    'Host name of the server; its certificate must be good for it. Only with `ldap`.',
  ).optional(),
  port: z
    .number()
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe('Port; default 636 with `ldaps`, 389 with `starttls`. Only with `ldap`.'),
  tls: z
    .enum(['ldaps', 'starttls'])
    .optional()
    .describe('How TLS begins; default `ldaps`. There is no way without it. Only with `ldap`.'),
  baseDn: z.string().max(1000).optional().describe('Where the search begins. Only with `ldap`.'),
  filter: z
    .string()
    .max(1000)
    .refine(
      (text) => text.includes(ADDRESS) && text.startsWith('('),
      'must be an LDAP filter with {address} in it',
    )
    .optional()
    .describe(
      'The search filter (RFC 4515); `{address}` stands for the address, escaped. Default `(mail={address})`. Only with `ldap`.',
    ),
  bindDn: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe('Who asks; default: nobody in particular. Only with `ldap`.'),
  password: passwordField('Password of `bindDn`.').optional(),
}

const https = {
  url: z
    .string()
    .max(2048)
    .refine(
      (text) =>
        URL.parse(text.replaceAll(/\{[a-z]+\}/g, 'x'))?.protocol === 'https:' &&
        !/^https:\/\/[^/?#]*[{@]/i.test(text),
      'must be an https address, with placeholders behind the host only',
    )
    .refine((text) => text.includes(ADDRESS), 'must have {address} in it')
    .optional()
    .describe(
      'Address to ask; `{address}` stands for the address, percent-encoded. The answer is a certificate (DER or PEM) or several (PEM, p7c); ' +
        '404 says that there is none. Only with `https`.',
    ),
  privateNetwork: z
    .boolean()
    .optional()
    .describe('The host of `url` may have an address that is not of the public Internet. Only with `https`.'),
}

/** The fields that only one type has. */
const FIELDS_OF: Readonly<Record<'ldap' | 'https' | 'smimea', readonly string[]>> = {
  ldap: Object.keys(ldap),
  https: Object.keys(https),
  smimea: [],
}

/** The spec of a `CertificateDirectory`. */
export const certificateDirectorySpec = z
  .strictObject({
    type: z
      .enum(['ldap', 'https', 'smimea'])
      .describe(
        'What is asked: an LDAP server, a web server, or DNS (`smimea`, RFC 8162: only answers that a trusted server validated).',
      ),
    ...ldap,
    ...https,
    ...shared,
  })
  .superRefine((spec, context) => {
    const flaw = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message })
    }
    for (const [type, names] of Object.entries(FIELDS_OF))
      if (type !== spec.type)
        for (const name of names) if (Object.hasOwn(spec, name)) flaw(name, `is only for the type ${type}`)
    if (spec.type === 'ldap' && spec.server === undefined) flaw('server', 'is required with the type ldap')
    if (spec.type === 'https' && spec.url === undefined) flaw('url', 'is required with the type https')
    if ((spec.bindDn === undefined) !== (spec.password === undefined))
      flaw('bindDn', 'stands with password, or neither does')
  })

/** The spec of a `CertificateDirectory` with its defaults filled in. */
export type CertificateDirectorySpec = z.output<typeof certificateDirectorySpec>

/** What becomes of the certificates in mail whose signature is valid. */
export const HARVEST_POLICIES = ['trusted', 'approval', 'never'] as const
