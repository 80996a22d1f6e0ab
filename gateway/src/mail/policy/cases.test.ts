// Runs the tables in cases.md: a mail, what is asked or which rules there are, what we have; the Plan and its reasons must be as they say.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseConfigDocument } from '@siegel/contract'
import { scanHeader, scanMessage } from '@siegel/engine'
import type { GroupMembership } from '../../directory/ports.ts'
import type { RecipientPlan } from '../plan.ts'
import { decide } from './decide.ts'
import type { Facts, RecipientFacts } from './facts.ts'
import { askedTreatment, NO_LEVELS, type Values } from './levels.ts'
import { ruledMail } from './ruled-mail.ts'
import { compileRule, RuleTrial, type Rule } from './rules.ts'

const LIMIT = 157_286_400
const HOUR = 3_600_000

type Change = Partial<Facts>

/** What the first column means. */
const MAILS: Readonly<Record<string, Change>> = {
  ordinary: {},
  'two From fields': { from: { addresses: ['a@contoso.com', 'b@contoso.com'], fields: 2, ambiguous: false } },
  'two From addresses': {
    from: { addresses: ['a@contoso.com', 'b@contoso.com'], fields: 1, ambiguous: false },
  },
  'doubtful From': { from: { addresses: ['alice@contoso.com'], fields: 1, ambiguous: true } },
  'foreign From': { fromAccepted: false },
  'anonymous author': { authAs: 'Anonymous' },
  'second pass': { earlierPasses: 1 },
  'third pass': { earlierPasses: 2 },
  'own notice': { direction: 'notice' },
  'ordinary, 10 octets too large': { size: LIMIT + 10 },
  'ordinary, as large as can be': { size: LIMIT },
}
const KINDS = [
  'calendar',
  'out-of-office',
  'delivery-status',
  'disposition',
  'protected-rights',
  'connector-validation',
] as const
for (const kind of KINDS)
  // prettier-ignore
  Object.assign(MAILS, { [kind]: { kind } })
const PROTECTIONS = [
  'clear-signed',
  'opaque-signed',
  'auth-enveloped',
  'enveloped',
  'certs-only',
  'compressed',
  'openpgp',
  'damaged',
] as const
for (const protection of PROTECTIONS)
  // prettier-ignore
  Object.assign(MAILS, { [protection]: { protection } })

function mailOf(text: string): Change {
  const [, hours] = /^ordinary, (\d+) h old$/.exec(text) ?? []
  if (hours !== undefined) return { age: Number(hours) * HOUR }
  const found = MAILS[text]
  assert.ok(found !== undefined, `no such mail: ${text}`)
  return found
}

function askedOf(text: string): Values {
  const values: Record<string, string | number> = {}
  for (const item of text === '-' ? [] : text.split(', ')) {
    const [, name, value] = /^(sign|encrypt) (\S+)$/.exec(item) ?? []
    const [, hours] = /^hold (\d+)$/.exec(item) ?? []
    if (name !== undefined && value !== undefined) values[name] = value
    else if (hours !== undefined) values['holdHours'] = Number(hours)
    else if (item === 'bounce') values['impossible'] = item
    else {
      assert.ok(item === 'modern' || item === 'compatible', `nobody can ask for this: ${item}`)
      values['profile'] = item
    }
  }
  return values
}

function thenOf({ treatment }: RecipientPlan): string {
  if (treatment.kind === 'bounce') return `bounce ${treatment.status}`
  if (treatment.kind !== 'protect') return treatment.kind
  const { sign, encrypt, profile } = treatment
  const done = [...(sign === null ? [] : ['sign']), ...(encrypt === null ? [] : ['encrypt'])].join(', ')
  return profile.name === 'compatible' ? done : `${done} (${profile.name})`
}

const SENDER = 'alice@contoso.com'
const LINES = readFileSync(join(import.meta.dirname, 'cases.md'), 'utf8').split('\n')

/** The rows of all tables whose first column has this name. */
function rowsOf(column: string): string[][] {
  const rows: string[][] = []
  let inside = false
  for (const line of LINES) {
    if (!line.startsWith('|')) inside = false
    const cells = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', ''))
    if (line.startsWith('|') && cells[0] === column) inside = true
    else if (inside && !/^-+$/.test(cells[0] ?? '')) rows.push(cells)
  }
  return rows
}

function facts(have: string, change: Change): Facts {
  return {
    version: 2,
    settingsVersion: 1,
    direction: 'outbound',
    sender: SENDER,
    from: { addresses: [SENDER], fields: 1, ambiguous: false },
    fromAccepted: true,
    authAs: 'Internal',
    kind: 'ordinary',
    protection: 'none',
    earlierPasses: 0,
    age: 0,
    size: 5000,
    needsEncoding: false,
    sizeLimit: LIMIT,
    signer: have.includes('key') ? { credential: 'KEY', fingerprint: 'k' } : null,
    signerReasons: [],
    apart: 0,
    recipients: [],
    ...change,
  }
}

