import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Settings } from '../config/ports.ts'
import type { Envelope } from '../mail/envelope.ts'
import { writeMarker } from '../mail/marker.ts'
import type { Peer } from '../mail/message.ts'
import type { Tenant } from '../mail/tenant.ts'
import { hashOfMark } from './round-trip-mark.ts'
import { createAttributor } from './attribution.ts'

const NOW = 1_795_000_000_000
const CONTOSO = '11111111-2222-3333-4444-555555555555'
const FABRIKAM = '99999999-2222-3333-4444-555555555555'
/** An organisation that is no tenant of the gateway. */
const STRANGER = '77777777-2222-3333-4444-555555555555'

function tenant(id: string, change: Partial<Tenant>): Tenant {
  return {
    id,
    name: id,
    microsoftTenantId: CONTOSO,
    acceptedDomains: ['contoso.example'],
    fqdn: 'smime.contoso.example',
    preset: 'recommended',
    secretHeader: {
      name: 'X-Gate-Secret',
      outbound: ['secretoutsecretout', 'oldsecretoldsecret'],
      inbound: ['secretinsecretin'],
      retired: null,
    },
    processedHeader: { name: 'X-Gate-Done', outbound: ['doneout'], inbound: ['donein'] },
    route: '[contoso.mail.protection.outlook.com]:25',
    outboundDelivery: 'office365',
    removeOwnDkim: true,
    initialDomain: null,
    arcSealing: null,
    dkimSigning: [],
    validation: null,
    roundTrip: null,
    onboarding: null,
    rotating: false,
    markerKey: Buffer.alloc(32, 1),
    postmaster: null,
    ...change,
  }
}

const TENANTS = [
  tenant('contoso', {}),
  tenant('fabrikam', {
    microsoftTenantId: FABRIKAM,
    acceptedDomains: ['fabrikam.example'],
    fqdn: 'smime.fabrikam.example',
    preset: 'as-documented',
    secretHeader: null,
    markerKey: Buffer.alloc(32, 2),
  }),
]

const SETTINGS: Settings = {
  version: 1,
  tenants: new Map(TENANTS.map((entry) => [entry.id, entry])),
  maps: new Map(),
  serverIdentities: [],
  clientIdentities: new Map(),
  addressRanges: ['40.92.0.0/15'],
  office365Ranges: false,
  tlsAnchors: [],
  mailAnchors: new Map(),
  trust: new Map(),
  directoryAges: new Map(),
  treatment: new Map(),
  rules: new Map(),
  directories: new Map(),
  harvest: new Map(),
  acmeIssuers: [],
}

const EXCHANGE: Peer = {
  address: '40.92.1.1',
  port: 1,
  helo: 'x.outbound.protection.outlook.com',
  tls: {
    version: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    serverName: null,
    certificate: {
      commonNames: ['mail.protection.outlook.com'],
      dnsNames: [],
      trusted: true,
      trustError: null,
      fingerprint: 'aa',
    },
  },
}

function envelope(...addresses: string[]): Envelope {
  return {
    sender: 'alice@contoso.example',
    smtpUtf8: false,
    body: null,
    returnContent: null,
    envelopeId: null,
    recipients: addresses.map((address) => ({ address, notify: null, originalRecipient: null })),
  }
}

const header = (...lines: string[]) => Buffer.from([...lines, '', ''].join('\r\n'))
const attributor = createAttributor(SETTINGS)
const ask = (lines: string[], to: string[], peer: Peer = EXCHANGE) =>
  attributor.attribute(peer, envelope(...to), header(...lines), NOW)

function refusalOf(lines: string[], to: string[], peer?: Peer): string {
  const result = ask(lines, to, peer)
  assert.equal(result.kind, 'refused')
  // One generic answer to the outside, whatever the reason.
  assert.deepEqual(
    [result.refusal.code, result.refusal.enhanced, result.refusal.text],
    [550, '5.7.1', 'Not authorized'],
  )
  return result.refusal.reason
}

