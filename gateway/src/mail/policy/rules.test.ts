// Rules: which mail each condition is true for, what is not to be judged, and that a rule weakens only where it says so.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfigDocument, type RuleSpec } from '@siegel/contract'
import { scanHeader, scanMessage } from '@siegel/engine'
import fc from 'fast-check'
import type { GroupMembership } from '../../directory/ports.ts'
import { askedTreatment, NO_LEVELS, type TreatmentLevels } from './levels.ts'
import { ruledMail } from './ruled-mail.ts'
import { compileRule, RuleTrial, type Ruled } from './rules.ts'

const ALICE = 'alice@contoso.com'
const BOB = 'bob@mail.fabrikam.com'

function ruleOf(spec: object): RuleSpec {
  const parsed = parseConfigDocument({
    ...{ apiVersion: 'siegel/v1', kind: 'Rule', tenant: 'contoso', name: 'x' },
    spec: { order: 1, then: { encrypt: 'always' }, ...spec },
  })
  assert.ok(parsed.ok && parsed.document.kind === 'Rule', JSON.stringify(parsed))
  return parsed.document.spec
}

interface Given {
  readonly lines?: readonly string[]
  readonly known?: Partial<Parameters<typeof ruledMail>[1]>
  readonly levels?: TreatmentLevels
  readonly damaged?: boolean
}

function trial(
  specs: readonly object[],
  { lines = [], known = {}, levels = NO_LEVELS, damaged }: Given = {},
): Ruled {
  const bytes = Buffer.from([...lines, ...(lines.includes('') ? [] : ['', 'x']), ''].join('\r\n'))
  const root = damaged === true ? null : scanMessage(bytes)
  const mail = ruledMail(
    { bytes, root, fields: scanHeader(bytes).fields },
    { senders: [ALICE], kind: 'ordinary', protection: 'none', size: 5000, nullSender: false, ...known },
  )
  const rules = specs.map((spec, at) => compileRule(`r${at}`, ruleOf(spec)))
  return new RuleTrial(rules, mail).apply(BOB, askedTreatment(levels, [ALICE], BOB))
}

const outcome = (spec: object, given?: Given): string => trial([spec], given).found[0]?.outcome ?? 'no'

const PDF = ['Content-Type: multipart/mixed; boundary=b', '', '--b', '', 'x', '--b', 'Content-Type: application/PDF; name="=?utf-8?q?Pr=C3=BCfung.PDF?="', '', 'x', '--b--'] // prettier-ignore