function recipient(
  delivery: number,
  address: string,
  certificate: boolean,
  change: Partial<RecipientFacts>,
): RecipientFacts {
  return {
    ...{ delivery, address, visible: true, certificateReasons: [], asked: null, rules: [], action: null },
    certificate: certificate
      ? { credential: `CERTIFICATE ${address}`, fingerprint: 'c', algorithm: 'rsa' }
      : null,
    released: false,
    ...change,
  }
}

function toldOf({ reasons }: RecipientPlan): string {
  return (
    reasons
      .map(({ code }) => code)
      .filter((code) => code !== 'setting')
      .join(', ') || '-'
  )
}

/** Whoever is planned as encrypted is never sent clear bytes. */
function assertNoClearBytes(planned: RecipientPlan): void {
  if (planned.reasons.some(({ code }) => code === 'encrypted'))
    assert.ok(planned.treatment.kind === 'protect' && planned.treatment.encrypt !== null)
}

describe('what becomes of a mail', () => {
  const cases = rowsOf('mail')
  it('the tables were read', () => {
    const all = [...cases, ...rowsOf('a mail with'), ...rowsOf('recipients')]
    assert.ok(all.length >= 300, `${all.length} cases`)
    assert.ok(all.every((cells) => cells.length === 5 && cells.every((cell) => cell !== '')))
    assert.equal(new Set(all.map((cells) => cells.slice(0, 3).join('|'))).size, all.length, 'a case twice')
  })
  for (const [mail = '', asked = '', have = '', then = '', because = ''] of cases)
    it(`${mail}; asked ${asked}; we have ${have}: ${then}`, () => {
      const values = askedOf(asked)
      const to = recipient(0, 'bob@fabrikam.com', have.includes('certificate'), {
        asked: askedTreatment({ ...NO_LEVELS, tenant: values }, [SENDER], 'bob@fabrikam.com'),
      })
      const [planned] = decide({ ...facts(have, mailOf(mail)), recipients: [to] }).recipients
      assert.ok(planned !== undefined)
      assert.equal(thenOf(planned), then)
      assert.equal(toldOf(planned), because)
      assertNoClearBytes(planned)
    })
})

const PDF_PARTS = ['Content-Type: multipart/mixed; boundary=b', '', '--b', '', 'x', '--b', 'Content-Type: application/pdf; name="Offer.PDF"', '', 'x', '--b--'] // prettier-ignore

/** The directory of the tables: alice is in legal, bob in partners; nobody is in board; others it does not know. */
const MEMBERS: Readonly<Record<string, string>> = { legal: SENDER, partners: 'bob@fabrikam.com', board: '' }
const GROUPS: GroupMembership = {
  isMember: (address, group) => (MEMBERS[group] === undefined ? null : MEMBERS[group] === address),
}

/** A mail as the first column of the second kind of table has it: header lines and features, parted by `; `. */
function ruledOf(text: string): { readonly change: Change; readonly mail: ReturnType<typeof ruledMail> } {
  const items = text.split('; ')
  const has = (item: string): boolean => items.includes(item)
  const lines = items.filter((item) => /^[A-Za-z-_]+: /.test(item))
  const kind = KINDS.find(has) ?? 'ordinary'
  const protection = PROTECTIONS.find(has) ?? 'none'
  const size = Number(items.flatMap((item) => /^(\d+) octets$/.exec(item)?.[1] ?? [])[0] ?? 5000)
  const content = has('a PDF') ? PDF_PARTS : ['', 'x']
  const bytes = Buffer.from([...lines, ...content, ''].join('\r\n'))
  const root = has('unreadable parts') ? null : scanMessage(bytes)
  const from = items.flatMap((item) => /^from (.+)$/.exec(item)?.[1] ?? [])
  return {
    change: { kind, protection, size },
    mail: ruledMail(
      { bytes, root, fields: scanHeader(bytes).fields },
      {
        senders: from.length === 0 ? [SENDER] : from,
        ...{ kind, protection, size, nullSender: has('null sender') },
        groups: has('no directory') ? null : GROUPS,
      },
    ),
  }
}

