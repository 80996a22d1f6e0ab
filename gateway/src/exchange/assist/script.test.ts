// The scripts: accepted by a PowerShell grammar of others, quoted whatever the values, golden, silent about secrets.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkOptions, defaultOptions, type AssistOptions, type AssistTenant } from './options.ts'
import { GUARD_NAMES, makePlan, ROUTE_NAMES, ruleSize } from './plan.ts'
import { fileText, hashtable, quoted } from './powershell.ts'
import { makeRollback } from './rollback.ts'
import { makeScript } from './script.ts'
import { SCRIPT_TEXTS, ScriptWords, type ScriptText } from './script-texts.ts'
import { powershellGrammar, syntaxErrors, type SyntaxNode } from './testing/grammar.ts'
import { documented, recommended, SECRETS } from './testing/tenants.ts'

const parse = await powershellGrammar()
const LANGUAGES = ['en', 'de'] as const

function planOf(tenant: AssistTenant, options: Partial<AssistOptions> = {}) {
  return makePlan(tenant, { ...defaultOptions(tenant), ...options })
}

/** Every combination of choices that is allowed. */
function everyPlan() {
  const plans = []
  for (const tenant of [recommended, documented])
    for (const spam of ['A', 'B', 'C', 'D'] as const)
      for (const guard of ['none', 'reject', 'report'] as const)
        for (const inbound of ['all', 'crypto'] as const)
          for (const exempt of [[], ['OOF'], ['OOF', 'PermissionControlled']] as const)
            for (const gatewayAddresses of [[], ['192.0.2.7', '198.51.100.0/24']]) {
              const reportTo = guard === 'report' ? 'postmaster@contoso.com' : null
              const options = {
                ...defaultOptions(tenant),
                spam,
                guard,
                inbound,
                exempt,
                gatewayAddresses,
                reportTo,
              }
              try {
                checkOptions(tenant, options)
              } catch {
                continue
              }
              plans.push(makePlan(tenant, options))
            }
  return plans
}

test('every script of every allowed choice is accepted by the grammar of others', () => {
  const plans = everyPlan()
  assert.ok(plans.length > 100)
  for (const plan of plans)
    for (const language of LANGUAGES)
      for (const text of [makeScript(plan, language), makeRollback(plan, language)])
        assert.deepEqual(syntaxErrors(parse(text)), [])
})

test('the judge refuses a script that lacks one brace, wherever it was', () => {
  const script = makeScript(planOf(recommended), 'en')
  const braces = [...script.matchAll(/[{}]/g)].map(({ index }) => index)
  for (let number = 0; number < braces.length; number += 17) {
    const at = braces[number] ?? 0
    const broken = `${script.slice(0, at)}${script.slice(at + 1)}`
    assert.equal(parse(broken).hasError, true, script.slice(at - 40, at + 1))
  }
})

/** What both languages print alike: what others say, commands alone, the mark PROBLEM, and the text for Microsoft's support. */
const SAME_IN_BOTH = new RegExp(
  [
    String.raw`^foreach \(\$text in \$(?:warnings|problems)\)`,
    String.raw`Write-Host \(\$result \| Format-List`,
    String.raw`^Write-Host 'created disabled: contact support'$`,
    String.raw`^Write-Host '  (?:"Please enable|S/MIME gateway by its|tenant\. The gateway returns)`,
    String.raw`^Write-Host ' +\(Get-Mg\w+ -DomainId \S+\)'$`,
  ].join('|'),
)

/** All nodes of a kind. */
function nodes(node: SyntaxNode, type: string): SyntaxNode[] {
  return [
    ...(node.type === type ? [node] : []),
    ...node.children.flatMap((child) => (child === null ? [] : nodes(child, type))),
  ]
}

const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "'",
        '\u2018',
        '\u2019',
        '\u201a',
        '\u201b',
        '"',
        '`',
        '$',
        '(',
        ')',
        '}',
        ';',
        '#',
        '@',
        '|',
        '&',
        ' ',
      ),
      fc.string({ unit: 'grapheme', maxLength: 3 }),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''))
  .filter((value) => !/[\p{Cc}\u2028\u2029\ufeff]|\p{Cs}/u.test(value))

