// Traces for people: every code in both languages, arguments in their places, nothing that could upset a terminal.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TraceEvent, TraceSummary } from '../mail/trace.ts'
import { TEXTS, languageOf, printable, render } from './texts.ts'
import { summaryLine, traceLines } from './trace-text.ts'

const SUMMARY: TraceSummary = {
  mailId: '01JDV3Q4Z0ABCDEFGHJKMNPQRS',
  receivedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  direction: 'outbound',
  sender: 'alice@contoso.com',
  recipients: [
    { address: 'bob@partner.example', state: 'delivered' },
    { address: 'carol@partner.example', state: 'queued' },
  ],
  messageId: '<1@contoso.com>',
  size: 1234,
  leaseUntil: null,
}

function event(code: string, delivery: number | null, args: TraceEvent['arguments']): TraceEvent {
  return { at: SUMMARY.receivedAt + 1000, code, delivery, arguments: args }
}

const REASON = { code: 'no-certificate', arguments: { address: 'carol@partner.example' } }

test('a trace is written with its reasons, in English and in German', () => {
  const events = [
    event('received', null, { peer: { address: '192.0.2.1', helo: 'exo' }, size: 1234, via: 'BDAT', factors: ['tenant-id'], removed: [{ name: 'X-A', reason: 'own-header' }] }),
    event('decided', 1, {
      treatment: 'protect',
      reasons: [{ code: 'signed', arguments: {} }, { code: 'not-encrypted', arguments: {} }],
      means: [{ means: 'smime', chosen: false, reasons: [REASON] }],
    }),
    event('treated', null, {
      treatment: 'inspect',
      signed: 'AA',
      encrypted: ['BB', 'CC'],
      cipher: 'aes256-cbc',
      decryption: { status: 'decrypted', contentEncryption: 'aes256-cbc', reasons: [] },
      verdict: { status: 'invalid', reasons: ['digest-mismatch'], signers: [{ emails: ['eve@a.b'] }] },
    }),
    event('deferred', 1, { status: '4.7.5', retryAt: 0, reason: { code: 'starttls-not-offered', arguments: { host: 'mx' } }, reply: { code: 454, enhanced: '4.7.0', text: '4.7.0 no TLS' } }),
  ] // prettier-ignore
  assert.deepEqual(traceLines({ summary: SUMMARY, events }, 'contoso', 'en', 0), [
    '01JDV3Q4Z0ABCDEFGHJKMNPQRS  2026-01-02T03:04:05.006Z  1234 octets',
    '  tenant: contoso, direction: outbound',
    '  from: alice@contoso.com',
    '  to: bob@partner.example (delivered)',
    '  to: carol@partner.example (queued)',
    '  Message-ID: <1@contoso.com>',
    '',
    '2026-01-02T03:04:06.006Z  received from 192.0.2.1 (exo), 1234 octets by BDAT',
    '                          - attributed by tenant-id',
    '                          - header fields removed: X-A (own-header)',
    '2026-01-02T03:04:06.006Z  carol@partner.example: decided: protect',
    '                          - signed',
    '                          - not encrypted',
    '                          - smime: passed over: no certificate for carol@partner.example',
    '2026-01-02T03:04:06.006Z  treated: inspect',
    '                          - signed with the certificate AA',
    '                          - encrypted with aes256-cbc to the certificates BB, CC',
    '                          - decryption: decrypted aes256-cbc',
    '                          - signature: invalid, by eve@a.b (digest-mismatch)',
    '2026-01-02T03:04:06.006Z  carol@partner.example: deferred (4.7.0), next attempt 1970-01-01T00:00:00.000Z',
    '                          - mx does not offer STARTTLS: not sent in clear',
    '                          - 454 4.7.0 no TLS',
  ])
  const german = traceLines({ summary: SUMMARY, events }, 'contoso', 'de', 0).join('\n')
  for (const part of [
    'Mandant: contoso',
    'empfangen von',
    'kein Zertifikat für carol@partner.example',
    'bietet kein STARTTLS an',
  ])
    assert.ok(german.includes(part), part)
})

