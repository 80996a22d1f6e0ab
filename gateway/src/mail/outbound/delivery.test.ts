/**
 * Tests of delivery over real sockets and TLS: what is said to a hop, one outcome per recipient whatever it answers, content
 * byte for byte, kept connections, and that a hop that drops, sleeps or lies never makes a mail count as delivered.
 */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { Outcome } from '../outcome.ts'
import { OFFERS, type HopConnection, type HopScript } from './testing/hop.ts'
import { makeWorld, QUICK, startRig, until, type RequestShape, type Rig, type World } from './testing/rig.ts'

let world: World
before(() => {
  world = makeWorld()
})

async function withRig(
  script: Partial<HopScript>,
  run: (rig: Rig) => Promise<void>,
  options: Parameters<typeof startRig>[2] = {},
) {
  const rig = await startRig(world, script, options)
  try {
    await run(rig)
  } finally {
    await rig.close()
  }
}

const without = (...names: string[]) =>
  OFFERS.filter((offer) => !names.some((name) => offer.startsWith(name)))

const kinds = (outcomes: readonly Outcome[]) => outcomes.map(({ kind, reason }) => `${kind} ${reason.code}`)

/** The commands of a connection behind the second EHLO. */
const saidUnderTls = (connection: HopConnection | undefined) => connection?.commands.slice(3) ?? []

/** A script that answers commands that begin with a word. */
const answering =
  (begin: string, reply: string | null): HopScript['answer'] =>
  (command) =>
    command.startsWith(begin) ? reply : undefined

describe('what is said', () => {
  test('envelope parameters go to a hop that offers them, the mail by BDAT under TLS', () =>
    withRig({}, async (rig) => {
      const content = 'Subject: x\r\n\r\n.\r\n..two\r\n'
      const [outcome] = await rig.deliver({
        content,
        envelope: { returnContent: 'HDRS', envelopeId: 'Q+2B1', body: '8BITMIME' },
        to: [
          {
            address: 'bob@fabrikam.com',
            notify: ['FAILURE', 'DELAY'],
            originalRecipient: 'rfc822;b@x.example',
          },
        ],
      })
      assert.equal(outcome?.kind, 'delivered')
      assert.equal(outcome.status, '2.6.0')
      assert.equal(outcome.hop?.tls?.verified, true)
      assert.deepEqual(saidUnderTls(rig.hop.connections[0]), [
        `MAIL FROM:<alice@contoso.com> SIZE=${content.length} BODY=8BITMIME RET=HDRS ENVID=Q+2B1`,
        'RCPT TO:<bob@fabrikam.com> NOTIFY=FAILURE,DELAY ORCPT=rfc822;b@x.example',
        `BDAT ${content.length} LAST`,
      ])
      assert.equal(rig.hop.heard[0]?.content.toString(), content)
      assert.deepEqual(rig.hop.connections[0]?.commands.slice(0, 3), [
        'EHLO gw.contoso.com',
        'STARTTLS',
        'EHLO gw.contoso.com',
      ])
    }))

  test('the null sender', () =>
    withRig({}, async (rig) => {
      assert.deepEqual(kinds(await rig.deliver({ sender: '' })), ['delivered accepted'])
      assert.match(rig.hop.heard[0]?.mail ?? '', /^MAIL FROM:<> /)
    }))

  test('a hop without DSN gets no DSN parameters; who asked for a notice counts as relayed', () =>
    withRig({ offers: without('DSN') }, async (rig) => {
      const outcomes = await rig.deliver({
        envelope: { returnContent: 'FULL', envelopeId: 'x' },
        to: [
          { address: 'a@x.example', notify: ['SUCCESS'], originalRecipient: 'rfc822;a@x.example' },
          { address: 'b@x.example', notify: ['NEVER'] },
          'c@x.example',
        ],
      })
      assert.deepEqual(
        outcomes.map(({ kind }) => kind),
        ['relayed', 'delivered', 'delivered'],
      )
      assert.doesNotMatch(saidUnderTls(rig.hop.connections[0]).join(), /RET|ENVID|NOTIFY|ORCPT/)
    }))

  test('an address that could end a command is refused before anything is said', () =>
    withRig({}, async (rig) => {
      const evil = 'a@x.example>\r\nRCPT TO:<b@x.example'
      assert.deepEqual(kinds(await rig.deliver({ to: [evil, 'bob@fabrikam.com'] })), [
        'failed recipient-not-sendable',
        'delivered accepted',
      ])
      assert.deepEqual(kinds(await rig.deliver({ sender: evil })), ['failed sender-not-sendable'])
      assert.deepEqual(kinds(await rig.deliver({ envelope: { envelopeId: 'a b' } })), [
        'failed sender-not-sendable',
      ])
      assert.deepEqual(kinds(await rig.deliver({ to: [{ originalRecipient: 'rfc822;a\r\nDATA' }] })), [
        'failed recipient-not-sendable',
      ])
      assert.equal(rig.hop.heard.length, 1)
      assert.equal(rig.hop.heard[0]?.rcpt.length, 1)
    }))

  test('a route that is none holds the mail', () =>
    withRig({}, async (rig) => {
      assert.deepEqual(kinds(await rig.deliver({ route: 'not a route' })), ['held route-invalid'])
      assert.equal(rig.hop.connections.length, 0)
    }))
})