function partsOf(lines: string[], to: string[]) {
  const result = ask(lines, to)
  assert.equal(result.kind, 'attributed', JSON.stringify(result))
  return result.parts
}

const ID = `X-MS-Exchange-CrossTenant-Id: ${CONTOSO}`
const OUT = 'X-Gate-Secret: out:secretoutsecretout'

describe('attribution with the recommended preset', () => {
  it('takes secret and tenant id, and the secret gives the direction', () => {
    const [part, ...more] = partsOf([ID, OUT], ['bob@partner.example'])
    assert.deepEqual(more, [])
    assert.deepEqual(
      [part?.attribution.tenantId, part?.attribution.direction, part?.fqdn],
      ['contoso', 'outbound', 'smime.contoso.example'],
    )
    const [inbound] = partsOf([ID, 'X-Gate-Secret: in:secretinsecretin'], ['alice@contoso.example'])
    assert.equal(inbound?.attribution.direction, 'inbound')
  })

  it('refuses a header section with too many fields for good: it would be the same at every attempt', () => {
    const many = Array.from({ length: 100_001 }, () => 'a:')
    assert.equal(refusalOf([ID, ...many], ['bob@partner.example']), 'header-not-readable')
  })

  it('tells mail with the new secret while secrets are changed, and takes a retired one until its time', () => {
    const secretHeader = {
      name: 'X-Gate-Secret',
      outbound: ['secretoutsecretout', 'oldsecretoldsecret'],
      inbound: ['secretinsecretin'],
      retired: { outbound: ['gonesecretgonesecret'], inbound: [], until: NOW + 1000 },
    }
    const settings = (rotating: boolean): Settings => ({
      ...SETTINGS,
      tenants: new Map([['contoso', tenant('contoso', { secretHeader, rotating })]]),
    })
    const verdict = (value: string, rotating: boolean, now = NOW) => {
      const lines = header(ID, `X-Gate-Secret: out:${value}`)
      const result = createAttributor(settings(rotating)).attribute(
        EXCHANGE,
        envelope('bob@partner.example'),
        lines,
        now,
      )
      if (result.kind !== 'attributed') return result.kind === 'refused' ? result.refusal.reason : result.kind
      return result.parts[0]?.attribution.factors.includes('new-secret') === true ? 'new' : 'taken'
    }
    assert.deepEqual(
      [
        verdict('secretoutsecretout', true),
        verdict('oldsecretoldsecret', true),
        verdict('secretoutsecretout', false),
        verdict('gonesecretgonesecret', true),
        verdict('gonesecretgonesecret', true, NOW + 999),
        verdict('gonesecretgonesecret', true, NOW + 1000),
      ],
      ['new', 'taken', 'taken', 'taken', 'taken', 'secret-header-wrong'],
    )
  })

  it('takes the older secret during a rotation', () => {
    assert.equal(partsOf([ID, 'X-Gate-Secret: out:oldsecretoldsecret'], ['b@partner.example']).length, 1)
  })

  for (const [name, lines, reason] of [
    ['no secret', [ID], 'secret-header-missing'],
    ['a wrong secret', [ID, 'X-Gate-Secret: out:wrong'], 'secret-header-wrong'],
    [
      'the secret of the other direction',
      [ID, 'X-Gate-Secret: in:secretoutsecretout'],
      'secret-header-wrong',
    ],
    ['the secret twice', [ID, OUT, OUT], 'secret-header-repeated'],
    ['a second, wrong secret', [ID, OUT, 'x-gate-secret: out:x'], 'secret-header-repeated'],
    ['no tenant id', [OUT], 'tenant-id-missing'],
    [
      'the tenant id of another tenant',
      [`X-MS-Exchange-CrossTenant-Id: ${FABRIKAM}`, OUT],
      'tenant-id-missing',
    ],
    ['the tenant id twice', [ID, ID, OUT], 'tenant-id-repeated'],
    [
      'an unknown tenant id',
      ['X-MS-Exchange-CrossTenant-Id: 00000000-0000-0000-0000-000000000000'],
      'tenant-unknown',
    ],
    ['nothing at all', ['Subject: x'], 'tenant-unknown'],
  ] as const)
    it(`refuses ${name}`, () => {
      assert.equal(refusalOf([...lines], ['bob@partner.example']), reason)
    })

  it('refuses inbound mail for a recipient outside: never an open relay', () => {
    assert.equal(
      refusalOf([ID, 'X-Gate-Secret: in:secretinsecretin'], ['bob@partner.example']),
      'recipient-outside',
    )
  })
})

