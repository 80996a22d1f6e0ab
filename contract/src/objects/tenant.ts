/**
 * The configuration object `Tenant`: a Microsoft 365 organisation, how its mail is recognised and where it goes.
 */
import { z } from 'zod'
import { addressField, domainField, fqdnField } from '../host-name.ts'
import { headerNameField } from '../header-name.ts'
import { HARVEST_POLICIES } from './directory.ts'
import { domainKeyField } from './domain-key.ts'
import {
  certificateField,
  parseReference,
  privateKeyField,
  processedWordField,
  secretField,
} from '../material.ts'
import { routeField } from '../network.ts'

const LARGEST_LIST = 16

const words = z.strictObject({
  name: headerNameField('Name of the header field with the processed word.')
    .default('X-Siegel-Processed')
    .describe('Name of the header field with the processed word.'),
  outbound: z
    .array(processedWordField('A processed word.'))
    .max(LARGEST_LIST)
    .default([])
    .describe(
      'Words for outbound mail. All are stamped, and the rules except each: several during a rotation only. Required with the preset `recommended`.',
    ),
  inbound: z
    .array(processedWordField('A processed word.'))
    .max(LARGEST_LIST)
    .default([])
    .describe('Words for inbound mail, likewise.'),
})

const validationWindow = z.strictObject({
  openedAt: z.iso
    .datetime({ offset: true })
    .describe('When the window was opened (RFC 3339). It is open for 60 minutes from then.'),
  recipients: z
    .array(addressField('An address.'))
    .min(1)
    .max(5)
    .describe('The addresses that Exchange Online is told to send its test mail to.'),
})

const roundTrip = z.strictObject({
  openedAt: z.iso
    .datetime({ offset: true })
    .describe('When it was opened (RFC 3339). It is open for 60 minutes from then.'),
  markHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits in lower case')
    .describe('SHA-256 over the mark that the subject of the test mails holds, in hexadecimal digits.'),
})

const script = z.strictObject({
  preset: z
    .enum(['recommended', 'as-documented'])
    .describe('Preset of then; with another one these options count no more.'),
  spam: z.enum(['A', 'B', 'C', 'D']).describe('`--spam`'),
  inbound: z.enum(['crypto', 'all']).describe('`--inbound`'),
  guard: z.enum(['none', 'reject', 'report']).describe('`--guard`'),
  reportTo: addressField('`--report-to`').optional(),
  exempt: z
    .array(z.enum(['OOF', 'PermissionControlled']))
    .max(2)
    .describe('`--exempt`'),
  pilotGroup: addressField('`--pilot-group`').optional(),
  gatewayAddresses: z.array(z.string().max(64)).max(LARGEST_LIST).describe('`--gateway-ip`'),
  certificateName: z.string().max(253).describe('`--certificate-name`'),
})

const LONGEST_ONBOARDING_HOURS = 168

const onboarding = z.strictObject({
  startedAt: z.iso.datetime({ offset: true }).describe('When it was started (RFC 3339).'),
  hours: z
    .number()
    .int()
    .min(1)
    .max(LONGEST_ONBOARDING_HOURS)
    .default(72)
    .describe('It ends by itself after so many hours.'),
})

const rotation = z.strictObject({
  what: z.enum(['secret', 'word']).describe('What is being changed.'),
  step: z
    .enum(['added', 'confirmed', 'finished'])
    .describe(
      '`added`: both values count. `confirmed`: the rules have the new one. `finished`: nothing is under way.',
    ),
  back: z.boolean().optional().describe('The change was aborted and leads back to the old values.'),
  at: z.iso
    .datetime({ offset: true })
    .describe('When this step was reached (RFC 3339). Tells `siegel apply` whether a file is older than it.'),
})

const retired = z.strictObject({
  outbound: z.array(secretField('A secret.')).max(LARGEST_LIST).describe('Old outbound secrets.'),
  inbound: z.array(secretField('A secret.')).max(LARGEST_LIST).describe('Old inbound secrets.'),
  until: z.iso.datetime({ offset: true }).describe('They are accepted before this time (RFC 3339).'),
})

