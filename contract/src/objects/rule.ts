/**
 * The configuration object `Rule`: mail that looks so is treated so. Conditions and what follows; whether they hold is for the
 * mail path to say.
 */
import { z } from 'zod'
import { toLookupAddress } from '../host-name.ts'
import { toGroupKey } from './people.ts'
import { toDomainPattern, treatmentValues } from './treatment.ts'

const LARGEST_LIST = 1000

/** Kinds of mail that a rule can ask for; a mail can be of several. */
export const MESSAGE_KINDS = [
  'ordinary',
  'calendar',
  'out-of-office',
  'delivery-status',
  'disposition',
  'protected-rights',
  'null-sender',
  'list',
  'automatic',
  'tnef',
] as const

/** How a mail may be protected as it arrives, as far as a rule can ask for it. */
export const PROTECTED_AS = ['nothing', 'signed', 'encrypted'] as const

const who = z
  .string()
  .overwrite((text) => toDomainPattern(text) ?? toLookupAddress(text) ?? text)
  .refine(
    (text) => toDomainPattern(text) !== null || toLookupAddress(text) !== null,
    'must be an e-mail address, a domain such as fabrikam.com, or *.fabrikam.com',
  )

const text = z.string().min(1).max(200)

const group = z
  .string()
  .min(1)
  .max(256)
  .overwrite((name) => toGroupKey(name))
  .refine((name) => name !== '', 'must name a group')

const conditions = z.strictObject({
  sender: z
    .array(who)
    .min(1)
    .max(LARGEST_LIST)
    .optional()
    .describe(
      'The author is one of these addresses, or in one of these domains (`fabrikam.com`, `*.fabrikam.com`).',
    ),
  recipient: z.array(who).min(1).max(LARGEST_LIST).optional().describe('The recipient likewise.'),
  senderGroup: z
    .array(group)
    .min(1)
    .max(LARGEST_LIST)
    .optional()
    .describe(
      'The author is in one of these groups of the directory, named by address or name, also by way of a group in it. Cannot be judged ' +
        'while the directory is missing or too old, or does not know the group.',
    ),
  recipientGroup: z.array(group).min(1).max(LARGEST_LIST).optional().describe('The recipient likewise.'),
  subject: z
    .array(text)
    .min(1)
    .max(100)
    .optional()
    .describe('The subject holds one of these texts, in any case, for example `[secure]`.'),
  header: z
    .array(
      z.strictObject({
        name: z
          .string()
          // RFC 5322 3.6.8
          .regex(/^[!-9;-~]{1,100}$/, 'must be the name of a header field, without the colon')
          .describe('Name of the header field.'),
        contains: text
          .optional()
          .describe('Text that it holds, in any case; without it the field need only be there.'),
      }),
    )
    .min(1)
    .max(100)
    .optional()
    .describe('One of these header fields is there, for example a sensitivity label in `msip_labels`.'),
  sensitivity: z
    .array(z.enum(['personal', 'private', 'company-confidential']))
    .min(1)
    .optional()
    .describe('The field Sensitivity says so; Outlook writes it.'),
  largerThan: z.number().int().min(1).optional().describe('The mail has more octets than this.'),
  attachment: z
    .array(text)
    .min(1)
    .max(100)
    .optional()
    .describe('A part has this type (`application/pdf`, `image/*`) or a file name that ends so (`.pdf`).'),
  kind: z
    .array(z.enum(MESSAGE_KINDS))
    .min(1)
    .optional()
    .describe(
      'The mail is of one of these kinds. `null-sender`: its envelope has no sender; `list`: it comes from a mailing list (List-Id, or Precedence ' +
        'list or bulk); `automatic`: Auto-Submitted says that no human wrote it; `tnef`: a part is in the form that only Outlook reads ' +
        '(winmail.dat).',
    ),
  protectedAs: z
    .array(z.enum(PROTECTED_AS))
    .min(1)
    .optional()
    .describe('How the mail is protected already as it arrives.'),
})

/** Conditions, as a rule gives them. */
export type RuleConditions = z.output<typeof conditions>

/** The spec of a `Rule`. */
export const ruleSpec = z
  .strictObject({
    order: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .describe('Rules are tried in this order; equal ones by name.'),
    enabled: z.boolean().default(true).describe('A rule that is not enabled is kept and not tried.'),
    when: conditions
      .prefault({})
      .describe(
        'All that is given must hold; of a list one is enough. Without any the rule is for all mail.',
      ),
    unless: conditions
      .optional()
      .describe('If all of this holds, the rule does not apply.')
      .refine((unless) => unless === undefined || Object.keys(unless).length > 0, 'must name a condition'),
    then: z
      .strictObject({
        ...treatmentValues,
        weaken: z
          .boolean()
          .default(false)
          .describe(
            'The rule may also ask for less than settings and earlier rules do; without it only for more.',
          ),
        action: z
          .enum(['hold', 'reject'])
          .optional()
          .describe('`hold`: wait for an operator. `reject`: return to the sender (5.7.1).'),
      })
      .describe('What is asked for.'),
    stop: z.boolean().default(false).describe('No further rule is tried when this one applies.'),
  })
  .refine(({ then }) => Object.keys(then).some((name) => name !== 'weaken'), {
    path: ['then'],
    error: 'must ask for something',
  })

/** The spec of a `Rule` with its defaults filled in. */
export type RuleSpec = z.output<typeof ruleSpec>