test("a refusal is shown with Exchange Online's own code, one without a reply with ours", () => {
  const refused = (reply: TraceEvent['arguments']) =>
    traceLines(
      { summary: SUMMARY, events: [event('attempt-held', 1, { status: '4.7.64', ...reply })] },
      'contoso',
      'en',
      0,
    ).join('\n')
  const text = refused({ reply: { code: 550, enhanced: '5.7.64', text: '5.7.64 TenantAttribution' } })
  assert.match(text, /\(5\.7\.64\)[^]*550 5\.7\.64 TenantAttribution/)
  assert.doesNotMatch(text, /4\.7\.64/)
  assert.match(refused({}), /\(4\.7\.64\)/)
})

test('every fault of a reply has a text', () => {
  for (const code of ['reply-bad-code', 'reply-mixed-codes', 'reply-line-too-long', 'reply-too-many-lines'])
    assert.match(render(code, { stage: 'rcpt' }, 'en'), /^the |^a .*\(rcpt\)$/, code)
})

test('both languages of a text use the same arguments', () => {
  const places = (text: string) => [...text.matchAll(/\{[^}]*\}/g)].map(([place]) => place).sort()
  for (const [code, { de, en }] of Object.entries(TEXTS)) {
    assert.match(code, /^[a-z0-9]+(-[a-z0-9]+)*$/)
    assert.deepEqual(places(de), places(en), code)
    assert.notEqual(de, '')
  }
})

test('an unknown code is printed with its arguments, a missing argument as a question mark', () => {
  assert.equal(render('something-new', { a: 1 }, 'de'), 'something-new {"a":1}')
  assert.equal(render('something-new', {}, 'en'), 'something-new')
  assert.equal(render('constructor', {}, 'en'), 'constructor')
  assert.equal(render('no-certificate', {}, 'en'), 'no certificate for ?')
  assert.equal(render('delivered', { hop: null, reply: [1] }, 'en'), 'delivered to ? [?]:?, ?: ? ?')
})

test('an argument is never read as a template', () => {
  assert.equal(render('no-certificate', { address: '{address}' }, 'en'), 'no certificate for {address}')
})

test('nothing from outside reaches the terminal as a control character', () => {
  assert.equal(printable('a\u001b[31mb\r\nc\u009bd\u202ee'), 'a\u00b7[31mb\u00b7\u00b7c\u00b7d\u00b7e')
  const evil = 'eve\u001b]0;x\u0007@partner.example'
  const hostile: TraceSummary = {
    ...SUMMARY,
    sender: evil,
    messageId: evil,
    recipients: [{ address: evil, state: 'queued' }],
  }
  const events = [
    event('received', 0, { peer: { helo: evil } }),
    event('x', null, { y: evil, reply: { code: 250, text: evil } }),
  ]
  const text = [...traceLines({ summary: hostile, events }, 'contoso', 'en', 0), summaryLine(hostile)].join(
    '\n',
  )
  assert.ok(!/[\u0000-\u0009\u000b-\u001f]/.test(text))
})

test('a list line names sender and recipients, many of them shortened', () => {
  assert.equal(summaryLine(SUMMARY), '01JDV3Q4Z0ABCDEFGHJKMNPQRS  2026-01-02T03:04:05.006Z  outbound  alice@contoso.com -> bob@partner.example (delivered), carol@partner.example (queued)') // prettier-ignore
  const many = Array.from({ length: 5 }, (_, number) => ({ address: `r${number}@b.c`, state: 'queued' }))
  assert.match(
    summaryLine({ ...SUMMARY, sender: '', recipients: many }),
    / <> -> r0.*, r2@b\.c \(queued\), … 2 more$/,
  )
})

test('the language comes from the option, else from the locale', () => {
  assert.equal(languageOf('de', { LANG: 'en_US.UTF-8' }), 'de')
  assert.equal(languageOf('fr', {}), null)
  assert.equal(languageOf(undefined, {}), 'en')
  assert.equal(languageOf(undefined, { LANG: 'de_DE.UTF-8' }), 'de')
  assert.equal(languageOf(undefined, { LC_ALL: 'C', LANG: 'de_DE.UTF-8' }), 'en')
  assert.equal(languageOf(undefined, { LC_ALL: '', LC_MESSAGES: 'de_AT', LANG: 'C' }), 'de')
})

test('a mail that a worker has in hand is said to be in work', () => {
  const summary = { ...SUMMARY, leaseUntil: 2000 }
  const last = (now: number) => traceLines({ summary, events: [] }, 'contoso', 'en', now).at(-1) ?? ''
  assert.match(last(1999), /in work now/)
  assert.doesNotMatch(last(2000), /in work now/)
})