/** A directory: who is in which group; of `open` not every member is known. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  legal: [ALICE],
  partners: [BOB],
  empty: [],
  open: ['carol@contoso.com'],
}
const groups: GroupMembership = {
  isMember(address, group) {
    const members = GROUPS[group]
    if (members === undefined || address === 'shared@contoso.com') return null
    return members.includes(address) || (group === 'open' ? null : false)
  },
}
const SHARED = { groups, senders: ['shared@contoso.com'] }

/** A condition, a mail, and whether the rule applies. */
const CASES: readonly (readonly [when: object, given: Given, outcome: string])[] = [
  [{}, {}, 'applies'],
  [{ sender: [ALICE] }, {}, 'applies'],
  [{ sender: ['contoso.com'] }, {}, 'applies'],
  [{ sender: ['*.contoso.com'] }, {}, 'no'],
  [{ sender: [ALICE] }, { known: { senders: [ALICE, 'eve@contoso.com'] } }, 'unsure'],
  [{ sender: ['contoso.com'] }, { known: { senders: [ALICE, 'eve@contoso.com'] } }, 'applies'],
  [{ sender: ['contoso.com'] }, { known: { senders: [] } }, 'unsure'],
  [{ recipient: ['*.fabrikam.com'] }, {}, 'applies'],
  [{ recipient: ['fabrikam.com', 'other.example'] }, {}, 'no'],
  [{ subject: ['[secure]'] }, { lines: ['Subject: Re: [SECURE] prices'] }, 'applies'],
  [{ subject: ['[secure]'] }, { lines: ['Subject: secure prices'] }, 'no'],
  [{ subject: ['geheim'] }, {}, 'no'],
  [{ subject: ['prüfung'] }, { lines: ['Subject: =?utf-8?B?UFLDnEZVTkc=?='] }, 'applies'],
  [{ subject: ['prüfung'] }, { lines: ['Subject: =?iso-8859-1?Q?Pr=FCf?=', ' =?iso-8859-1?Q?ung?='] }, 'applies'],
  [{ subject: ['[secure]'] }, { lines: ['Subject: =?x-none?Z?broken?='] }, 'no'],
  [{ subject: ['[secure]'] }, { lines: ['Subject: a', 'Subject: [secure]'] }, 'applies'],
  [{ header: [{ name: 'msip_labels', contains: 'abc_Enabled=true' }] }, { lines: ['MSIP_Labels: MSIP_Label_ABC_Enabled=True;'] }, 'applies'],
  [{ header: [{ name: 'X-Confidential' }] }, { lines: ['x-confidential:'] }, 'applies'],
  [{ header: [{ name: 'X-Confidential' }] }, {}, 'no'],
  [{ header: [{ name: 'X-Long', contains: 'x' }] }, { lines: Array.from({ length: 50 }, () => `X-Long: ${'y'.repeat(900)}`) }, 'unsure'],
  [{ subject: ['x'] }, { lines: Array.from({ length: 50 }, () => `Subject: ${'y'.repeat(900)}`) }, 'unsure'],
  [{ sensitivity: ['company-confidential'] }, { lines: ['Sensitivity: Company-Confidential'] }, 'applies'],
  [{ sensitivity: ['private'] }, { lines: ['Sensitivity: Company-Confidential'] }, 'no'],
  [{ largerThan: 4999 }, {}, 'applies'],
  [{ largerThan: 5000 }, {}, 'no'],
  [{ attachment: ['application/pdf'] }, { lines: PDF }, 'applies'],
  [{ attachment: ['application/*'] }, { lines: PDF }, 'applies'],
  [{ attachment: ['prüfung.pdf'] }, { lines: PDF }, 'applies'],
  [{ attachment: ['.docx', 'image/*'] }, { lines: PDF }, 'no'],
  [{ attachment: ['.pdf'] }, { damaged: true }, 'unsure'],
  [{ kind: ['calendar', 'out-of-office'] }, { known: { kind: 'calendar' } }, 'applies'],
  [{ kind: ['calendar'] }, {}, 'no'],
  [{ kind: ['null-sender'] }, { known: { nullSender: true } }, 'applies'],
  [{ kind: ['null-sender'] }, {}, 'no'],
  [{ kind: ['list'] }, { lines: ['List-Id: Prices <prices.contoso.com>'] }, 'applies'],
  [{ kind: ['list'] }, { lines: ['Precedence: Bulk'] }, 'applies'],
  [{ kind: ['list'] }, { lines: ['Precedence: first-class'] }, 'no'],
  [{ kind: ['list'] }, { lines: Array.from({ length: 50 }, () => `Precedence: ${'y'.repeat(900)}`) }, 'unsure'],
  [{ kind: ['automatic'] }, { lines: ['Auto-Submitted: auto-generated; owner-email=a@b.example'] }, 'applies'],
  [{ kind: ['automatic'] }, { lines: ['Auto-Submitted: No (a human)'] }, 'no'],
  [{ kind: ['automatic'] }, {}, 'no'],
  [{ kind: ['tnef'] }, { lines: ['Content-Type: application/ms-tnef; name="winmail.dat"'] }, 'applies'],
  [{ kind: ['tnef'] }, { lines: ['Content-Type: application/octet-stream', 'Content-Disposition: attachment; filename=WINMAIL.DAT'] }, 'applies'],
  [{ kind: ['tnef'] }, { lines: PDF }, 'no'],
  [{ kind: ['tnef'] }, { damaged: true }, 'unsure'],
  [{ kind: ['tnef', 'ordinary'] }, { damaged: true }, 'applies'],
  [{ attachment: ['verträge.pdf'] }, { lines: ['Content-Type: application/octet-stream', "Content-Disposition: attachment; filename*0*=utf-8''Vertr%C3%A4;", ' filename*1=ge.PDF'] }, 'applies'],
  [{ protectedAs: ['signed'] }, { known: { protection: 'opaque-signed' } }, 'applies'],
  [{ protectedAs: ['nothing'] }, { known: { protection: 'certs-only' } }, 'applies'],
  [{ protectedAs: ['encrypted'] }, { known: { protection: 'openpgp' } }, 'unsure'],
  [{ subject: ['a'], largerThan: 1 }, { lines: ['Subject: a'] }, 'applies'],
  [{ subject: ['a'], largerThan: 9999 }, { lines: ['Subject: a'] }, 'no'],
  [{ attachment: ['.pdf'], largerThan: 9999 }, { damaged: true }, 'no'],
  [{ senderGroup: ['Legal'] }, { known: { groups } }, 'applies'],
  [{ senderGroup: ['empty'] }, { known: { groups } }, 'no'],
  [{ senderGroup: ['empty', 'legal'] }, { known: { groups } }, 'applies'],
  [{ senderGroup: ['legal'] }, {}, 'unsure'],
  [{ senderGroup: ['nobody-knows'] }, { known: { groups } }, 'unsure'],
  [{ senderGroup: ['nobody-knows', 'legal'] }, { known: { groups } }, 'applies'],
  [{ senderGroup: ['nobody-knows', 'empty'] }, { known: { groups } }, 'unsure'],
  [{ senderGroup: ['open'] }, { known: { groups } }, 'unsure'],
  [{ senderGroup: ['legal'] }, { known: SHARED }, 'unsure'],
  [{ senderGroup: ['legal'] }, { known: { groups, senders: [ALICE, 'carol@contoso.com'] } }, 'unsure'],
  [{ senderGroup: ['legal'] }, { known: { groups, senders: [] } }, 'unsure'],
  [{ senderGroup: ['legal'], largerThan: 9999 }, {}, 'no'],
  [{ recipientGroup: ['partners'] }, { known: { groups } }, 'applies'],
  [{ recipientGroup: ['legal'] }, { known: { groups } }, 'no'],
  [{ recipientGroup: ['partners'] }, {}, 'unsure'],
  [{ recipientGroup: ['partners'], senderGroup: ['empty'] }, { known: { groups } }, 'no'],
  [{ recipientGroup: ['partners'], senderGroup: ['legal'] }, { known: { groups } }, 'applies'],
] // prettier-ignore