describe('attribution as documented', () => {
  const fabrikam = `X-MS-Exchange-CrossTenant-Id: ${FABRIKAM}`

  it('takes the direction from the recipients and splits a mixed envelope', () => {
    const parts = partsOf([fabrikam], ['in@fabrikam.example', 'out@partner.example', 'IN2@FABRIKAM.EXAMPLE'])
    assert.deepEqual(
      parts.map((part) => [part.attribution.direction, part.recipients]),
      [
        ['outbound', [1]],
        ['inbound', [0, 2]],
      ],
    )
  })

  it('refuses a missing or repeated tenant id', () => {
    assert.equal(refusalOf([], ['in@fabrikam.example']), 'tenant-unknown')
    assert.equal(refusalOf([fabrikam, fabrikam], ['in@fabrikam.example']), 'tenant-id-repeated')
  })
})

describe('a DKIM signature in the place of the tenant id', () => {
  const sign = (domain: string, more = '') =>
    `DKIM-Signature: v=1; a=rsa-sha256; d=${domain}; s=selector1;${more} h=From:Date; bh=x; b=y`
  const own = sign('fabrikam.example')
  const FROM = 'From: a@fabrikam.example'
  const asked = (lines: string[], to: string[], by = attributor) => {
    const result = by.attribute(EXCHANGE, envelope(...to), header(...lines), NOW)
    return result.kind === 'refused' ? result.refusal.reason : result
  }
  const OUTSIDE = ['b@partner.example']

  it('as documented: outbound mail waits for the proof, with the factors that it will have', () => {
    const result = asked([own, FROM, sign('partner.example')], OUTSIDE)
    assert.ok(typeof result === 'object' && result.kind === 'proof-needed')
    assert.deepEqual(result.proof.domains, ['fabrikam.example'])
    assert.equal(result.proof.header.toString(), [own, FROM, '', ''].join('\r\n'))
    assert.deepEqual(
      result.parts.map(({ attribution: { tenantId, direction, factors } }) => [
        tenantId,
        direction,
        factors.join(' '),
      ]),
      [['fabrikam', 'outbound', 'address-range client-certificate tenant-dkim']],
    )
  })

  it('as documented: never for mail to the inside, in part or whole', () => {
    assert.equal(asked([own, FROM], ['in@fabrikam.example']), 'recipient-inside')
    assert.equal(asked([own, FROM], ['in@fabrikam.example', ...OUTSIDE]), 'recipient-inside')
  })

  it('is not looked at where a tenant id stands, whosever it is', () => {
    const right = asked([own, FROM, `X-MS-Exchange-CrossTenant-Id: ${FABRIKAM}`], OUTSIDE)
    assert.equal(typeof right === 'object' && right.kind, 'attributed')
    const unknown = 'X-MS-Exchange-CrossTenant-Id: 00000000-0000-0000-0000-000000000000'
    assert.equal(asked([own, FROM, unknown], OUTSIDE), 'tenant-unknown')
    assert.equal(asked([own, FROM, 'X-MS-Exchange-CrossTenant-Id:'], OUTSIDE), 'tenant-unknown')
    assert.equal(asked([OUT, sign('contoso.example'), `X-MS-Exchange-CrossTenant-Id: ${FABRIKAM}`], OUTSIDE), 'tenant-id-missing') // prettier-ignore
  })

  it('recommended: beside the secret, which gives the direction, and never without it', () => {
    const by = sign('contoso.example')
    const result = asked([OUT, by, FROM], OUTSIDE)
    assert.ok(typeof result === 'object' && result.kind === 'proof-needed')
    assert.deepEqual(result.parts[0]?.attribution.factors, ['address-range', 'client-certificate', 'secret-header', 'tenant-dkim']) // prettier-ignore
    const inbound = asked(['X-Gate-Secret: in:secretinsecretin', by, FROM], ['alice@contoso.example'])
    assert.ok(typeof inbound === 'object' && inbound.kind === 'proof-needed')
    assert.equal(inbound.parts[0]?.attribution.direction, 'inbound')
    assert.equal(asked([by, FROM], OUTSIDE), 'tenant-unknown')
    // The signature of another tenant does not help a secret.
    assert.equal(asked([OUT, own, FROM], OUTSIDE), 'tenant-id-missing')
  })

  it('of several tenants: the newest counts, and only that tenant is proved', () => {
    const third = tenant('third', { acceptedDomains: ['third.example'], initialDomain: 'third.onmicrosoft.com', preset: 'as-documented', secretHeader: null }) // prettier-ignore
    const by = createAttributor({ ...SETTINGS, tenants: new Map([...SETTINGS.tenants, ['third', third]]) })
    const result = asked([sign('THIRD.onmicrosoft.com'), sign('third.example'), own, FROM], OUTSIDE, by)
    assert.ok(typeof result === 'object' && result.kind === 'proof-needed')
    assert.deepEqual(result.proof.domains, ['third.onmicrosoft.com', 'third.example'])
    assert.equal(result.parts[0]?.attribution.tenantId, 'third')
  })

  for (const [what, lines, reason] of [
    ['of a domain below', [sign('sub.fabrikam.example'), FROM], 'tenant-unknown'],
    ['with l=', [sign('fabrikam.example', ' l=10;'), FROM], 'dkim-body-not-covered'],
    ['without From in h=', [own.replace('From:', ''), FROM], 'dkim-from-not-covered'],
    ['and two From fields', [own, FROM, FROM], 'dkim-field-doubled'],
    [
      'and two Content-Type fields',
      [own, FROM, 'Content-Type: a/b', 'content-TYPE : c/d'],
      'dkim-field-doubled',
    ],
  ] as const)
    it(`proves nothing: ${what}`, () => {
      assert.equal(asked([...lines], OUTSIDE), reason)
    })
})

