/** Behaviour of the log: form of a line, levels, children, and that no secret comes through. */
import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { describe, test } from 'node:test'
import { createLog, type LogLevel } from './log.ts'
import { isSecretName } from './redact.ts'

function logged(level: LogLevel = 'debug') {
  const lines: string[] = []
  const log = createLog({ level, write: (line) => lines.push(line) })
  const entries = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  return { log, lines, entries }
}

describe('a log line', () => {
  test('is one JSON object with level, time and event', () => {
    const { log, lines, entries } = logged()
    log.info('mail-received', { mail: 'ABC', size: 5, text: 'two\nlines\u2028' })
    log.warn('plain')
    assert.equal(lines.length, 2)
    assert.ok(lines.every((line) => !line.includes('\n')))
    const [first, second] = entries()
    assert.match(String(first?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.deepEqual(
      { ...first, time: null },
      { level: 'info', time: null, mail: 'ABC', size: 5, text: 'two\nlines\u2028', event: 'mail-received' },
    )
    assert.deepEqual([second?.['level'], second?.['event']], ['warn', 'plain'])
  })

  test('is written from its level upwards', () => {
    const { log, entries } = logged('warn')
    log.debug('a')
    log.info('b')
    log.warn('c')
    log.error('d')
    assert.deepEqual(
      entries().map((entry) => entry['event']),
      ['c', 'd'],
    )
  })

  test('keeps its own names to itself', () => {
    const { log, entries } = logged()
    log.info('real', { event: 'forged', level: 'x', time: 1 })
    assert.deepEqual(
      [entries()[0]?.['event'], entries()[0]?.['event_'], entries()[0]?.['level'], entries()[0]?.['level_']],
      ['real', 'forged', 'info', 'x'],
    )
  })
})

test('a child adds its fields to every line', () => {
  const { log, entries } = logged()
  const child = log.child({ tenant: 't', password: 'p' }).child({ mail: 'm' })
  child.error('x', { code: 1 })
  assert.deepEqual(
    { ...entries()[0], time: null },
    { level: 'error', time: null, tenant: 't', password: '[redacted]', mail: 'm', code: 1, event: 'x' },
  )
})

describe('secrets', () => {
  const SECRET = 'kMq3-do-not-log'

  test('are taken out by name, at any depth', () => {
    const { log, lines, entries } = logged()
    log.info('x', {
      password: SECRET,
      userPassword: SECRET,
      'X-Siegel-Secret': SECRET,
      api_key: SECRET,
      headers: { Bcc: SECRET, Authorization: SECRET, inner: [{ sessionToken: [SECRET] }] },
      kek: { id: SECRET },
      kekId: 'k1',
      hasPassword: true,
      token: null,
    })
    assert.ok(!lines.join('').includes(SECRET))
    assert.deepEqual(
      [entries()[0]?.['kekId'], entries()[0]?.['hasPassword'], entries()[0]?.['token']],
      ['k1', true, null],
    )
  })

  test('are taken out by type: keys and bytes', () => {
    const { log, entries } = logged()
    log.info('x', {
      one: createSecretKey(Buffer.from(SECRET)),
      two: Buffer.from(SECRET),
      three: new Uint8Array(3),
    })
    assert.deepEqual(
      [entries()[0]?.['one'], entries()[0]?.['two'], entries()[0]?.['three']],
      ['[redacted]', `[${SECRET.length} bytes]`, '[3 bytes]'],
    )
  })

  test('have names, ordinary fields have none of them', () => {
    for (const name of [
      'Password',
      'passphrase',
      'client_secret',
      'privateKey',
      'Set-Cookie',
      'otp',
      'bccValue',
    ]) {
      assert.equal(isSecretName(name), true, name)
    }
    for (const name of [
      'mail',
      'passed',
      'keyId',
      'keys',
      'address',
      'reason',
      'bypass',
      'spin',
      'subjectCode',
    ]) {
      assert.equal(isSecretName(name), false, name)
    }
  })
})

describe('odd values', () => {
  test('are bounded and never break a line', () => {
    const { log, lines, entries } = logged()
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    log.info('x', {
      circle,
      long: 'x'.repeat(100_000),
      many: Array.from({ length: 1000 }, (_, n) => n),
      error: Object.assign(new Error('broken'), { code: 'E1' }),
      big: 10n ** 20n,
      when: new Date(0),
      set: new Set([1]),
      call: () => 1,
      never: new Date(NaN),
    })
    assert.equal(lines.length, 1)
    assert.ok((lines[0]?.length ?? 0) < 20_000)
    const entry = entries()[0]
    assert.deepEqual(entry?.['error'], { name: 'Error', code: 'E1', message: 'broken' })
    assert.deepEqual(
      [entry['big'], entry['when'], entry['set'], entry['call'], entry['never']],
      ['100000000000000000000', '1970-01-01T00:00:00.000Z', [1], '[function]', null],
    )
    assert.equal((entry['many'] as unknown[]).length, 100)
  })
})
