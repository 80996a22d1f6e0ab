/**
 * Tests of TLS towards the next hop: every fault keeps the mail here with a reason of its own and not one octet of it leaves;
 * resumed sessions are judged like new ones; our certificate goes out with its chain.
 */
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { before, describe, test } from 'node:test'
import type { TlsIdentity } from '../../config/ports.ts'
import { authority, leaf } from './testing/certificates.ts'
import { matchName } from './tls-match.ts'
import type { HopScript } from './testing/hop.ts'
import {
  HOP_NAMES,
  makeWorld,
  ROUTE,
  SEED_LINE,
  startRig,
  until,
  type Rig,
  type World,
} from './testing/rig.ts'

const DAY = 86_400_000
let world: World
before(() => {
  world = makeWorld()
})

/** Runs with a rig and closes it. */
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

const SECRET = 'Subject: secret-canary\r\n\r\nsecret-canary\r\n'

async function isDeferred(rig: Rig, code: string) {
  const [outcome] = await rig.deliver({ content: SECRET })
  assert.deepEqual([outcome?.kind, outcome?.reason.code], ['deferred', code], JSON.stringify(outcome))
  assert.match(outcome?.status ?? '', /^4\.7\./)
  assert.equal(rig.hop.heard.length, 0)
  for (const { plain, commands } of rig.hop.connections) {
    assert.ok(!plain.includes('secret-canary'))
    assert.ok(!commands.some((command) => /^(?:MAIL|RCPT|DATA|BDAT)/.test(command)), commands.join())
  }
}

/** Deferred now, delivered when the hop is mended. */
async function isDeferredUntilMended(rig: Rig, code: string) {
  await isDeferred(rig, code)
  rig.hop.script.identity = world.good
  rig.hop.script.answer = () => undefined
  const [outcome] = await rig.deliver({ content: SECRET })
  assert.equal(outcome?.kind, 'delivered')
  assert.equal(rig.hop.heard[0]?.content.toString(), SECRET)
}

const BAD_HOPS: Readonly<Record<string, { code: string; identity: (w: World) => TlsIdentity | null }>> = {
  'no STARTTLS': { code: 'starttls-not-offered', identity: () => null },
  'a wrong name': {
    code: 'tls-name-mismatch',
    identity: (w) => leaf({ names: ['mail.example.com'], issuer: w.root }),
  },
  'the right name only as a common name beside others': {
    code: 'tls-name-mismatch',
    identity: (w) =>
      leaf({ commonName: 'mail.protection.outlook.com', names: ['mail.example.com'], issuer: w.root }),
  },
  'a wildcard that does not reach the name': {
    code: 'tls-name-mismatch',
    identity: (w) => leaf({ names: ['*.mail.protection.outlook.com'], issuer: w.root }),
  },
  'a wildcard that would have to stand for two labels': {
    code: 'tls-name-mismatch',
    identity: (w) => leaf({ names: ['*.outlook.com'], issuer: w.root }),
  },
  'a wildcard that is not the leftmost label': {
    code: 'tls-name-mismatch',
    identity: (w) => leaf({ names: ['mail.*.outlook.com'], issuer: w.root }),
  },
  'a wildcard that is a part of a label': {
    code: 'tls-name-mismatch',
    identity: (w) => leaf({ names: ['m*.protection.outlook.com'], issuer: w.root }),
  },
  'an expired certificate': {
    code: 'tls-certificate-expired',
    identity: (w) =>
      leaf({ names: HOP_NAMES, issuer: w.root, notBefore: Date.now() - 3 * DAY, notAfter: Date.now() - DAY }),
  },
  'a certificate of tomorrow': {
    code: 'tls-certificate-not-yet-valid',
    identity: (w) =>
      leaf({ names: HOP_NAMES, issuer: w.root, notBefore: Date.now() + DAY, notAfter: Date.now() + 3 * DAY }),
  },
  'a self-signed certificate': {
    code: 'tls-certificate-self-signed',
    identity: () => leaf({ names: HOP_NAMES, issuer: null }),
  },
  'a certificate of an unknown authority': {
    code: 'tls-certificate-untrusted',
    identity: () => leaf({ names: HOP_NAMES, issuer: authority('Somebody Else') }),
  },
  'an unknown authority that is sent along': {
    code: 'tls-certificate-untrusted',
    identity: () => {
      const other = authority('Somebody Else')
      return leaf({ names: HOP_NAMES, issuer: other, intermediates: [other.pem] })
    },
  },
  'a chain without its intermediate': {
    code: 'tls-certificate-untrusted',
    identity: (w) => leaf({ names: HOP_NAMES, issuer: w.intermediate }),
  },
  'a certificate for clients only': {
    code: 'tls-certificate-invalid',
    identity: (w) =>
      leaf({ names: HOP_NAMES, issuer: w.root, extensions: { extendedKeyUsage: ['1.3.6.1.5.5.7.3.2'] } }),
  },
}