const stamped = z.strictObject({
  name: headerNameField('Name of the header field that the rules stamp.'),
  outbound: z
    .array(secretField('A secret.'))
    .min(1)
    .max(LARGEST_LIST)
    .describe(
      'Secrets that the outbound rule stamps, without the prefix `out:`. All are accepted, the rule stamps the first; several during a rotation.',
    ),
  inbound: z
    .array(secretField('A secret.'))
    .min(1)
    .max(LARGEST_LIST)
    .describe('Secrets that the inbound rule stamps, without the prefix `in:`, likewise.'),
  retired: retired
    .optional()
    .describe(
      'Old secrets: no rule stamps them any more, but mail may still wait in Exchange Online that carries one; `siegel exchange rotate finish` writes it.',
    ),
})

const identity = z.strictObject({
  chain: certificateField('The certificate, then its intermediates: Office 365 fetches none.'),
  key: privateKeyField('The private key of the first certificate.'),
})

/** Values (not references) that stand in more than one place. */
function repeated(values: readonly string[]): boolean {
  const plain = values.filter((value) => parseReference(value) === null)
  return new Set(plain).size !== plain.length
}

/** The spec of a `Tenant`. */
export const tenantSpec = z
  .strictObject({
    microsoftTenantId: z
      .string()
      .toLowerCase()
      .regex(
        /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
        'must be a GUID such as 11111111-2222-3333-4444-555555555555',
      )
      .optional()
      .describe(
        "Microsoft's id of the tenant. Required with the preset `as-documented`: there it is the proof of the tenant.",
      ),
    acceptedDomains: z
      .array(domainField('A domain.'))
      .min(1)
      .max(5000)
      .refine((domains) => new Set(domains).size === domains.length, 'names a domain twice')
      .describe(
        "The tenant's accepted domains. Mail to them is inbound; only senders in them are signed for.",
      ),
    initialDomain: domainField("The tenant's domain below onmicrosoft.com.")
      .optional()
      .describe(
        "The tenant's domain below onmicrosoft.com. Exchange Online signs in its name what no other domain signs, and such a " +
          'signature proves the tenant as one of an accepted domain does. Not needed if it stands in acceptedDomains.',
      ),
    fqdn: fqdnField(
      'Host name of the gateway for this tenant: smart host of the outbound connector, EHLO argument, name on the certificate, ' +
        'and the `by` name in Received. Must itself be an accepted domain of the tenant and should have at most 48 characters.',
    ),
    preset: z
      .enum(['recommended', 'as-documented'])
      .default('recommended')
      .describe(
        '`recommended`: the rules stamp a secret header. `as-documented`: no header is stamped, the rules except mail whose ' +
          'Received names the gateway, and the tenant id proves the tenant.',
      ),
    route: routeField(
      "Next hop of the tenant's mail in Postfix syntax. This text, as written, is also the look-up key of the map `tls-policy`.",
    ),
    outboundDelivery: z
      .enum(['office365', 'direct'])
      .default('office365')
      .describe(
        'Where outbound mail goes: back to Office 365 over the route, or `direct` to the mail exchangers of each recipient. Mail ' +
          'for accepted domains, inbound mail and notices always take the route.',
      ),
    secretHeader: stamped
      .optional()
      .describe("The secret header that the tenant's rules stamp. Required with the preset `recommended`."),
    processedHeader: words
      .prefault({})
      .describe('The header field by which the rules recognise mail that has passed the gateway.'),
    clientCertificate: identity
      .optional()
      .describe(
        'Certificate that Siegel presents to Office 365: the inbound connector recognises the tenant by its name. ' +
          'One certificate per tenant.',
      ),
    removeOwnDkim: z
      .boolean()
      .default(true)
      .describe(
        "Remove the tenant's own DKIM-Signature fields when outbound mail is signed or encrypted: they would no longer verify, " +
          'and Office 365 signs anew. Own are those of the accepted domains and of initialDomain.',
      ),
    ediEnergyEdition: z
      .string()
      .min(1)
      .max(20)
      .optional()
      .describe(
        'The edition of the rules of EDI@Energy that an operator has compared with the profile `edi-energy` (`siegel profile show ' +
          'edi-energy` names it and its parameters). While it is missing or another one, mail goes by the profile and an alarm stands.',
      ),
    arcSealing: domainKeyField()
      .optional()
      .describe(
        'Seal mail with ARC after treatment. The chain that came is verified before anything is changed. Office 365 relies on the ' +
          'seal if the domain is named as a trusted ARC sealer (`Set-ArcConfig`).',
      ),
    dkimSigning: z
      .array(domainKeyField())
      .max(2)
      .default([])
      .refine(
        (keys) => new Set(keys.map(({ domain, selector }) => `${selector}.${domain}`)).size === keys.length,
        'names a selector twice',
      )
      .describe(
        'Sign outbound mail with DKIM, once with each key (one RSA, one Ed25519 at most). Only mail that does not go back to ' +
          'Office 365, which signs anew itself. The domain should be that of the senders.',
      ),
    validation: validationWindow
      .optional()
      .describe('The open window for connector validation; `siegel exchange window` writes it.'),
    roundTrip: roundTrip
      .optional()
      .describe(
        'The open round trip: by its mark the traces tell its test mails; `siegel exchange verify --round-trip` writes it. It changes no treatment.',
      ),
    onboarding: onboarding
      .optional()
      .describe(
        'While it lasts, mail that the next hop refuses for good is tried again instead of returned; `siegel exchange onboarding` writes it.',
      ),
    script: script
      .optional()
      .describe(
        'Options of the last script for Exchange Online: the next script and plan have them unless told otherwise, and drift ' +
          'compares with them; `siegel exchange script` writes it.',
      ),
    rotation: rotation
      .optional()
      .describe(
        'The change of secrets or words that is under way, or the last one; `siegel exchange rotate` writes it.',
      ),
    harvest: z
      .enum(HARVEST_POLICIES)
      .default('trusted')
      .describe(
        'What becomes of the certificates of senders outside whose signature is valid: `trusted` keeps those with a good chain in the ' +
          'keyring, so that replies are encrypted; `approval` keeps them until somebody approves them; `never` keeps none.',
      ),
    postmaster: addressField('Address for notices to the operators of the tenant.').optional(),
  })
  .superRefine((spec, context) => {
    const flaw = (path: string[], message: string): void => {
      context.addIssue({ code: 'custom', path, message })
    }
    if (spec.preset === 'recommended') {
      if (spec.secretHeader === undefined) flaw(['secretHeader'], 'is required with the preset recommended')
      for (const direction of ['outbound', 'inbound'] as const)
        if (spec.processedHeader[direction].length === 0)
          flaw(['processedHeader', direction], 'needs a word with the preset recommended')
    } else {
      if (spec.microsoftTenantId === undefined)
        flaw(['microsoftTenantId'], 'is required with the preset as-documented')
      if (spec.secretHeader !== undefined) flaw(['secretHeader'], 'is not used with the preset as-documented')
    }
    if (spec.secretHeader !== undefined) {
      if (repeated([...spec.secretHeader.outbound, ...spec.secretHeader.inbound]))
        flaw(['secretHeader'], 'uses the same secret twice')
      if (spec.secretHeader.name.toLowerCase() === spec.processedHeader.name.toLowerCase())
        flaw(['secretHeader', 'name'], 'must differ from the name of the processed header')
    }
    if (repeated([...spec.processedHeader.outbound, ...spec.processedHeader.inbound]))
      flaw(['processedHeader'], 'uses the same word twice')
  })

/** The spec of a `Tenant` with its defaults filled in. */
export type TenantSpec = z.output<typeof tenantSpec>