describe('the peer', () => {
  const withCertificate = (change: object): Peer => {
    assert.ok(EXCHANGE.tls?.certificate)
    return { ...EXCHANGE, tls: { ...EXCHANGE.tls, certificate: { ...EXCHANGE.tls.certificate, ...change } } }
  }
  const lines = [ID, OUT]
  it('must come from a configured range', () => {
    assert.equal(
      refusalOf(lines, ['b@partner.example'], { ...EXCHANGE, address: '10.0.0.1' }),
      'address-range',
    )
    assert.equal(attributor.screen('10.0.0.1')?.enhanced, '5.7.1')
    assert.equal(attributor.screen('40.93.0.1'), null)
  })
  it('must present a trusted certificate of Exchange Online', () => {
    assert.ok(EXCHANGE.tls)
    const without = { ...EXCHANGE, tls: { ...EXCHANGE.tls, certificate: null } }
    assert.equal(refusalOf(lines, ['b@partner.example'], without), 'client-certificate-missing')
    assert.equal(
      refusalOf(lines, ['b@partner.example'], { ...EXCHANGE, tls: null }),
      'client-certificate-missing',
    )
    assert.equal(
      refusalOf(lines, ['b@partner.example'], withCertificate({ trusted: false })),
      'client-certificate-untrusted',
    )
    assert.equal(
      refusalOf(
        lines,
        ['b@partner.example'],
        withCertificate({ commonNames: ['mail.protection.outlook.com.evil.example'] }),
      ),
      'client-certificate-name',
    )
  })
})

