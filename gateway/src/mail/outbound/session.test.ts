/**
 * Tests of the way to a session: names that do not resolve, several addresses in order, greetings and EHLO replies that
 * refuse, and HELO for servers of old where the policy allows it.
 */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { createHostLookup, HostLookupError, type HostAddress, type HostLookup } from '../../dns/hosts.ts'
import { Connection } from './connection.ts'
import { leaf } from './testing/certificates.ts'
import { startHop, type Hop, type HopConnection, type HopScript } from './testing/hop.ts'
import { makeWorld, startRig, type Rig, type World } from './testing/rig.ts'
import { DEFAULT_TIMEOUTS, Watch } from './timeouts.ts'
import { DialogueFailed } from './verdict.ts'

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

/** A rig whose route leads to several addresses; the rig's own hop is not among them. */
async function withHops(
  hops: readonly Hop[],
  dead: readonly HostAddress[],
  run: (rig: Rig) => Promise<void>,
) {
  const addresses = [...dead, ...hops.map(({ port }) => addressAt(port))]
  await withRig({}, run, { hosts: () => Promise.resolve(addresses) })
  await Promise.all(hops.map((hop) => hop.close()))
}

async function deadAddress(): Promise<HostAddress> {
  const hop = await startHop()
  await hop.close()
  return addressAt(hop.port)
}

function addressAt(port: number): HostAddress {
  return { address: '127.0.0.1', port, secure: false, name: 'hop.example' }
}

const told = async (rig: Rig, shape: Parameters<Rig['deliver']>[0] = {}) => {
  const [outcome] = await rig.deliver(shape)
  return `${outcome?.kind ?? ''} ${outcome?.status ?? ''} ${outcome?.reason.code ?? ''}`
}

describe('the name of the host', () => {
  for (const [kind, expected] of [
    ['not-found', 'deferred 4.4.3 host-not-found'],
    ['unavailable', 'deferred 4.4.3 host-lookup-failed'],
  ] as const)
    test(`${kind}: the mail waits`, () => {
      const hosts: HostLookup = () => Promise.reject(new HostLookupError(kind, 'told by the test'))
      return withRig(
        {},
        async (rig) => {
          assert.equal(await told(rig), expected)
        },
        { hosts },
      )
    })

  test('an address in brackets needs no name, and is sent no server name', () =>
    withRig({ identity: leaf({ names: ['other.example'], issuer: world.root }) }, async (rig) => {
      rig.settings.maps = new Map([['tls-policy', `[127.0.0.1]:${rig.hop.port} verify match=other.example`]])
      assert.match(await told(rig, { floor: null, route: `[127.0.0.1]:${rig.hop.port}` }), /^delivered/)
      assert.equal(rig.hop.connections[0]?.secured?.servername, false)
    }))
})

describe('a hop that answers before it is asked', () => {
  const forged = '250 2.1.0 ok\r\n250 2.1.5 ok\r\n250 2.0.0 taken\r\n'
  const ehlo = '250-hop.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n'
  for (const [name, script] of [
    ['behind its greeting', { greeting: `220 hop.example ESMTP\r\n${forged}` }],
    [
      'behind the reply to EHLO under TLS',
      {
        answer: (command: string, hop: HopConnection) =>
          command.startsWith('EHLO') && hop.secured !== null ? ehlo + forged : undefined,
      },
    ],
  ] as const)
    test(`${name}: the answers count for nothing and the mail waits`, () =>
      withRig(script, async (rig) => {
        const [outcome] = await rig.deliver()
        assert.deepEqual([outcome?.kind, outcome?.reason.code], ['deferred', 'unexpected-reply'])
        assert.equal(rig.hop.heard.length, 0)
        assert.ok(!rig.hop.connections.some(({ commands }) => commands.some((one) => one.startsWith('MAIL'))))
      }))

  test('with a refusal: it speaks of the hop, not of the mail', () =>
    withRig({ greeting: '220 hop.example ESMTP\r\n554 5.7.1 go away\r\n' }, async (rig) => {
      const [outcome] = await rig.deliver()
      assert.deepEqual([outcome?.kind, outcome?.reason.code], ['deferred', 'hop-refuses-service'])
    }))
})

describe('a hop that talks without end', () => {
  // 40 MB before anybody knows who it is: it may be somebody on the wire.
  const reply = `${`250-${'x'.repeat(2000)}\r\n`.repeat(200)}250 x\r\n`

  test('is cut off before what it says fills the memory', async () => {
    const hop = await startHop({ greeting: `220 hop.example ESMTP\r\n${reply.repeat(100)}` })
    const connection = await Connection.open('127.0.0.1', hop.port, 5000, new Watch(DEFAULT_TIMEOUTS))
    while (!connection.failed && connection.received <= 100)
      await new Promise((resolve) => setTimeout(resolve, 5))
    const kept: number[] = []
    await assert.rejects(
      async () => {
        for (;;) kept.push((await connection.next(5000, 'greeting')).lines.length)
      },
      (error) => error instanceof DialogueFailed && error.verdict.reason.code === 'too-many-replies',
    )
    assert.ok(kept.length < 10, String(kept.length))
    connection.destroy()
    await hop.close()
  })
})