/** What the map may say about the floor's route: with each of them the floor holds. */
const MAPS = {
  "the how-to's line": SEED_LINE,
  'a mistyped level': SEED_LINE.replace('verify', 'verfy'),
  'a mistyped key': SEED_LINE.replace('outlook', 'outlok'),
  'no line': '',
  'a line that would allow anything': `${ROUTE} none`,
}

describe('a hop that does not satisfy the policy', () => {
  for (const [name, { code, identity }] of Object.entries(BAD_HOPS))
    test(`${name}: the mail waits whatever the map says, and goes when the hop is mended`, () =>
      withRig({ identity: identity(world) }, async (rig) => {
        for (const text of Object.values(MAPS)) {
          rig.settings.maps = new Map([['tls-policy', text]])
          await isDeferred(rig, code)
        }
        rig.hop.script.identity = world.good
        for (const [index, [map, text]] of Object.entries(MAPS).entries()) {
          rig.settings.maps = new Map([['tls-policy', text]])
          assert.equal((await rig.deliver({ content: SECRET }))[0]?.kind, 'delivered', map)
          assert.equal(rig.hop.heard[index]?.content.toString(), SECRET)
        }
      }))

  test('STARTTLS refused', () =>
    withRig({ answer: (command) => (command === 'STARTTLS' ? '454 4.7.0 not now\r\n' : undefined) }, (rig) =>
      isDeferredUntilMended(rig, 'starttls-refused'),
    ))

  test('STARTTLS answered with a permanent code: still only deferred', () =>
    withRig({ answer: (command) => (command === 'STARTTLS' ? '554 5.7.3 never\r\n' : undefined) }, (rig) =>
      isDeferred(rig, 'starttls-refused'),
    ))

  test('rubbish in place of a handshake', () =>
    withRig(
      {
        answer: (command, hop) => {
          if (command !== 'STARTTLS') return undefined
          setTimeout(() => {
            hop.say('not TLS at all, just text\r\n')
          }, 20)
          return '220 go\r\n'
        },
      },
      (rig) => isDeferred(rig, 'tls-handshake-failed'),
    ))

  test('replies slipped in behind the 220 are not taken for said under TLS', () =>
    withRig(
      { answer: (command) => (command === 'STARTTLS' ? '220 go\r\n250-hop\r\n250 CHUNKING\r\n' : undefined) },
      (rig) => isDeferred(rig, 'starttls-plaintext-injected'),
    ))

  test('an unfinished line slipped in behind the 220', () =>
    withRig({ answer: (command) => (command === 'STARTTLS' ? '220 go\r\n250-ho' : undefined) }, (rig) =>
      isDeferred(rig, 'starttls-plaintext-injected'),
    ))

  test('the connection dropped in the handshake', () =>
    withRig({ answer: (command) => (command === 'STARTTLS' ? null : undefined) }, async (rig) => {
      const [outcome] = await rig.deliver({ content: SECRET })
      assert.deepEqual([outcome?.kind, outcome?.reason.code], ['deferred', 'connection-lost'])
    }))

  test('a handshake that never ends', () =>
    withRig(
      {
        answer: (command, hop) => {
          if (command !== 'STARTTLS') return undefined
          hop.socket.removeAllListeners('data')
          return '220 go\r\n'
        },
      },
      async (rig) => {
        const [outcome] = await rig.deliver({ content: SECRET })
        assert.deepEqual(
          [outcome?.kind, outcome?.reason.code, outcome?.reason.arguments['stage']],
          ['deferred', 'reply-timeout', 'tls'],
        )
      },
    ))

  test('an old protocol version where the line asks for a newer one', () =>
    withRig({ maxVersion: 'TLSv1.2' }, async (rig) => {
      rig.settings.maps = new Map([['tls-policy', `${SEED_LINE} protocols=>=TLSv1.3`]])
      await isDeferred(rig, 'tls-handshake-failed')
      rig.settings.maps = new Map([['tls-policy', `${SEED_LINE} protocols=TLSv1.2`]])
      assert.equal((await rig.deliver())[0]?.kind, 'delivered')
    }))

  test('what was offered before TLS does not count', () =>
    withRig({}, async (rig) => {
      rig.hop.script.answer = (command, hop) =>
        command.startsWith('EHLO') && hop.secured !== null ? '250-hop\r\n250 PIPELINING\r\n' : undefined
      await rig.deliver()
      assert.deepEqual(rig.hop.heard[0]?.by, ['DATA'])
    }))
})

