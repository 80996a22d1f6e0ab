/**
 * Signatures and seals of ours before dkimpy, and signatures and chains of dkimpy before us: mails of every odd form, RSA and
 * Ed25519. The field that tells results is read by authres. Needs python3-dkim, python3-nacl and python3-authres (scripts/install-peers.sh).
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { scanHeader, sourceOf } from '@siegel/engine'
import type { Arrival, DomainKey } from '../mail/authentication.ts'
import type { Tenant } from '../mail/tenant.ts'
import { createMailAuthentication } from './index.ts'
import { authenticationResults, type MethodResult } from './results-field.ts'
import { ed25519Key, lookupOf, rsaKey, tableOf } from './testing/keys.ts'

const rsa = rsaKey('gate.example', 'r')
const edwards = ed25519Key('gate.example', 'e')
const exchange = rsaKey('microsoft.example', 'm')
const TABLE = tableOf(rsa, edwards, exchange)

/** Debian's Python, whatever stands first in the path: the package is only there. */
const PYTHON = '/usr/bin/python3'

/** Does one job a line: verify DKIM, verify ARC, sign, seal. Mails go as base64. */
const DRIVER = `
import authres, base64, dkim, json, sys
keys = json.loads(sys.stdin.readline())
def dns(name, timeout=5):
    text = keys.get(name.decode().rstrip('.').lower())
    return text.encode() if text is not None else None
def holds(judge, idx):
    try:
        return judge.verify(idx=idx, dnsfunc=dns)
    except dkim.ValidationError:
        return False
for line in sys.stdin:
    job = json.loads(line)
    mail = base64.b64decode(job['mail'])
    try:
        if job['do'] == 'dkim':
            judge = dkim.DKIM(mail)
            out = [holds(judge, i) for i in range(job['count'])]
        elif job['do'] == 'arc':
            cv, results, reason = dkim.arc_verify(mail, dnsfunc=dns)
            out = [cv.decode() if cv else 'terminated', reason]
        elif job['do'] == 'sign':
            out = base64.b64encode(dkim.sign(mail, job['selector'].encode(), job['domain'].encode(), job['pem'].encode(), canonicalize=(b'relaxed', b'relaxed'))).decode()
        elif job['do'] == 'results':
            parsed = authres.AuthenticationResultsHeader.parse(mail.decode().replace('\\r\\n ', ' ').strip())
            out = [parsed.authserv_id] + [[r.method, r.result, [[q.type + '.' + q.name, q.value] for q in r.properties]] for r in parsed.results]
        else:
            sets = dkim.arc_sign(mail, job['selector'].encode(), job['domain'].encode(), job['pem'].encode(), job['domain'].encode())
            out = base64.b64encode(b''.join(sets)).decode()
    except Exception as error:
        out = 'error ' + repr(error)
    print(json.dumps(out), flush=True)
`

interface Job {
  readonly do: 'dkim' | 'arc' | 'sign' | 'seal' | 'results'
  readonly mail: Buffer
  readonly count?: number
  readonly by?: { readonly selector: string; readonly domain: string; readonly pem: string }
}

/** dkimpy's answers to the jobs. */
function asked(jobs: readonly Job[]): unknown[] {
  const keys = Object.fromEntries(Object.entries(TABLE).map(([name, [text = '']]) => [name, text]))
  const lines = jobs.map(({ mail, by, ...rest }) =>
    JSON.stringify({ ...rest, ...by, mail: mail.toString('base64') }),
  )
  const input = `${[JSON.stringify(keys), ...lines].join('\n')}\n`
  const run = spawnSync(PYTHON, ['-c', DRIVER], { input, encoding: 'utf8', maxBuffer: 1 << 28 })
  assert.equal(run.status, 0, run.stderr)
  return run.stdout.trim().split('\n').map((line) => JSON.parse(line) as unknown) // prettier-ignore
}

const authentication = createMailAuthentication(lookupOf(TABLE))