describe('an extension that the mail needs and the hop lacks', () => {
  const cases: Record<string, [string[], Partial<RequestShape>, string]> = {
    'a mail over SIZE': [[...without('SIZE'), 'SIZE 10'], {}, 'failed too-large-for-hop'],
    'bare line ends without CHUNKING': [
      without('CHUNKING'),
      { copy: { bareLineEnds: true } },
      'failed bare-line-ends-need-chunking',
    ],
    'NUL without CHUNKING': [without('CHUNKING'), { copy: { nul: true } }, 'failed nul-needs-chunking'],
    'a UTF-8 address without SMTPUTF8': [
      without('SMTPUTF8'),
      { to: ['bäcker@x.example'] },
      'failed smtputf8-not-offered',
    ],
    'UTF-8 header fields without SMTPUTF8': [
      without('SMTPUTF8'),
      { envelope: { smtpUtf8: true }, copy: { eightBitHeader: true } },
      'failed smtputf8-not-offered',
    ],
    'an 8-bit body without 8BITMIME': [
      without('8BITMIME'),
      { copy: { eightBit: true } },
      'failed eight-bit-needs-8bitmime',
    ],
  }
  for (const [name, [offers, shape, expected]] of Object.entries(cases))
    test(`${name} fails, and no transaction is begun`, () =>
      withRig({ offers }, async (rig) => {
        assert.deepEqual(kinds(await rig.deliver(shape)), [expected])
        assert.deepEqual(saidUnderTls(rig.hop.connections[0]), [])
      }))

  test('an unannounced NUL is found while DATA is sent, and the content is not ended', () =>
    withRig({ offers: without('CHUNKING') }, async (rig) => {
      assert.deepEqual(kinds(await rig.deliver({ content: 'a: b\r\n\r\nx\0y\r\n' })), [
        'failed nul-needs-chunking',
      ])
      assert.equal(rig.hop.heard.length, 0)
    }))
})

