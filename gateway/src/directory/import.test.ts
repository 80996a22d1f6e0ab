// Nested groups, circles and depth; and two imports at the same time on a real store: one is refused, nothing is half.
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { toGroupKey } from '@siegel/contract'
import { StoreRefused } from '../observe/failures.ts'
import { Fixture } from '../store/testing/fixture.ts'
import { GroupGathering } from './flatten.ts'
import type { MemberKind } from './read-rows.ts'

function gathered(rows: readonly (readonly [group: string, member: string, kind: MemberKind])[]) {
  const gathering = new GroupGathering()
  rows.forEach(([name, member, kind], index) => {
    gathering.take({ line: index + 2, address: null, name, member: toGroupKey(member), kind })
  })
  const findings: string[] = []
  const groups = [...gathering.flattened(({ code, detail }) => void findings.push(`${code} ${detail}`))]
  const of = (name: string) => groups.find((group) => group.name === name)
  return {
    findings,
    members: (name: string) => of(name)?.members.toSorted(),
    complete: (name: string) => of(name)?.complete,
  }
}

describe('groups', () => {
  it('are flattened through circles, and a missing one is missing in all above it', () => {
    const { members, complete, findings } = gathered([
      ['A', 'b', 'group'],
      ['A', 'x@a.example', 'address'],
      ['B', 'A', 'group'],
      ['B', 'y@a.example', 'address'],
      ['C', 'B', 'name'],
      ['D', 'gone', 'group'],
      ['E', 'd', 'name'],
      ['E', 'z@a.example', 'address'],
    ])
    for (const name of ['A', 'B', 'C']) assert.deepEqual(members(name), ['x@a.example', 'y@a.example'])
    assert.deepEqual(['A', 'B', 'C', 'D', 'E'].map(complete), [true, true, true, false, false])
    assert.deepEqual(members('E'), ['z@a.example'])
    assert.deepEqual(findings, ['member-group-unknown D: gone'])
  })

  it('are followed 20 deep', () => {
    const chain = (length: number) =>
      gathered([
        ...Array.from({ length }, (_, at) => [`g${at}`, `g${at + 1}`, 'group'] as const),
        [`g${length}`, 'x@a.example', 'address'],
      ])
    assert.deepEqual([chain(20).members('g0'), chain(20).complete('g0')], [['x@a.example'], true])
    const deeper = chain(21)
    assert.deepEqual([deeper.members('g0'), deeper.complete('g0'), deeper.complete('g1')], [[], false, true])
    assert.deepEqual(deeper.findings, ['group-too-deep g0'])
  })
})

describe('a generation', () => {
  const fixture = new Fixture()
  after(() => fixture.end())

  it('is seen as a whole or not at all, and not when something of it is missing', async () => {
    const { store, contoso, fabrikam } = await fixture.openWithTenants()
    const { directory } = store.forTenant(contoso)
    const part = (generation: string, addresses: number) => ({
      ...{ part: 'users' as const, generation, addresses, syncedAt: 1, source: 'x', entries: 1, refused: 0 },
      ...{ actor: 'test', digest: '' },
    })
    const first = directory.newGeneration('users')
    await directory.keepUsers(first, [{ number: 1, addresses: ['a@a.example', 'b@a.example'] }])
    assert.equal(directory.state('users'), null)
    await assert.rejects(
      directory.switchTo(part(first, 3)),
      (error) => error instanceof StoreRefused && error.code === 'directory-incomplete',
    )
    assert.equal(directory.state('users'), null)
    await directory.switchTo(part(first, 2))
    assert.equal(store.forTenant(fabrikam).directory.state('users'), null)
    assert.deepEqual(store.forTenant(fabrikam).directory.userWith(first, 'a@a.example'), [])
    const second = directory.newGeneration('users')
    await directory.keepUsers(second, [{ number: 1, addresses: ['c@a.example'] }])
    await directory.switchTo(part(second, 1))
    // A mail that is being looked at may still ask the one before; an older one cannot come back.
    assert.equal(directory.userWith(first, 'a@a.example')?.length, 2)
    await assert.rejects(directory.switchTo(part(first, 2)), StoreRefused)
    assert.equal(directory.state('users')?.generation, second)
    const third = directory.newGeneration('users')
    await directory.keepUsers(third, [{ number: 1, addresses: ['c@a.example'] }])
    await directory.switchTo(part(third, 1))
    assert.equal(directory.userWith(first, 'a@a.example')?.length, 0)
  })
})