describe('lines that tighten or cannot be met', () => {
  const withLine = (
    line: string,
    run: (rig: Rig) => Promise<void>,
    options: Parameters<typeof startRig>[2] = {},
  ) =>
    withRig(
      {},
      async (rig) => {
        rig.settings.maps = new Map([['tls-policy', line]])
        await run(rig)
      },
      options,
    )

  test('a second name must match too', async () => {
    await withLine(`${ROUTE} verify match=contoso-com.mail.protection.outlook.com`, async (rig) => {
      const [outcome] = await rig.deliver()
      assert.equal(outcome?.kind, 'delivered')
      assert.deepEqual(
        [outcome.hop?.tls?.verified, outcome.hop?.tls?.name],
        [true, '*.mail.protection.outlook.com'],
      )
    })
    await withLine(`${ROUTE} verify match=mail.example.com`, (rig) => isDeferred(rig, 'tls-name-mismatch'))
  })

  test('secure without match asks for the next hop', () =>
    withLine(`${ROUTE} secure`, async (rig) => {
      assert.equal((await rig.deliver())[0]?.kind, 'delivered')
    }))

  test('dane-only waits without DNSSEC', () =>
    withLine(`${ROUTE} dane-only`, (rig) => isDeferred(rig, 'tls-dane-not-available')))

  test('a fingerprint of the certificate or of its key, beside the floor', async () => {
    const certificate = new X509Certificate(world.good.chain)
    const key = createHash('sha256')
      .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex')
    await withLine(`${ROUTE} fingerprint match=${certificate.fingerprint256}`, async (rig) => {
      assert.equal((await rig.deliver())[0]?.kind, 'delivered')
    })
    await withLine(`${ROUTE} fingerprint match=${'00'.repeat(32)}|${key}`, async (rig) => {
      assert.equal((await rig.deliver())[0]?.kind, 'delivered')
    })
    await withLine(`${ROUTE} fingerprint match=${'00'.repeat(32)}`, (rig) =>
      isDeferred(rig, 'tls-fingerprint-mismatch'),
    )
  })

  test('a tafile narrows the anchors and never widens them', async () => {
    const line = `${SEED_LINE} tafile=/ta.pem`
    const reading = (pem: string) => ({ readAnchorFile: () => Promise.resolve(pem) })
    await withLine(
      line,
      async (rig) => {
        assert.equal((await rig.deliver())[0]?.kind, 'delivered')
      },
      reading(world.root.pem),
    )
    const other = authority('Another Root')
    await withLine(line, (rig) => isDeferred(rig, 'tls-policy-unusable'), reading(other.pem))
    await withLine(
      line,
      async (rig) => {
        rig.settings.tlsAnchors = [world.root.pem, other.pem]
        await isDeferred(rig, 'tls-certificate-untrusted')
      },
      reading(other.pem),
    )
    await withLine(line, (rig) => isDeferred(rig, 'tls-policy-unusable'), reading('no certificate'))
    await withLine(line, (rig) => isDeferred(rig, 'tls-policy-unusable'))
  })

  test('ciphers that do not exist', () =>
    withLine(`${SEED_LINE} protocols=TLSv1.2 exclude=ALL`, (rig) => isDeferred(rig, 'tls-policy-unusable')))

  test('a map that is too large leaves the floor', () =>
    withLine('x'.repeat(5_000_000), async (rig) => {
      assert.equal((await rig.deliver())[0]?.kind, 'delivered')
      rig.hop.script.identity = null
      rig.settings.tlsAnchors = [world.root.pem]
      await rig.deliver({ tenantId: 't2' }).then(([outcome]) => {
        assert.equal(outcome?.reason.code, 'starttls-not-offered')
      })
    }))
})