describe('mixed replies', () => {
  const mixed: HopScript['answer'] = (command) => {
    if (command.startsWith('RCPT TO:<gone')) return '550 5.1.1 no such user\r\n'
    if (command.startsWith('RCPT TO:<busy')) return '451 4.2.1 later\r\n'
    return undefined
  }
  const to = ['gone@x.example', 'ok@x.example', 'busy@x.example', 'fine@x.example']
  for (const [name, offers] of Object.entries({
    'pipelined BDAT': OFFERS,
    'BDAT step by step': without('PIPELINING'),
    'pipelined DATA': without('CHUNKING'),
    'DATA step by step': without('CHUNKING', 'PIPELINING'),
    'nothing but STARTTLS': [],
  }))
    test(`${name}: every recipient gets what the hop said of them, and the session goes on`, () =>
      withRig({ answer: mixed, offers }, async (rig) => {
        for (let i = 1; i <= 2; i++) {
          const outcomes = await rig.deliver({ to, content: `Subject: ${i}\r\n\r\n.\r\n` })
          assert.deepEqual(
            outcomes.map(({ delivery, kind, status }) => [delivery, kind, status]),
            [
              [0, 'failed', '5.1.1'],
              [1, 'delivered', '2.6.0'],
              [2, 'deferred', '4.2.1'],
              [3, 'delivered', '2.6.0'],
            ],
          )
          assert.equal(rig.hop.heard.at(-1)?.rcpt.length, 2)
          assert.equal(rig.hop.heard.at(-1)?.content.toString(), `Subject: ${i}\r\n\r\n.\r\n`)
          await until(() => rig.hop.connections[0]?.commands.includes('RSET') === true)
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
        assert.equal(rig.hop.heard.length, 2)
        assert.equal(rig.hop.connections.length, 1)
      }))

  for (const offers of [OFFERS, without('CHUNKING'), without('PIPELINING')])
    test(`all refused: nothing is delivered (${offers.length} of ${OFFERS.length} offers)`, () =>
      withRig({ answer: answering('RCPT', '550 5.1.1 no\r\n'), offers }, async (rig) => {
        const outcomes = await rig.deliver({ to: ['a@x.example', 'b@x.example'] })
        assert.deepEqual(kinds(outcomes), ['failed recipient-refused', 'failed recipient-refused'])
        assert.equal(rig.hop.heard.length, 0)
      }))

  test('a refused MAIL is the verdict for all, whatever is said to the pipelined rest', () =>
    withRig({ answer: answering('MAIL', '550 5.7.1 not you\r\n') }, async (rig) => {
      const outcomes = await rig.deliver({ to: ['a@x.example', 'b@x.example'] })
      assert.deepEqual(kinds(outcomes), ['failed sender-refused', 'failed sender-refused'])
      assert.equal(outcomes[1]?.reply?.text, '5.7.1 not you')
    }))

  test('the reply to the content counts for the accepted only', () =>
    withRig({ answer: mixed, final: () => '554 5.6.0 bad content\r\n' }, async (rig) => {
      assert.deepEqual(kinds(await rig.deliver({ to })), [
        'failed recipient-refused',
        'failed message-refused',
        'deferred temporarily-refused',
        'failed message-refused',
      ])
    }))

  test('421 to a recipient takes back those accepted before', () =>
    withRig(
      { answer: answering('RCPT TO:<b', '421 4.3.2 shutting down\r\n'), offers: without('PIPELINING') },
      async (rig) => {
        const outcomes = await rig.deliver({ to: ['a@x.example', 'b@x.example', 'c@x.example'] })
        assert.deepEqual(
          outcomes.map(({ kind }) => kind),
          ['deferred', 'deferred', 'deferred'],
        )
        assert.equal(rig.hop.heard.length, 0)
      },
    ))

  test('recipients that are too many go into the next transaction', () => {
    let taken = 0
    const answer: HopScript['answer'] = (command) => {
      if (command.startsWith('MAIL')) taken = 0
      if (command.startsWith('RCPT') && ++taken > 2) return '452 4.5.3 Too many recipients\r\n'
      return undefined
    }
    return withRig({ answer }, async (rig) => {
      const outcomes = await rig.deliver({ to: [1, 2, 3, 4, 5].map((n) => `r${n}@x.example`) })
      assert.ok(outcomes.every(({ kind }) => kind === 'delivered'))
      assert.deepEqual(
        rig.hop.heard.map(({ rcpt }) => rcpt.length),
        [2, 2, 1],
      )
    })
  })

  test('a hundred recipients fill a transaction', () =>
    withRig({}, async (rig) => {
      const outcomes = await rig.deliver({ to: Array.from({ length: 205 }, (_, n) => `r${n}@x.example`) })
      assert.deepEqual(
        outcomes.map(({ delivery }) => delivery),
        Array.from({ length: 205 }, (_, n) => n),
      )
      assert.ok(outcomes.every(({ kind }) => kind === 'delivered'))
      assert.deepEqual(
        rig.hop.heard.map(({ rcpt }) => rcpt.length),
        [100, 100, 5],
      )
    }))
})

describe('content', () => {
  const large = Buffer.alloc(2_200_000, 'a line of text\r\n.with a dot\r\n')
  large.write('\r\n', large.length - 2)

  for (const [name, offers, content] of [
    ['BDAT in chunks, one ahead', OFFERS, large],
    ['BDAT in chunks, each awaited', without('PIPELINING'), large],
    ['DATA', without('CHUNKING'), large.subarray(-300_000)],
  ] as const)
    test(`${name}: a large mail arrives byte for byte`, () =>
      withRig({ offers }, async (rig) => {
        async function* pieces() {
          for (let i = 0; i < content.length; i += 70_001) {
            await Promise.resolve()
            yield content.subarray(i, i + 70_001)
          }
        }
        const copy = { size: content.length }
        assert.deepEqual(kinds(await rig.deliver({ body: pieces, copy })), ['delivered accepted'])
        const [heard] = rig.hop.heard
        assert.ok(heard !== undefined && heard.content.equals(content))
        // RFC 3030 2: no chunk over 1 MiB
        assert.equal(heard.by.length, Math.ceil(content.length / 1_048_576))
      }))

  test('BDAT carries bare line ends, NUL and dots as they are', () =>
    withRig({}, async (rig) => {
      const content = Buffer.from('a: b\n\n.\n\0\r.\r\n.\r\nno end')
      const outcomes = await rig.deliver({ content, copy: { bareLineEnds: true, nul: true } })
      assert.deepEqual(kinds(outcomes), ['delivered accepted'])
      assert.ok(rig.hop.heard[0]?.content.equals(content))
    }))

  test('property: by DATA lines with dots arrive as they were, however the pieces are cut', () =>
    withRig({ offers: without('CHUNKING') }, async (rig) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.constantFrom('.', '..', '.a', 'a', '', '. ', 'x.y'), { maxLength: 12 }),
          fc.array(fc.nat(8), { minLength: 1, maxLength: 10 }),
          async (lines, cuts) => {
            const content = Buffer.from(`a: b\r\n\r\n${lines.map((line) => `${line}\r\n`).join('')}`)
            const pieces: Buffer[] = []
            for (let at = 0, i = 0; at < content.length; i++) {
              const size = 1 + (cuts[i % cuts.length] ?? 0)
              pieces.push(content.subarray(at, at + size))
              at += size
            }
            const [outcome] = await rig.deliver({ body: () => pieces, copy: { size: content.length } })
            assert.equal(outcome?.kind, 'delivered')
            assert.equal(rig.hop.heard.at(-1)?.content.toString(), content.toString())
          },
        ),
        { numRuns: 25 },
      )
      assert.equal(rig.hop.connections.length, 1)
    }))

  test('a content without a last line end is ended, and only so', () =>
    withRig({ offers: without('CHUNKING') }, async (rig) => {
      await rig.deliver({ content: 'a: b\r\n\r\n.end' })
      assert.equal(rig.hop.heard[0]?.content.toString(), 'a: b\r\n\r\n.end\r\n')
    }))

  for (const offers of [OFFERS, without('CHUNKING'), without('PIPELINING')])
    test(`a source that breaks off ends no content (${offers.length} of ${OFFERS.length} offers)`, () =>
      withRig({ offers }, async (rig) => {
        async function* broken() {
          yield Buffer.from('a: b\r\n\r\n')
          await Promise.resolve()
          throw new Error('spool damaged')
        }
        await assert.rejects(rig.deliver({ body: broken, copy: { size: 1000 } }), /spool damaged/)
        await until(() => rig.hop.connections[0]?.closed === true)
        assert.equal(rig.hop.heard.length, 0)
        assert.deepEqual(kinds(await rig.deliver()), ['delivered accepted'])
      }))

  test('a refusal in the middle of DATA is heard', () => {
    let done = false
    return withRig({ offers: without('CHUNKING') }, async (rig) => {
      async function* slow() {
        for (let i = 0; i < 200 && !done; i++) {
          yield Buffer.alloc(70_000, 'a line of text\r\n')
          if (i === 2) rig.hop.connections[0]?.say('552 5.3.4 too much\r\n')
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      }
      const [outcome] = await rig.deliver({ body: slow, copy: { size: 14_000_000 } })
      done = true
      assert.deepEqual([outcome?.kind, outcome?.status], ['failed', '5.3.4'])
      assert.equal(rig.hop.heard.length, 0)
    })
  })
})