describe('rules', () => {
  for (const [when, given, wanted] of CASES)
    it(`${JSON.stringify(when)}, ${JSON.stringify({ ...given, lines: given.lines?.[0] })}: ${wanted}`, () => {
      assert.equal(outcome({ when }, given), wanted)
    })

  it('unless takes a rule away, and what cannot be judged leaves it in doubt', () => {
    const unless = { subject: ['[public]'] }
    assert.equal(outcome({ unless }, { lines: ['Subject: [public]'] }), 'no')
    assert.equal(outcome({ unless }, { lines: ['Subject: x'] }), 'applies')
    assert.equal(outcome({ unless: { recipient: [BOB] } }), 'no')
    assert.equal(outcome({ unless: { attachment: ['.pdf'] } }, { damaged: true }), 'unsure')
  })

  it('asks for more than the settings, for less only where it says so and is sure', () => {
    const always = { ...NO_LEVELS, tenant: { encrypt: 'always' } } as const
    const encrypt = (then: object, given: Given = {}, when: object = {}) =>
      trial([{ when, then: { encrypt: 'never', ...then } }], { levels: always, ...given }).asked.encrypt
    assert.deepEqual(encrypt({}), { value: 'always', origin: { level: 'tenant', of: '' } })
    assert.deepEqual(encrypt({ weaken: true }), { value: 'never', origin: { level: 'rule', of: 'r0' } })
    assert.equal(encrypt({ weaken: true }, { damaged: true }, { attachment: ['.pdf'] }).value, 'always')
    const more = trial([{ when: { attachment: ['.pdf'] } }], { damaged: true })
    assert.equal(more.asked.encrypt.value, 'always')
  })

  it('the first action counts, a rule that stops is the last, and doubt is held', () => {
    const hold = { then: { action: 'hold' } }
    const reject = { then: { action: 'reject' } }
    assert.deepEqual(trial([hold, reject]).action, { kind: 'hold', rule: 'r0' })
    assert.deepEqual(trial([reject, hold]).action, { kind: 'reject', rule: 'r0' })
    assert.deepEqual(
      trial([{ ...hold, stop: true, when: { subject: ['x'] } }, reject]).action?.kind,
      'reject',
    )
    assert.equal(trial([{ stop: true }, reject]).action, null)
    assert.equal(
      trial([{ ...reject, when: { attachment: ['.pdf'] } }], { damaged: true }).action?.kind,
      'hold',
    )
  })

  it('tells the groups that counted, and a doubtful directory never makes anything less safe', () => {
    const both = { when: { senderGroup: ['legal', 'empty'], recipientGroup: ['partners'] } }
    assert.deepEqual(trial([both], { known: { groups } }).found, [
      { rule: 'r0', outcome: 'applies', groups: ['legal', 'partners'] },
    ])
    assert.deepEqual(trial([both]).found, [{ rule: 'r0', outcome: 'unsure' }])
    const rank = (text: string) => ['never', 'if-possible', 'always'].indexOf(text)
    const demand = fc.constantFrom('never', 'if-possible', 'always')
    const names = fc.array(fc.constantFrom('legal', 'partners', 'empty', 'other'), {
      minLength: 1,
      maxLength: 3,
    })
    const which = fc.constantFrom('senderGroup', 'recipientGroup')
    const rule = fc.tuple(which, names, demand, fc.boolean(), fc.boolean())
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 5 }), demand, (rules, encrypt) => {
        const levels = { ...NO_LEVELS, tenant: { encrypt } } as TreatmentLevels
        const specs = rules.map(([name, list, asked, weaken, unless]) => ({
          ...(unless ? { unless: { [name]: list } } : { when: { [name]: list } }),
          then: { encrypt: asked, weaken },
        }))
        // Without a directory no rule weakens, whatever it says.
        assert.ok(rank(trial(specs, { levels }).asked.encrypt.value) >= rank(encrypt))
        // What is asked for with a directory, without weakening, is asked for without one, too.
        const strict = specs.map((spec) => ({ ...spec, then: { ...spec.then, weaken: false } }))
        const known = trial(strict, { levels, known: { groups } }).asked.encrypt.value
        assert.ok(rank(trial(strict, { levels }).asked.encrypt.value) >= rank(known))
      }),
      { numRuns: 200 },
    )
  })

  it('without weaken no set of rules makes anything less safe', () => {
    const rank = (text: string) => ['never', 'if-possible', 'always'].indexOf(text)
    const demand = fc.constantFrom('never', 'if-possible', 'always')
    const rule = fc.record({ then: fc.record({ encrypt: demand, sign: demand }), stop: fc.boolean() })
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 5 }), demand, (rules, encrypt) => {
        const levels = { ...NO_LEVELS, tenant: { encrypt } } as TreatmentLevels
        const { asked } = trial(rules, { levels })
        assert.ok(rank(asked.encrypt.value) >= rank(encrypt))
        assert.ok(rank(asked.sign.value) >= rank('if-possible'))
      }),
      { numRuns: 50 },
    )
  })
})
