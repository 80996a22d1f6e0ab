// Whose results are quoted: those that Exchange stamped on entry, and nothing that came with the mail.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { scanHeader, sourceOf } from '@siegel/engine'
import { stampedResults } from './exchange-results.ts'

const IN = 'Received: from AM0.eurprd.prod.outlook.com (2603::1) by DB1.eurprd.prod.outlook.com (2603::2) with\r\n Microsoft SMTP Server id 15; Tue, 24 Nov 2026 09:00:00 +0000' // prettier-ignore
const ENTRY = 'Received: from mx.partner.example (192.0.2.1) by AMS0EPF1.mail.protection.outlook.com (10.1.1.1)\r\n with Microsoft SMTP Server; Tue, 24 Nov 2026 08:59:59 +0000' // prettier-ignore
const WORLD = 'Received: from pc by mx.partner.example; Tue, 24 Nov 2026 08:59:00 +0000'
const STAMP = 'Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=partner.example; dkim=none;\tdmarc=pass action=none;' // prettier-ignore
const QUOTED =
  'spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=partner.example; dkim=none; dmarc=pass action=none'
const FORGED = 'Authentication-Results: spf=pass; dmarc=pass header.from=bank.example'

function quoted(lines: readonly string[], removed: readonly number[] = []): string | null {
  const bytes = Buffer.from([...lines, '', ''].join('\r\n'))
  const { fields } = scanHeader(bytes)
  return stampedResults({
    source: sourceOf(bytes),
    bytes,
    fields,
    removed: new Set(removed),
    longestLine: 80,
  })
}

describe('what Exchange stamped', () => {
  it('is quoted from the top, in one line', () => {
    assert.equal(quoted([IN, STAMP, ENTRY, WORLD, FORGED]), QUOTED)
    assert.equal(quoted([IN, IN, STAMP, ENTRY]), QUOTED)
    assert.equal(quoted([STAMP.replace('Authentication-Results', 'authentication-results'), ENTRY]), QUOTED)
  })

  for (const [what, lines, removed] of [
    ['results below a hop of somebody else', [IN, ENTRY, WORLD, FORGED], []],
    ['results below a hop that names Exchange only in a comment', [WORLD.replace('by', 'by x.example (by a.outlook.com) via'), FORGED], []], // prettier-ignore
    ['results below a hop whose name only looks like Exchange', [WORLD.replace('mx.partner.example', 'outlook.com.evil.example'), FORGED], []], // prettier-ignore
    ['results of somebody with a name', ['Authentication-Results: mx.partner.example; spf=pass', ENTRY], []],
    ['results that attribution has removed', [FORGED], [0]],
    ['results that cannot stand in a header', ['Authentication-Results: spf=pass (\u00e4)', ENTRY], []],
    ['results without end', [`Authentication-Results: spf=pass ${'(x)\r\n '.repeat(2000)}`, ENTRY], []],
    ['nothing', [IN, ENTRY], []],
  ] as const)
    it(`is not ${what}`, () => {
      assert.equal(quoted(lines, removed), null)
    })
})