const CONDITIONS: Readonly<Record<string, (text: string) => object>> = {
  subject: (text) => ({ subject: [text] }),
  header: (text) => {
    const [name, contains] = text.split(' has ')
    return { header: [{ name, ...(contains === undefined ? {} : { contains }) }] }
  },
  sensitivity: (text) => ({ sensitivity: [text] }),
  'larger than': (text) => ({ largerThan: Number(text) }),
  attachment: (text) => ({ attachment: [text] }),
  kind: (text) => ({ kind: text.split(' or ') }),
  'protected as': (text) => ({ protectedAs: [text] }),
  'sender in': (text) => ({ senderGroup: text.split(' or ') }),
  'recipient in': (text) => ({ recipientGroup: text.split(' or ') }),
  sender: (text) => ({ sender: [text] }),
  recipient: (text) => ({ recipient: [text] }),
}

function conditionsOf(text: string): object {
  if (text === 'all mail') return {}
  return text.split(' and ').reduce<object>((all, each) => {
    const name = Object.keys(CONDITIONS).find((one) => each.startsWith(`${one} `))
    assert.ok(name !== undefined, `no such condition: ${each}`)
    return { ...all, ...CONDITIONS[name]?.(each.slice(name.length + 1)) }
  }, {})
}

/** `CONDITIONS [unless CONDITIONS] -> WHAT, WHAT`; rules are parted by `; `. */
function ruleOf(text: string, at: number): Rule {
  const [when = '', then = ''] = text.split(' -> ')
  const [holds = '', unless] = when.split(' unless ')
  const wanted = then.split(', ')
  const action = wanted.find((each) => each === 'hold' || each === 'reject')
  const plain = wanted.filter((each) => !['hold', 'reject', 'weaken', 'stop'].includes(each))
  const parsed = parseConfigDocument({
    ...{ apiVersion: 'siegel/v1', kind: 'Rule', tenant: 'contoso', name: `r${at}` },
    spec: {
      order: 1,
      when: conditionsOf(holds),
      ...(unless === undefined ? {} : { unless: conditionsOf(unless) }),
      then: {
        ...askedOf(plain.join(', ') || '-'),
        ...(action === undefined ? {} : { action }),
        weaken: wanted.includes('weaken'),
      },
      stop: wanted.includes('stop'),
    },
  })
  assert.ok(parsed.ok && parsed.document.kind === 'Rule', text)
  return compileRule(`r${at}`, parsed.document.spec)
}

describe('what rules make of a mail', () => {
  for (const [mail = '', rules = '', have = '', then = '', because = ''] of rowsOf('a mail with'))
    it(`${mail}; rules ${rules}; we have ${have}: ${then}`, () => {
      const { change, mail: ruled } = ruledOf(mail)
      const settings = askedTreatment(NO_LEVELS, ruled.senders, 'bob@fabrikam.com')
      const trial = new RuleTrial(rules.split('; ').map(ruleOf), ruled)
      const { asked, action, found } = trial.apply('bob@fabrikam.com', settings)
      const released = have.includes('released')
      const to = recipient(0, 'bob@fabrikam.com', have.includes('certificate'), {
        ...{ asked, action, rules: found, released },
      })
      const [planned] = decide({ ...facts(have, change), recipients: [to] }).recipients
      assert.ok(planned !== undefined)
      assert.equal(thenOf(planned), then)
      assert.equal(toldOf(planned), because)
      assertNoClearBytes(planned)
    })
})

describe('what becomes of a mail to several', () => {
  for (const [to = '', asked = '', have = '', then = '', because = ''] of rowsOf('recipients'))
    it(`${to}; asked ${asked}; ${have}: ${then}`, () => {
      const wanted = asked.split('; ')
      const recipients = to.split(', ').map((text, at) => {
        const values = wanted[at] ?? '-'
        const rejected = values === 'reject' || values === 'held by a rule'
        return recipient(at, text.split(' ')[0] ?? '', text.endsWith(' with certificate'), {
          asked: askedTreatment({ ...NO_LEVELS, tenant: rejected ? {} : askedOf(values) }, [SENDER], text),
          action: rejected ? { kind: values === 'reject' ? 'reject' : 'hold', rule: 'r0' } : null,
        })
      })
      const [, hours] = / (\d+) h old/.exec(have) ?? []
      const [, apart] = /(\d+) apart/.exec(have) ?? []
      const kind = KINDS.find((one) => have.includes(one)) ?? 'ordinary'
      const protection = PROTECTIONS.find((one) => have.includes(one)) ?? 'none'
      const plan = decide({
        ...facts(have, { kind, protection, age: Number(hours ?? 0) * HOUR, apart: Number(apart ?? 0) }),
        recipients,
      })
      assert.equal(plan.recipients.map(thenOf).join('; '), then)
      assert.equal(plan.recipients.map(toldOf).join('; '), because)
      plan.recipients.forEach(assertNoClearBytes)
    })
})