describe('header fields that do not go on', () => {
  const removedOf = (lines: string[], to = 'b@partner.example') =>
    partsOf(lines, [to])[0]?.attribution.removedFields.map(({ index, reason }) => [index, reason])

  it('removes secret, own and processed fields and results in our name, and nothing else', () => {
    const removed = removedOf([
      ID,
      OUT,
      'X-Siegel-Pass: forged',
      'X-Gate-Done: doneout',
      'Authentication-Results: (x) smime.contoso.example 1; smime=pass',
      'Authentication-Results: other.example; spf=pass',
      'X-MS-Exchange-Organization-AuthAs: Internal',
      'X-Gate-Secret-Not: kept',
    ])
    assert.deepEqual(removed, [
      [1, 'secret-header'],
      [2, 'own-header'],
      [3, 'own-header'],
      [4, 'own-authserv-id'],
    ])
  })

  // RFC 8601 5: whatever another reader of the field would take for our name
  const CLAIMS: Readonly<Record<string, string>> = {
    plain: 'Authentication-Results: smime.contoso.example; smime=pass',
    'in capitals': 'AUTHENTICATION-RESULTS: SMIME.Contoso.Example; smime=pass',
    'with a version': 'Authentication-Results: smime.contoso.example 1; smime=pass',
    'with a version behind a slash': 'Authentication-Results: smime.contoso.example/1; smime=pass',
    'without results': 'Authentication-Results: smime.contoso.example',
    'with white space before the colon': 'Authentication-Results \t: smime.contoso.example; smime=pass',
    folded: 'Authentication-Results:\r\n smime.contoso.example;\r\n smime=pass',
    'folded twice, with tabs': 'Authentication-Results: \r\n\t \r\n\tsmime.contoso.example\r\n\t; smime=pass',
    'folded by a bare LF': 'Authentication-Results:\n smime.contoso.example; smime=pass',
    'behind comments': 'Authentication-Results: (a (b) \\) c)(d)\r\n (e) smime.contoso.example; smime=pass',
    'before a comment': 'Authentication-Results: smime.contoso.example(x); smime=pass',
    quoted: 'Authentication-Results: "smime.contoso.example"; smime=pass',
    'quoted with escapes': 'Authentication-Results: "smime\\.contoso.ex\\ample"; smime=pass',
    'quoted and folded': 'Authentication-Results:\r\n "smime.contoso.example"; smime=pass',
    'with a quote that never ends': 'Authentication-Results: "smime.contoso.example; smime=pass',
    'with a comment that never ends': 'Authentication-Results: (x smime.contoso.example; smime=pass',
    'with a dot at the end': 'Authentication-Results: smime.contoso.example.; smime=pass',
    'behind odd characters': 'Authentication-Results: ;smime.contoso.example; smime=pass',
  }
  for (const [form, line] of Object.entries(CLAIMS))
    it(`results in our name, ${form}`, () => {
      assert.deepEqual(removedOf([ID, OUT, line]), [[1, 'secret-header'], [2, 'own-authserv-id']]) // prettier-ignore
    })

  for (const line of [
    'Authentication-Results: other.example (smime.contoso.example); spf=pass',
    'Authentication-Results: other.example; x=smime.contoso.example',
    'Authentication-Results: xsmime.contoso.example; spf=pass',
    'Authentication-Results: smime.contoso.example.evil.example; spf=pass',
    'Authentication-Results: contoso.example; spf=pass',
    'Authentication-Results: spf=fail (sender ip) smtp.mailfrom=smime.contoso.example; dkim=none',
    'Authentication-Results-X: smime.contoso.example; smime=pass',
    'ARC-Authentication-Results: i=1; smime.contoso.example; smime=pass',
  ])
    it(`results of others stay: ${line}`, () => {
      assert.deepEqual(removedOf([ID, OUT, line]), [[1, 'secret-header']])
    })

  it('removes doubled and internal-claiming Exchange fields on the inbound leg only', () => {
    const forged = [
      'X-MS-Exchange-CrossPremises-AuthAs: Internal',
      'X-MS-Exchange-CrossPremises-AuthSource: evil',
      'X-MS-Exchange-CrossPremises-SCL: -1',
      'X-MS-Exchange-Organization-SCL: 1',
      'X-MS-Exchange-Organization-SCL: -1',
    ]
    const inbound = removedOf([ID, 'X-Gate-Secret: in:secretinsecretin', ...forged], 'alice@contoso.example')
    assert.deepEqual(inbound, [
      [1, 'secret-header'],
      [2, 'internal-author-claimed'],
      [3, 'internal-author-claimed'],
      [5, 'internal-header-repeated'],
      [6, 'internal-header-repeated'],
    ])
    assert.deepEqual(removedOf([ID, OUT, ...forged]), [[1, 'secret-header']])
  })
})