test('any text stays one literal that says the same', () => {
  fc.assert(
    fc.property(text, (value) => {
      const source = quoted(value)
      const tree = parse(`Set-Thing -Name ${source} -Other 1`)
      assert.equal(tree.hasError, false, source)
      const [found, ...more] = nodes(tree, 'verbatim_string_characters')
      assert.deepEqual(more, [])
      assert.equal(found?.text, source)
      // The language specification 2.3.5.2.2: a doubled single quote, of any kind, stands for one of its second kind.
      const inside = source.slice(1, -1)
      assert.match(inside, /^(?:[^'\u2018\u2019\u201a\u201b]|['\u2018\u2019\u201a\u201b]{2})*$/u)
      assert.equal(
        inside.replaceAll(/['\u2018\u2019\u201a\u201b](['\u2018\u2019\u201a\u201b])/gu, '$1'),
        value,
      )
    }),
    { numRuns: 500 },
  )
})

test('a table keeps every value in its place', () => {
  fc.assert(
    fc.property(text, text, (one, two) => {
      const tree = parse(
        `$values = ${hashtable({ Name: one, Words: [two, one], Flag: true, Empty: null, SCL: -1 })}`,
      )
      assert.equal(tree.hasError, false)
      assert.deepEqual(
        nodes(tree, 'key_expression').map((node) => node.text),
        ['Name', 'Words', 'Flag', 'Empty', 'SCL'],
      )
      assert.deepEqual(
        nodes(tree, 'verbatim_string_characters').map((node) => node.text),
        [quoted(one), quoted(two), quoted(one)],
      )
    }),
    { numRuns: 100 },
  )
})

test('control characters are refused, and a file that is not ASCII begins with a byte order mark', () => {
  for (const bad of ['a\nb', 'a\rb', 'a\0b', 'a\u2028b', '\ud800'])
    assert.throws(() => quoted(bad), /control character/)
  assert.ok(!fileText(['plain']).startsWith('\ufeff'))
  assert.ok(fileText(["'Müller'"]).startsWith('\ufeff'))
})

test('no line that prints holds a secret, and the rollback holds none at all', () => {
  for (const plan of everyPlan()) {
    const secrets = Object.values(SECRETS)
    for (const language of LANGUAGES) {
      for (const line of makeScript(plan, language).split('\n'))
        if (/Write-|ShouldProcess|\$(problems|warnings) \+=/.test(line))
          for (const secret of secrets) assert.ok(!line.includes(secret), line)
      for (const secret of secrets) assert.ok(!makeRollback(plan, language).includes(secret))
    }
  }
})

test('the scripts are those of the golden files (SIEGEL_GOLDEN=write writes them)', async () => {
  const guarded = planOf(recommended, { gatewayAddresses: ['192.0.2.7'], guard: 'reject' })
  const wanted = {
    'recommended.ps1': makeScript(guarded, 'en'),
    'recommended.de.ps1': makeScript(guarded, 'de'),
    'as-documented.ps1': makeScript(planOf(documented), 'en'),
    'rollback.ps1': makeRollback(planOf(documented), 'en'),
    'rollback.de.ps1': makeRollback(planOf(documented), 'de'),
  }
  for (const [name, content] of Object.entries(wanted)) {
    const file = new URL(`testing/golden/${name}`, import.meta.url)
    if (process.env['SIEGEL_GOLDEN'] === 'write') await writeFile(file, content)
    assert.equal(await readFile(file, 'utf8'), content, name)
  }
})

