// Which settings hold for whom: a table that a mail administrator can read, and that nothing is ever weaker than the safer of two.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { askedTreatment, NO_LEVELS, type TreatmentLevels, type Values } from './levels.ts'

const ALICE = 'alice@contoso.com'
const BOB = 'bob@mail.fabrikam.com'

/** Levels from `who` and values, as an administrator would write them. */
function levels(...said: readonly (readonly [who: string, values: Values])[]): TreatmentLevels {
  const domains = new Map<string, Values>()
  const users = new Map<string, Values>()
  const partners = new Map<string, Values>()
  let { global, tenant } = NO_LEVELS
  for (const [who, values] of said) {
    const [level = '', of = ''] = who.split(' ')
    if (level === 'global') global = values
    else if (level === 'tenant') tenant = values
    else if (level === 'domain') domains.set(of, values)
    else if (level === 'user') users.set(of, values)
    else partners.set(of, values)
  }
  return { global, tenant, domains, users, partners }
}

const ALWAYS: Values = { encrypt: 'always' }
const NEVER: Values = { encrypt: 'never' }
const IF_POSSIBLE: Values = { encrypt: 'if-possible' }

/** Settings; what is in force for encryption from Alice to Bob, and who says so. */
const CASES: readonly (readonly [said: readonly (readonly [string, Values])[], value: string, by: string])[] = [
  [[], 'if-possible', 'factory'],
  [[['global', NEVER]], 'never', 'global'],
  [[['global', NEVER], ['tenant', ALWAYS]], 'always', 'tenant'],
  [[['tenant', ALWAYS], ['domain contoso.com', NEVER]], 'never', 'domain contoso.com'],
  [[['tenant', ALWAYS], ['domain *.contoso.com', NEVER]], 'always', 'tenant'],
  [[['domain *.com', ALWAYS], ['domain contoso.com', NEVER]], 'never', 'domain contoso.com'],
  [[['domain *.com', ALWAYS]], 'always', 'domain *.com'],
  [[['domain fabrikam.com', ALWAYS]], 'if-possible', 'factory'],
  [[['domain contoso.com', ALWAYS], [`user ${ALICE}`, NEVER]], 'never', `user ${ALICE}`],
  [[['user carol@contoso.com', ALWAYS]], 'if-possible', 'factory'],
  [[[`user ${ALICE}`, NEVER], ['partner *.fabrikam.com', ALWAYS]], 'always', 'partner *.fabrikam.com'],
  [[[`user ${ALICE}`, ALWAYS], [`partner ${BOB}`, NEVER]], 'always', `user ${ALICE}`],
  [[[`user ${ALICE}`, ALWAYS], [`partner ${BOB}`, ALWAYS]], 'always', `user ${ALICE}`],
  [[['tenant', ALWAYS], ['partner *.fabrikam.com', IF_POSSIBLE]], 'if-possible', 'partner *.fabrikam.com'],
  [[['partner fabrikam.com', ALWAYS]], 'if-possible', 'factory'],
  [[['partner *.fabrikam.com', ALWAYS], ['partner mail.fabrikam.com', NEVER]], 'never', 'partner mail.fabrikam.com'],
  [[['partner *.com', NEVER], ['partner *.fabrikam.com', ALWAYS]], 'always', 'partner *.fabrikam.com'],
  [[['partner mail.fabrikam.com', ALWAYS], [`partner ${BOB}`, NEVER]], 'never', `partner ${BOB}`],
  [[[`partner ${BOB}`, { sign: 'never' }], ['partner mail.fabrikam.com', ALWAYS]], 'always', 'partner mail.fabrikam.com'],
  [[['partner l.fabrikam.com', ALWAYS], ['partner *il.fabrikam.com', ALWAYS]], 'if-possible', 'factory'],
] // prettier-ignore

describe('settings by level', () => {
  for (const [said, value, by] of CASES)
    it(`${said.map(([who, values]) => `${who} ${Object.values(values).join()}`).join('; ') || 'nothing'}: ${value} by ${by}`, () => {
      const { encrypt } = askedTreatment(levels(...said), [ALICE], BOB)
      assert.equal(encrypt.value, value)
      assert.equal(`${encrypt.origin.level} ${encrypt.origin.of}`.trim(), by)
    })

  it('each value is inherited by itself', () => {
    const asked = askedTreatment(
      levels(
        ['global', { profile: 'modern', sign: 'never' }],
        ['tenant', { sign: 'always' }],
        [`partner ${BOB}`, { impossible: 'bounce' }],
      ),
      [ALICE],
      BOB,
    )
    assert.deepEqual(
      Object.fromEntries(
        Object.entries(asked).map(([name, { value, origin }]) => [name, `${value} ${origin.level}`]),
      ),
      {
        sign: 'always tenant',
        encrypt: 'if-possible factory',
        impossible: 'bounce partner',
        holdHours: '24 factory',
        profile: 'modern global',
      },
    )
  })

  it('where the sender is in doubt, the safer of all that are possible holds', () => {
    const found = askedTreatment(
      levels([`user ${ALICE}`, { encrypt: 'never', profile: 'modern' }], ['user carol@contoso.com', ALWAYS]),
      [ALICE, 'carol@contoso.com'],
      BOB,
    )
    assert.equal(found.encrypt.value, 'always')
    assert.equal(found.profile.value, 'modern')
  })

  it('no further sender and no further setting of the same level weakens what was demanded', () => {
    const value = fc.constantFrom<Values>(ALWAYS, NEVER, IF_POSSIBLE, {})
    const rank = (text: string) => ['never', 'if-possible', 'always'].indexOf(text)
    fc.assert(
      fc.property(value, value, value, value, (tenant, user, other, partner) => {
        const all = levels(['tenant', tenant], [`user ${ALICE}`, user], ['user carol@contoso.com', other])
        const one = askedTreatment(all, [ALICE], BOB).encrypt.value
        assert.ok(rank(askedTreatment(all, [ALICE, 'carol@contoso.com'], BOB).encrypt.value) >= rank(one))
        if (user.encrypt === undefined) return
        const withPartner = { ...all, partners: new Map([[BOB, partner]]) }
        assert.ok(rank(askedTreatment(withPartner, [ALICE], BOB).encrypt.value) >= rank(one))
      }),
    )
  })
})