describe('earlier passes', () => {
  const mailId = '01JZZZZZZZZZZZZZZZZZZZZZZZ'
  const marker = (
    direction: 'outbound' | 'inbound',
    passes: number,
    key = Buffer.alloc(32, 1),
    id = 'contoso',
  ) => writeMarker(key, id, { direction, passes, mailId }, NOW).toString().trim()
  const passes = (...lines: string[]) =>
    partsOf([ID, OUT, ...lines], ['b@partner.example'])[0]?.attribution.earlierPasses

  it('counts our own markers of the same tenant and direction', () => {
    assert.equal(passes(), 0)
    assert.equal(passes(marker('outbound', 1), marker('outbound', 2)), 2)
    assert.equal(passes(marker('inbound', 1)), 0)
    assert.equal(passes(marker('outbound', 1, Buffer.alloc(32, 2), 'fabrikam')), 0)
    assert.equal(passes('X-Siegel-Pass: v=1; d=outbound; n=5; forged'), 0)
  })
})

describe('the window for connector validation', () => {
  const SENDER = 'O365ConnectorValidation@contoso.example'
  const OPENED = NOW - 60_000
  const withWindow = (validation: Tenant['validation']) =>
    createAttributor({
      ...SETTINGS,
      tenants: new Map(
        TENANTS.map((entry) => [entry.id, entry.id === 'contoso' ? { ...entry, validation } : entry]),
      ),
    })
  const open = withWindow({
    openedAt: OPENED,
    recipients: ['Admin@contoso.example', 'probe@partner.example'],
  })
  const probe = (
    { sender = SENDER, to = ['admin@contoso.example'], lines = ['Subject: test'], at = NOW, by = open },
    peer: Peer = EXCHANGE,
  ) => {
    const result = by.attribute(peer, { ...envelope(...to), sender }, header(...lines), at)
    return result.kind === 'attributed'
      ? result.parts.map(({ attribution: { tenantId, direction, factors } }) =>
          [tenantId, direction, factors.at(-1)].join(' '),
        )
      : [result.kind === 'refused' ? result.refusal.reason : result.kind]
  }
  const LET_IN = ['contoso outbound validation-window']

  it('lets the test mail in, to the addresses named', () => {
    assert.deepEqual(probe({}), LET_IN)
    assert.deepEqual(probe({ to: ['admin@contoso.example', 'probe@partner.example'] }), LET_IN)
    assert.deepEqual(probe({ lines: [ID] }), LET_IN)
    assert.deepEqual(probe({ at: OPENED + 3_599_999 }), LET_IN)
  })

  it('lets nothing else in', () => {
    const closed = withWindow(null)
    for (const refused of [
      { at: OPENED + 3_600_000 },
      { at: OPENED - 1 },
      { by: closed },
      { to: ['admin@contoso.example', 'other@contoso.example'] },
      { sender: 'O365ConnectorValidation@fabrikam.example' },
      { sender: 'O365ConnectorValidation@evil.example' },
      { sender: 'xO365ConnectorValidation@contoso.example' },
      { sender: '' },
    ])
      assert.deepEqual(probe(refused), ['tenant-unknown'], JSON.stringify(refused))
    const stranger = { ...EXCHANGE, address: '198.51.100.1' }
    assert.deepEqual(probe({}, stranger), ['address-range'])
    assert.deepEqual(probe({}, { ...EXCHANGE, tls: null }), ['client-certificate-missing'])
    // Another tenant's id on it: not the mail of this tenant's administrator.
    assert.notDeepEqual(probe({ lines: [`X-MS-Exchange-CrossTenant-Id: ${FABRIKAM}`] }), LET_IN)
    // Nor the id of an organisation that is no tenant here.
    for (const to of ['admin@contoso.example', 'probe@partner.example'])
      assert.deepEqual(probe({ to: [to], lines: [`X-MS-Exchange-CrossTenant-Id: ${STRANGER}`] }), [
        'tenant-unknown',
      ])
  })

  it('takes any id for a tenant of which none is known', () => {
    const by = createAttributor({
      ...SETTINGS,
      tenants: new Map(
        TENANTS.map((entry) => [
          entry.id,
          entry.id === 'contoso'
            ? {
                ...entry,
                microsoftTenantId: null,
                validation: { openedAt: OPENED, recipients: ['admin@contoso.example'] },
              }
            : entry,
        ]),
      ),
    })
    assert.deepEqual(probe({ by, lines: [ID] }), LET_IN)
    assert.notDeepEqual(probe({ by, lines: [`X-MS-Exchange-CrossTenant-Id: ${FABRIKAM}`] }), LET_IN)
  })
})