/** Points of the dialogue where a hop may fail, what it offers, and whether the content is on its way by then. */
const POINTS: readonly (readonly [string, readonly string[], boolean])[] = [
  ['EHLO', OFFERS, false],
  ['MAIL', OFFERS, true],
  ['MAIL', without('PIPELINING'), false],
  ['RCPT', OFFERS, true],
  ['RCPT', without('PIPELINING'), false],
  ['BDAT', OFFERS, false],
  ['DATA', without('CHUNKING'), false],
]

/** Limits for tests of silence behind the handshake. */
const IMPATIENT = { timeouts: { ...QUICK, ehlo: 200, mail: 120, rcpt: 120, data: 120, final: 120 } }

describe('a hop that fails in the middle', () => {
  for (const [name, reply, code] of [
    ['drops the connection', null, 'connection-lost'],
    ['falls silent', '', 'reply-timeout'],
    ['answers with rubbish', 'hello\r\n', 'reply-bad-code'],
    ['answers with a line without end', `250 ${'x'.repeat(5000)}`, 'reply-line-too-long'],
    ['mixes codes in one reply', '250-a\r\n550 b\r\n', 'reply-mixed-codes'],
    ['sends a reply without end', '250-x\r\n'.repeat(300), 'reply-too-many-lines'],
  ] as const)
    for (const [point, offers, isAhead] of POINTS)
      test(`${name} at ${point} (${offers.length} of ${OFFERS.length} offers): the mail waits`, () =>
        withRig(
          { answer: answering(point, reply), offers },
          async (rig) => {
            const outcomes = await rig.deliver()
            assert.equal(outcomes[0]?.kind, 'deferred')
            // A hop that took the pipelined content and then spoke out of step cannot be told from one that did not.
            if (isAhead) return
            assert.deepEqual(kinds(outcomes), [`deferred ${code}`])
            assert.equal(rig.hop.heard.length, 0)
          },
          IMPATIENT,
        ))

  test('no answer, or the end of the connection, after the content: the mail waits', async () => {
    for (const offers of [OFFERS, without('CHUNKING')])
      for (const [reply, code] of [
        ['', 'reply-timeout'],
        [null, 'connection-lost'],
      ] as const)
        await withRig(
          { offers, final: () => reply },
          async (rig) => {
            assert.deepEqual(kinds(await rig.deliver()), [`deferred ${code}`])
          },
          IMPATIENT,
        )
  })

  test('a success in place of 354 is no permission', () =>
    withRig({ offers: without('CHUNKING'), answer: answering('DATA', '250 2.0.0 OK\r\n') }, async (rig) => {
      assert.deepEqual(kinds(await rig.deliver()), ['deferred unexpected-reply'])
      assert.equal(rig.hop.heard.length, 0)
    }))

  test('a greeting that refuses or never comes', async () => {
    for (const [greeting, code] of [
      ['554 5.7.1 no service\r\n', 'hop-refuses-service'],
      ['421 4.3.2 too busy\r\n', 'connection-closed-by-peer'],
      ['', 'reply-timeout'],
    ] as const)
      await withRig({ greeting }, async (rig) => {
        assert.deepEqual(kinds(await rig.deliver()), [`deferred ${code}`])
      })
  })

  test('what a hop says is kept without its control characters, and not at any length', () =>
    withRig(
      {
        answer: answering(
          'RCPT',
          `550-5.1.1 a\u0007\u001b[31m\u202eb\r\n`.concat('550-y\r\n'.repeat(100), '550 z\r\n'),
        ),
      },
      async (rig) => {
        const [outcome] = await rig.deliver()
        assert.equal(outcome?.kind, 'failed')
        assert.match(outcome.reply?.text ?? '', /^5\.1\.1 a\ufffd\ufffd\[31m\ufffdb\n/)
        assert.ok((outcome.reply?.text.length ?? 0) <= 2000)
      },
    ))

  test('a failure after two recipients were refused leaves their verdicts', () =>
    withRig(
      {
        offers: without('PIPELINING'),
        answer: (command) =>
          command.startsWith('RCPT TO:<a')
            ? '550 5.1.1 no\r\n'
            : command.startsWith('RCPT TO:<b')
              ? null
              : undefined,
      },
      async (rig) => {
        assert.deepEqual(kinds(await rig.deliver({ to: ['a@x.example', 'b@x.example', 'c@x.example'] })), [
          'failed recipient-refused',
          'deferred connection-lost',
          'deferred connection-lost',
        ])
      },
    ))
})

describe('kept connections', () => {
  test('one connection carries mail after mail of one tenant, and none of another', () =>
    withRig({}, async (rig) => {
      for (const tenantId of ['t1', 't1', 't2', 't1', 't2'])
        assert.deepEqual(kinds(await rig.deliver({ tenantId })), ['delivered accepted'])
      assert.deepEqual(
        rig.hop.heard.map(({ connection }) => connection),
        [0, 0, 1, 0, 1],
      )
    }))

  test('a connection ends after its number of mails', () =>
    withRig(
      {},
      async (rig) => {
        for (let i = 0; i < 3; i++) await rig.deliver()
        assert.deepEqual(
          rig.hop.heard.map(({ connection }) => connection),
          [0, 0, 1],
        )
        await until(() => rig.hop.connections[0]?.commands.at(-1) === 'QUIT')
        assert.equal(rig.hop.connections[0]?.commands.at(-1), 'QUIT')
      },
      { keep: { mails: 2 } },
    ))

  test('a changed TLS map ends the use of connections made under the old one', () =>
    withRig({}, async (rig) => {
      await rig.deliver()
      rig.settings.maps = new Map([['tls-policy', '# nothing\n']])
      await rig.deliver()
      rig.settings.clientIdentities = new Map()
      await rig.deliver()
      assert.equal(new Set(rig.hop.heard.map(({ connection }) => connection)).size, rig.hop.heard.length)
    }))

  test('an idle connection that the hop ends, or says a word on, is not used again', async () => {
    for (const end of [
      (connection: HopConnection) => connection.socket.destroy(),
      (connection: HopConnection) => {
        connection.say('421 4.4.2 idle too long\r\n')
      },
    ])
      await withRig({}, async (rig) => {
        await rig.deliver()
        const [first] = rig.hop.connections
        assert.ok(first !== undefined)
        end(first)
        await until(() => first.closed)
        assert.deepEqual(kinds(await rig.deliver()), ['delivered accepted'])
        assert.equal(rig.hop.heard[1]?.connection, 1)
      })
  })

  for (const [name, reply] of [
    ['drops at MAIL', null],
    ['says 421 at MAIL', '421 4.4.2 good-bye\r\n'],
  ] as const)
    test(`a kept connection that ${name} is replaced once, and the mail is heard once`, () => {
      let seen = 0
      const answer: HopScript['answer'] = (command, connection) =>
        command.startsWith('MAIL') && connection.number === 0 && ++seen === 2 ? reply : undefined
      return withRig({ answer, offers: without('PIPELINING') }, async (rig) => {
        await rig.deliver()
        assert.deepEqual(kinds(await rig.deliver()), ['delivered accepted'])
        assert.deepEqual(
          rig.hop.heard.map(({ connection }) => connection),
          [0, 1],
        )
      })
    })

  test('a kept connection that dies after the hop has spoken is not tried twice', () => {
    let seen = 0
    return withRig({ final: () => (++seen === 2 ? null : '250 2.6.0 taken\r\n') }, async (rig) => {
      await rig.deliver()
      assert.deepEqual(kinds(await rig.deliver()), ['deferred connection-lost'])
      assert.equal(seen, 2)
    })
  })

  test('no more connections than allowed, and those who wait get their turn', () =>
    withRig(
      {},
      async (rig) => {
        const all = await Promise.all(Array.from({ length: 12 }, () => rig.deliver()))
        assert.ok(all.flat().every(({ kind }) => kind === 'delivered'))
        assert.equal(rig.hop.heard.length, 12)
        assert.ok(rig.hop.connections.length <= 3, String(rig.hop.connections.length))
      },
      { connections: 3 },
    ))

  test('close ends idle connections with QUIT', () =>
    withRig({}, async (rig) => {
      await rig.deliver()
      rig.outbound.close()
      await until(() => rig.hop.connections[0]?.closed === true)
      assert.equal(rig.hop.connections[0]?.commands.at(-1), 'QUIT')
    }))

  test('what the hop offers is remembered by tenant', () =>
    withRig({}, async (rig) => {
      assert.equal(rig.outbound.lastCapabilities('t1'), null)
      await rig.deliver()
      assert.equal(rig.outbound.lastCapabilities('t1')?.size, 157_286_400)
      assert.equal(rig.outbound.lastCapabilities('t2'), null)
    }))
})

describe('when the process ends', () => {
  test('a hop that keeps its last word to itself is given up, and the mail waits for the next start', () =>
    withRig(
      { final: () => '' },
      async (rig) => {
        const delivering = rig.deliver()
        await until(() => (rig.hop.connections[0]?.commands.length ?? 0) > 4)
        rig.outbound.giveUp()
        assert.deepEqual(kinds(await delivering), ['deferred connection-given-up'])
        // Nothing new is begun either.
        assert.deepEqual(kinds(await rig.deliver()), ['deferred connection-given-up'])
      },
      { timeouts: {} },
    ))
})
