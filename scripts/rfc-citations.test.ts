import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { citationsIn, indexRows, problems, readCitations } from './rfc-citations.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const INDEX = '| 5652 | CMS | done | x |\n| 8162 | SMIMEA | no | x |\n| 5280 | PKIX | partial | x |\n'

describe('RFC citations', () => {
  it('are read with their section', () => {
    const { citations } = citationsIn('// RFC 5652 5.4: sorted\n/* RFC 5280 */ x // RFC 9788 B.2', 'a.ts')
    assert.deepEqual(
      citations.map(({ rfc, section, line }) => [rfc, section, line]),
      [
        [5652, '5.4', 1],
        [5280, null, 2],
        [9788, 'B.2', 2],
      ],
    )
  })

  it('in another spelling are refused', () => {
    for (const text of ['// RFC5652 5.4', '// rfc 5652', '// RFC 5652 section 5.4', '// RFC 5652, Section 5'])
      assert.equal(citationsIn(text, 'a.ts').misspelt.length, 1, text)
  })

  it('of an RFC that the index does not know, or says "no" to, are found', () => {
    const { citations } = citationsIn('// RFC 5652 5.4\n// RFC 5280 6\n// RFC 1234 1\n// RFC 8162 3', 'a.ts')
    assert.deepEqual(problems(citations, indexRows(INDEX)), [
      'a.ts:3: RFC 1234 is not in docs/rfc/index.md',
      'a.ts:4: RFC 8162 is cited, but the index says "no"',
    ])
  })

  it('must stand behind every row that claims an implementation', () => {
    const { citations } = citationsIn('// RFC 5652 5.4', 'a.ts')
    assert.deepEqual(problems(citations, indexRows(INDEX)), [
      'docs/rfc/index.md: RFC 5280 is "partial", but no source cites it',
    ])
  })

  it('of the whole product fit the index', () => {
    const { citations, misspelt } = readCitations(root)
    assert.deepEqual(misspelt, [])
    assert.deepEqual(
      problems(citations, indexRows(readFileSync(join(root, 'docs/rfc/index.md'), 'utf8'))),
      [],
    )
  })
})