describe('without a floor', () => {
  test('may goes in clear where no TLS is offered or the handshake breaks', () =>
    withRig({ identity: null }, async (rig) => {
      rig.settings.maps = new Map()
      const [outcome] = await rig.deliver({ floor: null, route: '[hop.example]' })
      assert.deepEqual([outcome?.kind, outcome?.hop?.tls], ['delivered', null])
      rig.hop.script.identity = world.good
      rig.hop.script.answer = (command, hop) => {
        if (command !== 'STARTTLS') return undefined
        setTimeout(() => {
          hop.say('no handshake here\r\n')
        }, 10)
        return '220 go\r\n'
      }
      const [second] = await rig.deliver({ floor: null, route: '[hop.example]', tenantId: 't2' })
      assert.deepEqual([second?.kind, second?.hop?.tls], ['delivered', null])
    }))

  for (const [name, reply, end] of [
    ['is refused', '454 4.7.0 not now\r\n', false],
    ['is refused for good', '502 5.5.1 never\r\n', false],
    ['is granted and the connection closed', '220 go\r\n', true],
  ] as const)
    test(`may goes in clear where STARTTLS ${name}, encrypt does not`, () =>
      withRig(
        {
          answer: (command, hop) => {
            if (command !== 'STARTTLS') return undefined
            if (end) hop.socket.once('data', () => hop.socket.destroy())
            return reply
          },
        },
        async (rig) => {
          for (const [level, expected] of [
            ['may', 'delivered'],
            ['encrypt', 'deferred'],
          ] as const) {
            rig.settings.maps = new Map([['tls-policy', `[hop.example] ${level}`]])
            const [outcome] = await rig.deliver({ floor: null, route: '[hop.example]' })
            assert.equal(outcome?.kind, expected)
          }
          assert.equal(rig.hop.heard.length, 1)
        },
      ))

  test('an address is matched by an address in the certificate, never by a name', () => {
    const addressed = new X509Certificate(
      leaf({ names: ['127.0.0.2'], issuer: null, extensions: { ipAddresses: ['127.0.0.1'] } }).chain,
    )
    assert.equal(matchName(addressed, ['127.0.0.1']), '127.0.0.1')
    assert.equal(matchName(addressed, ['127.0.0.2']), undefined)
    assert.equal(matchName(addressed, ['.0.0.1']), undefined)
  })

  test('encrypt takes any certificate, none takes no TLS, a broken line takes nothing', () =>
    withRig({ identity: leaf({ names: ['other.example'], issuer: null }) }, async (rig) => {
      const deliver = async (line: string) => {
        rig.settings.maps = new Map([['tls-policy', `[hop.example] ${line}`]])
        const [outcome] = await rig.deliver({ floor: null, route: '[hop.example]' })
        return [
          outcome?.kind,
          outcome?.hop?.tls === null ? 'clear' : outcome?.hop?.tls?.verified,
          outcome?.reason.code,
        ]
      }
      assert.deepEqual(await deliver('encrypt'), ['delivered', false, 'accepted'])
      assert.deepEqual(await deliver('none'), ['delivered', 'clear', 'accepted'])
      assert.deepEqual(await deliver('may'), ['delivered', false, 'accepted'])
      assert.deepEqual((await deliver('encrpyt'))[2], 'tls-policy-unusable')
      assert.deepEqual((await deliver('verify'))[2], 'tls-certificate-self-signed')
    }))
})

describe('our certificate', () => {
  test('is presented with its chain and verified by the hop', () =>
    withRig({ clientAnchors: world.root.pem }, async (rig) => {
      await rig.deliver()
      const socket = rig.hop.connections[0]?.secured
      assert.ok(socket)
      const presented = socket.getPeerX509Certificate()
      assert.equal(presented?.subjectAltName, 'DNS:gw.contoso.com')
      assert.equal(
        presented.issuerCertificate?.fingerprint256,
        new X509Certificate(world.intermediate.pem).fingerprint256,
      )
    }))

  test("is the tenant's own, never another's", () =>
    withRig({ clientAnchors: world.root.pem }, async (rig) => {
      rig.settings.clientIdentities = new Map([
        ['t1', world.client],
        ['t2', leaf({ names: ['gw.fabrikam.com'], issuer: world.root })],
      ])
      await rig.deliver()
      await rig.deliver({ tenantId: 't2' })
      await rig.deliver({ tenantId: 't3' })
      assert.deepEqual(
        rig.hop.connections.map(({ secured }) => secured?.getPeerX509Certificate()?.subjectAltName),
        ['DNS:gw.contoso.com', 'DNS:gw.fabrikam.com', undefined],
      )
    }))

  test('an identity that OpenSSL cannot use defers', () =>
    withRig({}, async (rig) => {
      rig.settings.clientIdentities = new Map([['t1', { chain: 'x', key: 'y', names: [] }]])
      await isDeferred(rig, 'tls-policy-unusable')
    }))
})