it('the addresses of Office 365 may connect only where the settings take them in', () => {
  const office365 = ['52.100.0.0/14']
  const screen = (settings: Settings) => createAttributor(settings, office365).screen('52.100.0.1')
  assert.equal(screen(SETTINGS)?.code, 550)
  assert.equal(screen({ ...SETTINGS, office365Ranges: true }), null)
  assert.equal(createAttributor({ ...SETTINGS, office365Ranges: true }, office365).screen('40.92.0.1'), null)
  assert.equal(createAttributor({ ...SETTINGS, office365Ranges: true }).screen('52.100.0.1')?.code, 550)
})

it('while a round trip is open its mark is noted on mail of its tenant and on refusals, and no verdict changes', () => {
  const mark = 'abcdefghijklmnopqrstuvwxyz'
  const open = tenant('contoso', { roundTrip: { openedAt: NOW, markHash: hashOfMark(mark) } })
  const tenants = new Map([...SETTINGS.tenants, [open.id, open] as const])
  const watching = createAttributor({ ...SETTINGS, tenants })
  const look = (lines: string[], to: string, now = NOW) => {
    const result = watching.attribute(EXCHANGE, envelope(to), header(...lines), now)
    const before = attributor.attribute(EXCHANGE, envelope(to), header(...lines), now)
    assert.equal(result.kind, before.kind)
    return result.kind === 'refused'
      ? (result.refusal.marked ?? null)
      : result.parts.map(({ attribution }) => attribution.roundTripMark ?? null)
  }
  const subject = `Subject: Test ${mark}`
  const ours = ['X-Gate-Secret: out:secretoutsecretout', `X-MS-Exchange-CrossTenant-Id: ${CONTOSO}`]
  assert.deepEqual(look([...ours, subject], 'bob@partner.example'), [true])
  assert.deepEqual(look([...ours, 'Subject: Test'], 'bob@partner.example'), [null])
  assert.deepEqual(look([...ours, subject], 'bob@partner.example', NOW + 3_600_000), [null])
  // Another tenant's mail with the mark is none of this round trip.
  const others = [`X-MS-Exchange-CrossTenant-Id: ${FABRIKAM}`, subject]
  assert.deepEqual(look(others, 'bob@partner.example'), [null])
  const wrong = ['X-Gate-Secret: out:nobodyssecret', subject]
  assert.deepEqual(look(wrong, 'bob@partner.example'), { tenantId: open.id, leg: 'outbound' })
  assert.deepEqual(look(wrong, 'alice@contoso.example'), { tenantId: open.id, leg: 'inbound' })
  assert.equal(look(['X-Gate-Secret: out:nobodyssecret'], 'bob@partner.example'), null)
})
