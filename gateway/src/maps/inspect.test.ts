/** Tests of the look through a whole map: what an operator is told of its lines. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { inspectMap, type MapName, type Surroundings } from './inspect.ts'

const ROUTE = '[contoso-com.mail.protection.outlook.com]:25'
const AROUND: Surroundings = { routes: [ROUTE], direct: false, endpointDomains: new Set(['contoso.com']) }
const told = (name: MapName, text: string, around: Surroundings | null) =>
  inspectMap(name, text, around).map(({ severity, code, line, column }) =>
    [severity, code, line, column].join(' '),
  )

describe('a map looked through', () => {
  test("the how-to's line is clean", () => {
    assert.deepEqual(told('tls-policy', `${ROUTE} verify match=mail.protection.outlook.com\n`, AROUND), [])
  })

  test('tls-policy: faults, weak lines and lines that nothing uses, with their places', () => {
    const text = [
      `${ROUTE} may`,
      '[contoso-com.mail.protection.outlok.com]:25 verify',
      'partner.example secure',
      '  match=partner.example mtach=x',
      '.partner.example encrypt',
      'user@partner.example secure',
      '[x.example]:99999 secure',
      'x.example',
      'partner.example secure',
    ].join('\n')
    assert.deepEqual(told('tls-policy', text, AROUND), [
      'warning weak-level 1 46',
      'warning never-used 2 1',
      'warning never-used 3 1',
      'warning policy-invalid 4 25',
      'warning never-used 5 1',
      'warning weak-level 5 18',
      'warning never-matches 6 1',
      'warning never-matches 7 1',
      'warning never-used 8 1',
      'warning no-value 8 10',
      'warning duplicate-key 9 1',
    ])
    const alone = told('tls-policy', text, null)
    assert.ok(!alone.some((line) => line.includes('never-used')), 'alone a map cannot know its routes')
    const direct = told('tls-policy', text, { ...AROUND, direct: true })
    assert.deepEqual(
      direct.filter((line) => line.includes('never-used')),
      ['warning never-used 2 1'],
      'with direct delivery any domain may be looked up',
    )
  })

  test('transport: a line for a domain of a tenant does not move its endpoint', () => {
    assert.deepEqual(
      told('transport', 'contoso.com :[x.example]\nbob@Contoso.com :\nx.example :\n', AROUND),
      ['warning endpoint-not-moved 1 1', 'warning endpoint-not-moved 2 1'],
    )
  })

  test('property: any text in any map gives findings whose places are in the text, in order', () => {
    const name = fc.constantFrom<MapName>('tls-policy', 'transport', 'client-access', 'recipient-access')
    const piece = fc.constantFrom(
      ...[
        '192.0.2.0/24',
        'x.example',
        'a@x.example',
        '!',
        'if ',
        'endif',
        ' ',
        '\n',
        '\n ',
        '\n',
        '#',
        '"',
        '\\',
        ':',
      ],
      ...['REJECT', 'OK', 'smtp:', 'discard:', 'secure', 'match=', '\u0000', '\r', 'ä'],
    )
    fc.assert(
      fc.property(name, fc.array(piece, { maxLength: 30 }), (map, pieces) => {
        const text = pieces.join('')
        const lines = text.split('\n')
        let before = 0
        for (const { line, column, detail } of inspectMap(map, text, AROUND)) {
          assert.ok(line >= before && line <= lines.length)
          assert.ok(column >= 1 && column <= (lines[line - 1]?.length ?? 0) + 1, `${line}:${column}`)
          assert.notEqual(detail, '')
          before = line
        }
      }),
      { numRuns: 1000 },
    )
  })
})