describe('resumed sessions', () => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`${maxVersion}: a session is resumed, and never by another tenant`, () =>
      withRig(
        { maxVersion },
        async (rig) => {
          for (const tenantId of ['t1', 't1', 't2'])
            assert.equal((await rig.deliver({ tenantId }))[0]?.kind, 'delivered')
          assert.deepEqual(
            rig.hop.connections.map(({ resumed }) => resumed),
            [false, true, false],
          )
        },
        { keep: { mails: 1 } },
      ))

    test(`${maxVersion}: the policy of now is checked, not that of the first handshake`, () =>
      withRig(
        { maxVersion },
        async (rig) => {
          await rig.deliver()
          rig.settings.maps = new Map([['tls-policy', `${ROUTE} verify match=mail.example.com`]])
          const [outcome] = await rig.deliver()
          await until(() => rig.hop.connections.every(({ resumed }) => resumed !== null))
          assert.deepEqual(
            rig.hop.connections.map(({ resumed }) => resumed),
            [false, true, false],
          )
          assert.deepEqual([outcome?.kind, outcome?.reason.code], ['deferred', 'tls-name-mismatch'])
          assert.equal(rig.hop.heard.length, 1)
        },
        { keep: { mails: 1 } },
      ))

    test(`${maxVersion}: a certificate that expired meanwhile`, () => {
      let now = Date.now()
      return withRig(
        { maxVersion, identity: leaf({ names: HOP_NAMES, issuer: world.root, notAfter: now + 3_600_000 }) },
        async (rig) => {
          await rig.deliver()
          now += 3_500_000
          assert.equal((await rig.deliver())[0]?.kind, 'delivered')
          assert.equal(rig.hop.connections[1]?.resumed, true)
          now += 200_000
          const [outcome] = await rig.deliver()
          assert.deepEqual([outcome?.kind, outcome?.reason.code], ['deferred', 'tls-certificate-expired'])
        },
        { keep: { mails: 1 }, now: () => now },
      )
    })

    test(`${maxVersion}: an anchor that is no longer trusted`, () =>
      withRig(
        { maxVersion },
        async (rig) => {
          await rig.deliver()
          rig.settings.tlsAnchors = [authority('Somebody Else').pem]
          const [outcome] = await rig.deliver()
          assert.deepEqual([outcome?.kind, outcome?.reason.code], ['deferred', 'tls-certificate-untrusted'])
          assert.equal(rig.hop.connections[1]?.resumed ?? false, false)
        },
        { keep: { mails: 1 } },
      ))
  }

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`${maxVersion}: a hop that fails when a session is offered gets the mail without one, in the same attempt`, () =>
      withRig(
        { maxVersion, clientAnchors: world.root.pem, sessionIdContext: null },
        async (rig) => {
          for (let mails = 1; mails <= 3; mails++) {
            const [outcome] = await rig.deliver()
            assert.equal(outcome?.kind, 'delivered', JSON.stringify(outcome))
            assert.equal(rig.hop.heard.length, mails)
          }
          // The first keeps sessions; each later mail offers one, fails, forgets all of them and comes back with none.
          assert.deepEqual(
            rig.hop.connections.map(({ resumed }) => resumed),
            [false, null, false, null, false],
          )
        },
        { keep: { mails: 1 } },
      ))

    test(`${maxVersion}: a hop that fails without a session too is left after two connections`, () =>
      withRig(
        { maxVersion, clientAnchors: world.root.pem, sessionIdContext: null },
        async (rig) => {
          await rig.deliver()
          rig.hop.script.answer = (command, { number, socket }) => {
            if (command !== 'STARTTLS' || number < 2) return undefined
            socket.write('220 2.0.0 ready\r\n')
            return null
          }
          const [outcome] = await rig.deliver({ content: SECRET })
          assert.equal(outcome?.kind, 'deferred')
          assert.equal(rig.hop.connections.length, 3)
          assert.equal(rig.hop.heard.length, 1)
        },
        { keep: { mails: 1 } },
      ))
  }

  test('a pinned certificate is looked at anew when the remembered one no longer fits', () =>
    withRig(
      {},
      async (rig) => {
        await rig.deliver()
        const renewed = leaf({ names: HOP_NAMES, issuer: world.root })
        const pin = new X509Certificate(renewed.chain).fingerprint256
        rig.settings.maps = new Map([['tls-policy', `${ROUTE} fingerprint match=${pin}`]])
        rig.hop.script.identity = renewed
        const [outcome] = await rig.deliver()
        assert.equal(outcome?.kind, 'delivered', JSON.stringify(outcome))
      },
      { keep: { mails: 1 } },
    ))

  test('a hop that failed the check leaves no session to resume', () =>
    withRig({ identity: leaf({ names: ['mail.example.com'], issuer: world.root }) }, async (rig) => {
      await rig.deliver()
      await rig.deliver()
      await until(() => rig.hop.connections.every(({ resumed }) => resumed !== null))
      assert.deepEqual(
        rig.hop.connections.map(({ resumed }) => resumed),
        [false, false],
      )
    }))
})