function arrivalOf(mail: Buffer): Promise<Arrival> {
  return authentication.examine({ source: sourceOf(mail), bytes: mail, fields: scanHeader(mail).fields, removed: new Set(), longestLine: 80 }) // prettier-ignore
}

async function stamped(mail: Buffer, seal: DomainKey | null, sign: readonly DomainKey[]): Promise<Buffer> {
  const sealing =
    seal === null ? null : { key: seal, authservId: 'gw.gate.example', arrival: await arrivalOf(mail) }
  const { fields } = await authentication.stamp({ chunks: [mail], seal: sealing, sign, now: Date.now() })
  return Buffer.concat([fields, mail])
}

/** Header values and bodies with blanks, folds, octets above 127 and empty lines wherever they may stand. */
const word = fc.constantFrom(
  'a',
  'word',
  '=?utf-8?q?x?=',
  '\u00e0',
  '\u00c3\u00a0',
  '<x@y.example>',
  '"q  q"',
  ';',
  ':',
)
const blank = fc.constantFrom(' ', '  ', '\t', ' \r\n ', '\r\n\t', ' \t ')
const value = fc
  .array(fc.tuple(blank, word), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.map(([space, text]) => space + text).join(''))
const name = fc.constantFrom(
  'Subject',
  'TO',
  'Cc',
  'reply-to',
  'Date',
  'Message-ID',
  'References',
  'X-Other',
  'List-Id',
)
const line = fc
  .array(fc.constantFrom('a', 'word', ' ', '\t', '  ', '\u00fc', '.', '..'), { maxLength: 6 })
  .map((parts) => parts.join(''))
const mails = fc
  .record({
    fields: fc.uniqueArray(fc.tuple(name, value), { selector: ([of]) => of.toLowerCase(), maxLength: 7 }),
    end: fc.constantFrom('', ' ', '\t '),
    lines: fc.array(line, { maxLength: 8 }),
    // Of blanks on a last line without an end readers make different things; it gets an end from the first hop by DATA.
    last: fc.constantFrom('\r\n', '\r\n\r\n\r\n', 'no line end'),
  })
  .map(({ fields, end, lines, last }) =>
    Buffer.from(
      [
        'From: A <a@gate.example>',
        ...fields.map(([of, text]) => `${of}:${text}${end}`),
        '',
        lines.join('\r\n') + last,
      ].join('\r\n'),
      'latin1',
    ),
  )

const SAMPLES = fc.sample(mails, 150)