/** A line without what it says. */
function act(line: string): string {
  const literal = "'(?:[^']|'')*'"
  const said = `(?:${literal}|\\((?:[^'()]|${literal})*\\))`
  return line
    .replaceAll(new RegExp(`(Write-(?:Host|Warning)|(?:problems|warnings) \\+=) ${said}`, 'g'), '$1')
    .replace(/'New-TransportRule, [a-z]+'/, "'New-TransportRule'")
    .replace(/^# .*/, '#')
}

test('the languages differ in what is said and in nothing that is done, and every line that is said differs', () => {
  for (const plan of everyPlan())
    for (const make of [makeScript, makeRollback]) {
      const en = make(plan, 'en').split('\n')
      const de = make(plan, 'de').replace('\ufeff', '').split('\n')
      assert.deepEqual(de.map(act), en.map(act))
      for (const [number, line] of en.entries())
        if (line === de[number] && /^# |Write-(Host|Warning)|(problems|warnings) \+=/.test(line.trim()))
          assert.match(line.trim(), SAME_IN_BOTH)
    }
})

test('a warning stands only in the script of the choice that it is about', () => {
  for (const plan of everyPlan()) {
    const script = makeScript(plan, 'en')
    const { spam } = plan.options
    assert.equal(script.includes('Journaling is on'), spam !== 'A')
    assert.equal(script.includes('MarkAsSpamSpfRecordHardFail on'), spam === 'B')
    assert.equal(script.includes('sets SCL -1'), spam === 'C')
  }
})

test('the domain below onmicrosoft.com counts as known where the settings name it', () => {
  const named = planOf({ ...documented, initialDomain: 'contoso.onmicrosoft.com' })
  assert.match(makeScript(named, 'en'), /^\$configured = @\(.*, 'contoso\.onmicrosoft\.com'\)$/m)
  assert.doesNotMatch(makeScript(planOf(documented), 'en'), /contoso\.onmicrosoft/)
})

test('every text has both languages, the same places and as many lines as the script can print', () => {
  const places = (text: string) => [...text.matchAll(/\{[^}]*\}/g)].map(([place]) => place).sort()
  for (const [code, { en, de }] of Object.entries(SCRIPT_TEXTS)) {
    assert.deepEqual(places(de), places(en), code)
    assert.equal(de.split('\n').length, en.split('\n').length, code)
    assert.doesNotMatch(en, /[^\n -~]/, code)
    for (const line of `${en}\n${de}`.split('\n')) assert.ok(line.length <= 320, code)
  }
  for (const language of LANGUAGES)
    for (const code of Object.keys(SCRIPT_TEXTS) as ScriptText[]) {
      const tree = parse(new ScriptWords(language).say(code).join('\n'))
      assert.deepEqual(syntaxErrors(tree), [], code)
    }
})

test('what fills a place is text, whatever it looks like', () => {
  const evil = "x' + $(Remove-Mailbox a) + '{$rule.Name}"
  const tree = parse(`Write-Host ${new ScriptWords('de').text('made', { name: evil })}`)
  assert.equal(tree.hasError, false)
  assert.deepEqual(
    nodes(tree, 'verbatim_string_characters').map((node) => node.text),
    [quoted(`angelegt: ${evil}`)],
  )
  assert.deepEqual(nodes(tree, 'variable'), [])
})

test('a German file begins with the byte order mark that Windows PowerShell 5.1 needs, an English one is ASCII', () => {
  for (const plan of [planOf(documented), planOf(recommended)]) {
    for (const text of [makeScript(plan, 'de'), makeRollback(plan, 'de')]) {
      assert.deepEqual([...Buffer.from(text).subarray(0, 3)], [0xef, 0xbb, 0xbf])
      assert.equal(text.lastIndexOf('\ufeff'), 0)
      assert.match(text, /ä.*ü/su)
    }
    for (const text of [makeScript(plan, 'en'), makeRollback(plan, 'en')]) assert.match(text, /^[\n -~]*$/)
  }
})

test('the emergency knows the rules of every choice', () => {
  const all = everyPlan().flatMap(({ rules }) => rules)
  const named = (found: typeof all) => [...new Set(found.map(({ name }) => name))].sort()
  assert.deepEqual(named(all.filter(({ purpose }) => purpose.startsWith('route-'))), [...ROUTE_NAMES].sort())
  assert.deepEqual(named(all.filter(({ purpose }) => purpose === 'guard')), [...GUARD_NAMES].sort())
})

test('rules are made disabled and deferring, and a rule routes to the outbound connector only', () => {
  for (const plan of everyPlan()) {
    const script = makeScript(plan, 'en')
    const news = script.split('\n').filter((line) => /^ *New-TransportRule /.test(line))
    assert.equal(news.length, plan.rules.length)
    for (const line of news) assert.match(line, / -Enabled \$false /)
    for (const { values } of plan.rules) {
      assert.equal(values['RuleErrorAction'], 'Defer')
      const route = values['RouteMessageOutboundConnector']
      if (route !== undefined)
        assert.deepEqual([route, values['StopRuleProcessing']], [plan.outbound.name, true])
    }
    // The facts, section 0: reserved for Microsoft, and 1.2: these two exclude each other.
    assert.ok(
      !/EFTestMode|EFSkipMailGateway|ScanAndDropRecipients|TreatMessagesAsInternal|Invoke-Expression/.test(
        script,
      ),
    )
    assert.equal(
      plan.outbound.values['CloudServicesMailEnabled'],
      plan.inbound.values['CloudServicesMailEnabled'],
    )
  }
})

test('as-documented is the rules of the how-to, recommended excepts a secret word', () => {
  const seed = planOf(documented)
  assert.deepEqual(
    seed.rules.map(({ name, values }) => [
      name,
      values['ExceptIfHeaderContainsMessageHeader'],
      values['ExceptIfHeaderContainsWords'],
      values['SetHeaderName'],
    ]),
    [
      ['S/MIME eingehend', 'Received', ['smime-gw.contoso.com'], undefined],
      ['S/MIME ausgehend', 'Received', ['smime-gw.contoso.com'], undefined],
    ],
  )
  const ours = planOf(recommended)
  for (const { purpose, values } of ours.rules.filter((one) => one.purpose.startsWith('route-'))) {
    const out = purpose === 'route-outbound'
    assert.deepEqual(values['ExceptIfHeaderContainsWords'], [out ? SECRETS.wordOut : SECRETS.wordIn])
    assert.equal(values['SetHeaderValue'], out ? `out:${SECRETS.stampOut}` : `in:${SECRETS.stampIn}`)
  }
})

test('during a rotation both words are excepted and the first secret is stamped', () => {
  const word = 'cdefghijklmnopqrstuvwxyzab'
  const rotating: AssistTenant = {
    ...recommended,
    processedHeader: { ...recommended.processedHeader, outbound: [word, SECRETS.wordOut] },
  }
  const route = planOf(rotating).rules.find(({ purpose }) => purpose === 'route-outbound')
  assert.deepEqual(route?.values['ExceptIfHeaderContainsWords'], [word, SECRETS.wordOut])
  assert.notEqual(planOf(rotating).generation, planOf(recommended).generation)
})

test('choices that contradict are refused with their reason', () => {
  const cases: [AssistTenant, Partial<AssistOptions>, RegExp][] = [
    [documented, { spam: 'D' }, /option D needs the preset recommended/],
    [documented, { guard: 'reject' }, /guard needs the preset recommended/],
    [documented, { inbound: 'crypto' }, /sends all mail/],
    [recommended, { guard: 'report' }, /needs an address/],
    [recommended, { gatewayAddresses: ['10.0.0.0/8'] }, /no IPv4 address or range from \/24/],
    [recommended, { gatewayAddresses: ['2001:db8::1'] }, /no IPv4 address/],
    [recommended, { certificateName: 'other.example' }, /certificate name must be/],
    [recommended, { pilotGroup: "x'; Remove-Mailbox" }, /no address of a group/],
  ]
  for (const [tenant, options, message] of cases) assert.throws(() => planOf(tenant, options), message)
  const long = `${'a'.repeat(40)}.contoso.com`
  assert.throws(
    () => planOf({ ...recommended, fqdn: long }, { certificateName: long }),
    /more than 48 characters/,
  )
})

test('a rule that would be too large is refused before Exchange Online does', () => {
  const words = Array.from(
    { length: 120 },
    (_, index) => `${'a'.repeat(57)}${'bcdefgh'.charAt(index % 7)}${index}`,
  )
  const large = { ...recommended, processedHeader: { ...recommended.processedHeader, outbound: words } }
  assert.throws(() => planOf(large), /8192 are allowed/)
  assert.ok(planOf(recommended).rules.every(({ values }) => ruleSize(values) < 8192))
})
