// Runs the table in cases.md: a mail, what is asked, what we have; the Plan and its reasons must be as it says.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { RecipientPlan } from '../plan.ts'
import { decide } from './decide.ts'
import type { Facts } from './facts.ts'
import { askedTreatment, NO_LEVELS, type Values } from './levels.ts'

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
for (const kind of [
  'calendar',
  'out-of-office',
  'delivery-status',
  'disposition',
  'protected-rights',
  'connector-validation',
] as const)
  // prettier-ignore
  Object.assign(MAILS, { [kind]: { kind } })
for (const protection of [
  'clear-signed',
  'opaque-signed',
  'enveloped',
  'auth-enveloped',
  'certs-only',
  'compressed',
  'openpgp',
  'damaged',
] as const)
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

const CASES = readFileSync(join(import.meta.dirname, 'cases.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\| (?:mail|-+) /.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

describe('what becomes of a mail', () => {
  it('the table was read', () => {
    assert.ok(CASES.length > 100)
    assert.ok(CASES.every((cells) => cells.length === 5 && cells.every((cell) => cell !== '')))
  })
  for (const [mail = '', asked = '', have = '', then = '', because = ''] of CASES)
    it(`${mail}; asked ${asked}; we have ${have}: ${then}`, () => {
      const values = askedOf(asked)
      const plan = decide({
        version: 2,
        settingsVersion: 1,
        direction: 'outbound',
        sender: 'alice@contoso.com',
        from: { addresses: ['alice@contoso.com'], fields: 1, ambiguous: false },
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
        recipients: [
          {
            delivery: 0,
            address: 'bob@fabrikam.com',
            visible: true,
            certificate: have.includes('certificate')
              ? { credential: 'CERTIFICATE', fingerprint: 'c', algorithm: 'rsa' }
              : null,
            certificateReasons: [],
            asked: askedTreatment(
              { ...NO_LEVELS, tenant: values },
              ['alice@contoso.com'],
              'bob@fabrikam.com',
            ),
          },
        ],
        ...mailOf(mail),
      })
      const [recipient] = plan.recipients
      assert.ok(recipient !== undefined)
      assert.equal(thenOf(recipient), then)
      const told = recipient.reasons.map(({ code }) => code).filter((code) => code !== 'setting')
      assert.equal(told.join(', ') || '-', because)
      // Whoever is planned as encrypted is never sent clear bytes, and what is asked for is told with its origin.
      if (recipient.reasons.some(({ code }) => code === 'encrypted'))
        assert.ok(recipient.treatment.kind === 'protect' && recipient.treatment.encrypt !== null)
    })
})