describe('several addresses', () => {
  test('are tried in order, whatever is wrong with the earlier ones', async () => {
    const refusing = await startHop({ identity: world.good, greeting: '421 4.3.2 too busy\r\n' })
    const wrong = await startHop({ identity: leaf({ names: ['mail.example.com'], issuer: world.root }) })
    const clear = await startHop()
    const good = await startHop({ identity: world.good })
    await withHops([refusing, wrong, clear, good], [await deadAddress()], async (rig) => {
      const [outcome] = await rig.deliver()
      assert.deepEqual([outcome?.kind, outcome?.hop?.port], ['delivered', good.port])
      for (const hop of [refusing, wrong, clear]) assert.equal(hop.heard.length, 0)
    })
  })

  test('when all fail, what an operator must mend is told before what passes by itself', async () => {
    const wrong = await startHop({ identity: leaf({ names: ['mail.example.com'], issuer: world.root }) })
    const busy = await startHop({ identity: world.good, greeting: '421 4.3.2 too busy\r\n' })
    await withHops([wrong, busy], [await deadAddress()], async (rig) => {
      const [outcome] = await rig.deliver()
      assert.deepEqual([outcome?.reason.code, outcome?.hop?.port], ['tls-name-mismatch', wrong.port])
    })
    const banned = await startHop({
      identity: world.good,
      greeting: '550 5.7.606 Access denied, banned sending IP\r\n',
    })
    const silentTls = await startHop({ identity: null })
    await withHops([banned, silentTls], [], async (rig) => {
      assert.equal(await told(rig), 'held 4.7.606 address-banned')
    })
  })

  test('no more than five are tried', async () => {
    const last = await startHop({ identity: world.good })
    const dead = await Promise.all(Array.from({ length: 5 }, deadAddress))
    await withHops([last], dead, async (rig) => {
      assert.equal(await told(rig), 'deferred 4.4.1 connection-refused')
      assert.equal(last.connections.length, 0)
    })
  })

  test('after the hop has begun to take a mail no other address is tried', async () => {
    const first = await startHop({
      identity: world.good,
      answer: (command) => (command.startsWith('RCPT') ? null : undefined),
    })
    const second = await startHop({ identity: world.good })
    await withHops([first, second], [], async (rig) => {
      assert.equal(await told(rig), 'deferred 4.4.2 connection-lost')
      assert.equal(second.connections.length, 0)
    })
  })
})

describe('greeting and EHLO', () => {
  const ehlo =
    (reply: string | null): HopScript['answer'] =>
    (command) =>
      command.startsWith('EHLO') ? reply : undefined
  for (const [name, script, expected] of [
    ['no greeting', { greeting: '' }, 'deferred 4.4.2 reply-timeout'],
    ['another protocol', { greeting: 'SSH-2.0-OpenSSH\r\n' }, 'deferred 4.5.0 reply-bad-code'],
    ['a success of the wrong kind', { greeting: '250 hello\r\n' }, 'deferred 4.0.0 unexpected-reply'],
    ['no service', { greeting: '554 5.3.2 no service\r\n' }, 'deferred 4.3.2 hop-refuses-service'],
    ['our name refused', { answer: ehlo('501 5.5.4 Invalid domain name\r\n') }, 'held 4.5.4 helo-refused'],
    [
      'no EHLO under a policy that demands TLS',
      { answer: ehlo('502 5.5.1 no\r\n') },
      'deferred 4.5.1 hop-refuses-service',
    ],
    ['EHLO dropped', { answer: ehlo(null) }, 'deferred 4.4.2 connection-lost'],
  ] satisfies [string, Partial<HopScript>, string][])
    test(name, () =>
      withRig(script, async (rig) => {
        assert.equal(await told(rig), expected)
        assert.equal(rig.hop.heard.length, 0)
      }),
    )

  test('HELO where the policy allows it: no extension is used', () =>
    withRig({ identity: null, answer: ehlo('502 5.5.1 no\r\n') }, async (rig) => {
      assert.match(await told(rig, { floor: null, route: '[hop.example]' }), /^delivered/)
      assert.deepEqual(
        rig.hop.heard.map(({ mail, by }) => [mail, by]),
        [['MAIL FROM:<alice@contoso.com>', ['DATA']]],
      )
    }))
})

test('a host lookup with a static table that names a port is what the route is reached by', () =>
  withRig({}, async (rig) => {
    const hosts = createHostLookup({ table: new Map([['hop.example', [`127.0.0.1:${rig.hop.port}`]]]) })
    assert.deepEqual(await hosts('hop.example'), [addressAt(rig.hop.port)])
    const [outcome] = await rig.deliver({ route: '[hop.example]:25' })
    assert.equal(outcome?.hop?.port, rig.hop.port)
  }))
