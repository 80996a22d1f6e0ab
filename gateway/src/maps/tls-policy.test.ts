/** Tests of the TLS policy map: what a line may say, which line is found, and that nothing gets below the floor. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseTable } from './table.ts'
import { isTlsFault, parseTlsPolicy, TLS_LEVELS } from './tls-line.ts'
import { lookupKeys, OFFICE_365_FLOOR, resolveMatch, tlsPolicyFor, unusedLines } from './tls-policy.ts'

const ROUTE = '[contoso-com.mail.protection.outlook.com]:25'
const DIGEST = 'ab'.repeat(32)
const policy = (value: string) => {
  const result = parseTlsPolicy(value)
  assert.ok(!isTlsFault(result), JSON.stringify(result))
  return result
}
const fault = (value: string) => {
  const result = parseTlsPolicy(value)
  return isTlsFault(result) ? result.code : null
}

describe('a line of smtp_tls_policy_maps', () => {
  test("the how-to's value", () => {
    const { level, match } = policy('verify match=mail.protection.outlook.com')
    assert.deepEqual({ level, match }, { level: 'verify', match: ['mail.protection.outlook.com'] })
  })

  for (const level of TLS_LEVELS)
    test(`level ${level}, in any case`, () => {
      const rest = level === 'fingerprint' ? ` match=${DIGEST}` : ''
      assert.equal(policy(level.toUpperCase() + rest).level, level)
    })

  test('the defaults of match are those of Postfix', () => {
    assert.deepEqual(policy('verify').match, ['hostname'])
    assert.deepEqual(policy('secure').match, ['nexthop', 'dot-nexthop'])
    assert.deepEqual(policy('encrypt').match, [])
  })

  test('names of match are separated by colons, attributes by commas or whitespace, and match adds up', () => {
    assert.deepEqual(policy('secure match=A.example:.b.example,match=hostname').match, [
      'a.example',
      '.b.example',
      'hostname',
    ])
  })

  test('an IPv4 address may be a name of match', () => {
    assert.deepEqual(policy('verify match=192.0.2.1').match, ['192.0.2.1'])
  })

  test('digests are separated by bars, with or without colons', () => {
    const colons = DIGEST.toUpperCase().match(/../g)?.join(':') ?? ''
    assert.deepEqual(
      policy(`fingerprint match=${colons}|${'cd'.repeat(32)} match=${'ef'.repeat(32)}`).fingerprints,
      [DIGEST, 'cd'.repeat(32), 'ef'.repeat(32)],
    )
  })

  for (const [value, expected] of [
    ['>=TLSv1.2', ['TLSv1.2', 'TLSv1.3']],
    ['>=TLSv1.3', ['TLSv1.3']],
    ['>=0304', ['TLSv1.3']],
    ['<=0303', ['TLSv1.2']],
    ['>=', ['TLSv1.2', 'TLSv1.3']],
    ['<=TLSv1.2', ['TLSv1.2']],
    ['!SSLv2:!SSLv3:!TLSv1:!TLSv1.1', ['TLSv1.2', 'TLSv1.3']],
    ['TLSv1.2', ['TLSv1.2']],
    ['TLSv1:TLSv1.3', ['TLSv1.3']],
    ['', ['TLSv1.2', 'TLSv1.3']],
  ] as const)
    test(`protocols=${value}`, () => {
      assert.deepEqual(policy(`encrypt protocols=${value}`).protocols, expected)
    })

  test('the other attributes', () => {
    const read = policy(
      'verify ciphers=high exclude=aNULL:MD5 servername=Mx.Example tafile=/a.pem,tafile=/b.pem connection_reuse=yes connection_reuse=no',
    )
    assert.deepEqual(
      { ...read, level: undefined, match: undefined },
      {
        level: undefined,
        match: undefined,
        fingerprints: [],
        protocols: null,
        ciphers: 'high',
        exclude: ['aNULL', 'MD5'],
        tafiles: ['/a.pem', '/b.pem'],
        servername: 'mx.example',
        connectionReuse: false,
      },
    )
    assert.equal(policy('encrypt ciphers=export').ciphers, 'medium')
  })

  test('attributes of none are not read', () => {
    assert.equal(policy('none match=what ever').level, 'none')
  })

  for (const [value, code] of [
    ['', 'empty-policy'],
    [' , ', 'empty-policy'],
    ['verfy match=mail.protection.outlook.com', 'unknown-level'],
    ['verify mtach=mail.protection.outlook.com', 'unknown-attribute'],
    ['verify toString=x', 'unknown-attribute'],
    ['verify match = mail.protection.outlook.com', 'malformed-attribute'],
    ['verify match', 'malformed-attribute'],
    ['verify match=', 'empty-attribute'],
    ['verify match=:', 'empty-attribute'],
    ['encrypt match=a.example', 'attribute-at-wrong-level'],
    ['may match=a.example', 'attribute-at-wrong-level'],
    ['dane match=a.example', 'attribute-at-wrong-level'],
    ['encrypt tafile=/a.pem', 'attribute-at-wrong-level'],
    ['verify match=a..b', 'bad-value'],
    ['verify match=*.example.com', 'bad-value'],
    ['verify match=.', 'bad-value'],
    ['encrypt ciphers=high ciphers=high', 'repeated-attribute'],
    ['encrypt protocols=TLSv1.2 protocols=TLSv1.3', 'repeated-attribute'],
    ['encrypt ciphers=null', 'bad-value'],
    ['encrypt protocols=TLSv1.1', 'bad-value'],
    ['encrypt protocols=TLSv9', 'bad-value'],
    ['encrypt protocols=>=0305', 'bad-value'],
    ['encrypt protocols=<=0302', 'bad-value'],
    ['encrypt protocols=0303', 'bad-value'],
    ['verify match=1.2.3', 'bad-value'],
    ['encrypt exclude=!MD5', 'bad-value'],
    ['encrypt servername=a_b..c', 'bad-value'],
    ['encrypt connection_reuse=maybe', 'bad-value'],
    ['fingerprint', 'no-fingerprint'],
    ['fingerprint match=abcd', 'bad-value'],
  ] as const)
    test(`${JSON.stringify(value)} is invalid: ${code}`, () => {
      assert.equal(fault(value), code)
    })

  test('property: any text is a policy or a fault', () => {
    const token = fc.constantFrom(
      'verify',
      'match',
      '=',
      ':',
      'a.example',
      ' ',
      ',',
      'protocols=',
      '>=TLSv1.2',
      '!',
      '|',
      'fingerprint',
      'ä',
    )
    fc.assert(
      fc.property(fc.array(token, { maxLength: 20 }), (tokens) => {
        const result = parseTlsPolicy(tokens.join(''))
        if (isTlsFault(result)) return
        if (result.level === 'verify' || result.level === 'secure') assert.ok(result.match.length > 0)
        if (result.level === 'fingerprint') assert.ok(result.fingerprints.length > 0)
      }),
    )
  })
})

describe('which line applies', () => {
  test('a next hop in brackets or with a port is looked up as written and only so', () => {
    assert.deepEqual(lookupKeys('[Mail.example.com]:25'), ['[mail.example.com]:25'])
    assert.deepEqual(lookupKeys('mail.example.com:25'), ['mail.example.com:25'])
    assert.deepEqual(lookupKeys('[mail.example.com]'), ['[mail.example.com]'])
  })

  test('a domain is looked up with its parents', () => {
    assert.deepEqual(lookupKeys('a.b.Example'), ['a.b.example', '.b.example', '.example'])
  })

  test('the more specific line wins, and [host] is not [host]:25', () => {
    const map = parseTable('.example encrypt\na.example none\n[a.example] verify')
    const line = (route: string) => tlsPolicyFor(map, route, null).line
    assert.equal(line('a.example'), 2)
    assert.equal(line('b.a.example'), 1)
    assert.equal(line('[a.example]'), 3)
    assert.equal(line('[a.example]:25'), null)
  })

  test('a line that no route uses is listed', () => {
    const map = parseTable(`[contoso-com.mail.protection.outlok.com]:25 verify\n${ROUTE} verify`)
    assert.deepEqual(unusedLines(map, [ROUTE]), [
      { line: 1, key: '[contoso-com.mail.protection.outlok.com]:25' },
    ])
  })

  test('strategies of match are resolved per connection', () => {
    assert.deepEqual(
      resolveMatch(['nexthop', 'dot-nexthop', 'hostname', '.x'], 'example.com:25', 'mx1.example.net'),
      ['example.com', '.example.com', 'mx1.example.net', '.x'],
    )
  })
})

describe('the floor of Office 365', () => {
  const look = (text: string) => tlsPolicyFor(parseTable(text), ROUTE, OFFICE_365_FLOOR)
  const isFloor = (result: ReturnType<typeof look>) => {
    assert.ok(result.policy)
    assert.ok(result.policy.required && result.policy.chain)
    assert.ok(result.policy.demands.some(({ match }) => match.join() === 'mail.protection.outlook.com'))
  }

  test("the how-to's line applies without a finding", () => {
    const result = look(`${ROUTE} verify match=mail.protection.outlook.com`)
    isFloor(result)
    assert.equal(result.line, 1)
    assert.deepEqual(result.findings, [])
  })

  test('without a line the floor applies', () => {
    const result = look('')
    isFloor(result)
    assert.equal(result.line, null)
    assert.deepEqual(result.findings, [])
  })

  for (const [text, code] of [
    [`${ROUTE} none`, 'line-weaker-than-floor'],
    [`${ROUTE} may`, 'line-weaker-than-floor'],
    [`${ROUTE} encrypt protocols=>=TLSv1.3`, 'line-weaker-than-floor'],
    [`${ROUTE} verfy match=mail.protection.outlook.com`, 'policy-invalid'],
    [ROUTE, 'line-broken'],
    [`${ROUTE} verify match=contoso-com.mail.protection.outlook.com`, 'line-and-floor-both-apply'],
    [`${ROUTE} fingerprint match=${DIGEST}`, 'line-and-floor-both-apply'],
  ] as const)
    test(`${text.slice(ROUTE.length)}: the floor holds, ${code}`, () => {
      const result = look(text)
      isFloor(result)
      assert.deepEqual(
        result.findings.map((finding) => [finding.code, finding.line]),
        [[code, 1]],
      )
    })

  test('a stricter line adds its demands', () => {
    const { policy: effective } = look(
      `${ROUTE} secure match=x.example protocols=TLSv1.3 ciphers=high connection_reuse=no`,
    )
    assert.ok(effective)
    const { demands, level, protocols, ciphers, connectionReuse } = effective
    assert.deepEqual(
      [demands.map(({ match }) => match), level, protocols, ciphers, connectionReuse],
      [[['x.example'], ['mail.protection.outlook.com']], 'secure', ['TLSv1.3'], 'high', false],
    )
  })

  test('a line with dane adds to the floor what DNS says', () => {
    for (const level of ['dane', 'dane-only'] as const) {
      const result = look(`${ROUTE} ${level}`)
      isFloor(result)
      assert.equal(result.policy?.dane, level)
    }
  })

  test('without a floor dane demands TLS only where DNS does, dane-only always', () => {
    const demanded = (level: string) => {
      const policy = tlsPolicyFor(parseTable(`x.example ${level}`), 'x.example', null).policy
      return [policy?.dane, policy?.required, policy?.chain]
    }
    assert.deepEqual(demanded('dane'), ['dane', false, false])
    assert.deepEqual(demanded('dane-only'), ['dane-only', true, false])
    assert.deepEqual(demanded('encrypt'), [null, true, false])
  })

  test('an unreadable map leaves the floor, and without a floor nothing', () => {
    const result = tlsPolicyFor(null, ROUTE, OFFICE_365_FLOOR)
    isFloor(result)
    assert.equal(result.findings[0]?.code, 'map-unreadable')
    assert.equal(tlsPolicyFor(null, ROUTE, null).policy, null)
  })

  test('without a floor a broken line leaves no policy, an absent one is opportunistic', () => {
    assert.equal(tlsPolicyFor(parseTable(`${ROUTE} verfy`), ROUTE, null).policy, null)
    const absent = tlsPolicyFor(parseTable(''), ROUTE, null).policy
    assert.deepEqual([absent?.level, absent?.required, absent?.floor], ['may', false, false])
  })

  test('property: whatever the map says, the floor is demanded or nothing is sent', () => {
    const token = fc.constantFrom(
      ROUTE,
      '\n',
      ' ',
      'verify',
      'none',
      'may',
      'encrypt',
      'match=x.example',
      'dane',
      'ciphers=high',
      '#',
      '"',
      'x=',
      ',',
    )
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        const result = look(tokens.join(' '))
        if (result.policy !== null) isFloor(result)
      }),
    )
  })
})