describe('dkimpy', () => {
  it('verifies what we sign, with each key, in every form', async () => {
    const signed = await Promise.all(SAMPLES.map((mail) => stamped(mail, null, [rsa, edwards])))
    const answers = asked(signed.map((mail) => ({ do: 'dkim', mail, count: 2 })))
    for (const [index, answer] of answers.entries())
      assert.deepEqual(answer, [true, true], JSON.stringify(signed[index]?.toString('latin1')))
  })

  it('finds out when it has been changed', async () => {
    const mail = await stamped(Buffer.from('From: a@gate.example\r\nSubject: s\r\n\r\ntext\r\n'), null, [
      rsa,
      edwards,
    ])
    const changed = [
      mail.toString().replace('text', 'next'),
      `From: eve@evil.example\r\n${mail.toString()}`,
      `Subject: t\r\n${mail.toString()}`,
      mail.toString().replace('Subject: s', 'Subject: t'),
    ]
    for (const answer of asked(changed.map((text) => ({ do: 'dkim', mail: Buffer.from(text), count: 2 }))))
      assert.deepEqual(answer, [false, false])
  })

  it('follows our chains: begun, continued over changed mail, and closed', async () => {
    const sealed = await Promise.all(
      SAMPLES.slice(0, 60).map(async (mail) => {
        const first = await stamped(mail, exchange, [])
        const arrival = await arrivalOf(first)
        const changed = Buffer.concat([first, Buffer.from('\r\nmore')])
        const { fields } = await authentication.stamp({ chunks: [changed], seal: { key: rsa, authservId: 'gw.gate.example', arrival }, sign: [], now: Date.now() }) // prettier-ignore
        const second = Buffer.concat([fields, changed])
        const broken = await stamped(changed, rsa, [])
        return { first, changed, second, third: await stamped(second, exchange, []), broken }
      }),
    )
    const verdicts = (pick: (one: (typeof sealed)[number]) => Buffer) =>
      new Set(
        asked(sealed.map((one) => ({ do: 'arc', mail: pick(one) }))).map((answer) => (answer as string[])[0]),
      )
    assert.deepEqual([...verdicts(({ first }) => first)], ['pass'])
    assert.deepEqual([...verdicts(({ changed }) => changed)], ['fail'])
    assert.deepEqual([...verdicts(({ second }) => second)], ['pass'])
    assert.deepEqual([...verdicts(({ third }) => third)], ['pass'])
    assert.deepEqual([...verdicts(({ broken }) => broken)], ['terminated'])
  })

  it('seals, and we follow and continue its chain', async () => {
    const head = Buffer.from('Authentication-Results: microsoft.example; dkim=none\r\nFrom: a@gate.example\r\nTo: b@x.example\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nSubject:  a \t b\r\n\r\n text \r\n') // prettier-ignore
    const [fields] = asked([{ do: 'seal', mail: head, by: exchange }])
    const first = Buffer.concat([Buffer.from(String(fields), 'base64'), head])
    assert.equal((await arrivalOf(first)).chain.state, 'pass')
    const changed = Buffer.from(first.toString().replace(' text', ' other'))
    assert.equal((await arrivalOf(changed)).chain.state, 'fail')
    const arrival = await arrivalOf(first)
    const stamp = await authentication.stamp({ chunks: [changed], seal: { key: rsa, authservId: 'gw.gate.example', arrival }, sign: [], now: Date.now() }) // prettier-ignore
    const [answer] = asked([{ do: 'arc', mail: Buffer.concat([stamp.fields, changed]) }])
    assert.equal((answer as string[])[0], 'pass')
  })

  it('signs, and its signature proves a tenant', async () => {
    const { signatureClaim } = await import('../exchange/tenant-signature.ts')
    const mail = Buffer.from(
      'From: a@gate.example\r\nTo: b@x.example\r\nSubject:  a \t b\r\n\r\n text \r\n\r\n',
    )
    const [field] = asked([{ do: 'sign', mail, by: rsa }])
    const signed = Buffer.concat([Buffer.from(String(field), 'base64'), mail])
    const { fields, bodyStart } = scanHeader(signed)
    const owner = { id: 'gate', name: 'gate' } as Tenant // all that is looked at
    const claim = signatureClaim(signed.subarray(0, bodyStart), fields, new Map([['gate.example', owner]]))
    assert.ok(claim.kind === 'claim')
    const proof = authentication.prove(claim.proof)
    await proof.write(signed.subarray(bodyStart))
    assert.deepEqual(await proof.finish(), { kind: 'proved', domain: 'gate.example' })
  })

  it('reads our field of results as it was meant (authres)', () => {
    const results: MethodResult[] = [
      { method: 'spf', result: 'fail', comment: 'a (b) \\c', properties: [['smtp.mailfrom', 'a b@x.example']] },
      { method: 'dkim', result: 'pass', properties: [['header.d', 'x.example'], ['header.b', 'ab/+cd==']] },
      { method: 'dmarc', result: 'pass', properties: [['header.from', 'x.example']] },
      { method: 'arc', result: 'none', properties: [] },
    ] // prettier-ignore
    const [told] = asked([{ do: 'results', mail: authenticationResults('gw.gate.example', results) }])
    assert.deepEqual(told, ['gw.gate.example', ...results.map(({ method, result, properties }) => [method, result, properties])]) // prettier-ignore
  })
})
