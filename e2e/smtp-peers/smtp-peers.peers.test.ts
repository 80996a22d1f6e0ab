/**
 * Exim, Postfix, swaks and nodemailer send to the gateway as Exchange Online does; Exim, Postfix and smtp-server are its next hops. Every
 * extension that both sides have is used, and what comes out behind the hop is what was given, octet for octet, with its envelope.
 * Needs root and scripts/install-peers.sh.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createTransport } from 'nodemailer'
import { findJudge } from '../stage/judge.ts'
import type { Collected } from './collector.ts'
import { handIn, type MailToHandIn } from './handing-in.ts'
import {
  aliceOf,
  GATEWAY_HOST,
  GATEWAY_SIZE_LIMIT,
  HOP_SIZE_LIMIT,
  HOPS,
  openScene,
  signerOf,
  tenantHeader,
  type HopName,
  type Scene,
} from './scene.ts'

const CLIENTS = ['exim', 'postfix'] as const
const BOB = 'bob@world.example'
let numbers = 0

/** A mail with a Message-ID of its own and whatever body. */
function mailFor(hop: HopName, body: string, from = aliceOf(hop)): { id: string; content: Buffer } {
  const id = `<${++numbers}.${process.pid}@peers.example>`
  const head = `${tenantHeader(hop)}From: <${from}>\r\nTo: <${BOB}>\r\nSubject: Gr\u00fc\u00dfe ${numbers}\r\n`
  const fields = `Date: Tue, 24 Nov 2026 09:00:00 +0100\r\nMessage-ID: ${id}\r\nMIME-Version: 1.0\r\n`
  const type = 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
  return { id, content: Buffer.from(head + fields + type + body) }
}

const BODY = `Gr\u00fc\u00dfe\r\n.\r\n..two\r\n.one\r\n\r\n${'long '.repeat(1500)}\r\n--\r\n.\r\n`

/** The parameters of a command, decoded from xtext, in order of their names. */
function parameters(command: string | undefined): string[] {
  const words = (command ?? '')
    .replace(/^[A-Z]+ [A-Z]+:<[^>]*>/, '')
    .trim()
    .split(/ +/)
  const decoded = words.map((word) =>
    word.replace(/\+([0-9A-F]{2})/g, (_, octet: string) => String.fromCharCode(parseInt(octet, 16))),
  )
  // SIZE is each hop's own: it counts its own fields.
  return decoded.filter((word) => !word.startsWith('SIZE=')).sort()
}

describe('foreign SMTP servers and clients', () => {
  let scene: Scene
  before(async () => {
    scene = await openScene()
  })
  after(() => scene.close())

  const logs = async () =>
    `${await scene.exim.log()}\n${(await scene.postfix.log()).slice(-20_000)}\n${JSON.stringify(scene.gateway.log.slice(-20))}`

  /** Waits for what the hop passes on of the mail with this text: no notice, or a notice. */
  async function arrived(text: string, notice = false): Promise<Collected> {
    try {
      return await scene.collector.waitFor(
        ({ mail, content }) => mail.startsWith('MAIL FROM:<>') === notice && content.includes(text),
      )
    } catch (error) {
      throw new Error(await logs(), { cause: error })
    }
  }

  const give = (client: (typeof CLIENTS)[number], mail: MailToHandIn) =>
    handIn(scene[client].clientPort, mail)

  for (const hop of HOPS) {
    for (const client of CLIENTS) {
      const from = aliceOf(hop)

      it(`${client} to ${hop}: 8-bit text arrives byte for byte with all DSN parameters`, async () => {
        const { id, content } = mailFor(hop, BODY)
        await give(client, {
          from,
          to: [BOB, 'carol@world.example'],
          mailParameters: ' BODY=8BITMIME RET=HDRS ENVID=QQ+2B314159+3D',
          rcptParameters: ' NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;Bob+2Bx@world.example',
          content,
        })
        const { mail, rcpt, content: came } = await arrived(id)
        assert.ok(came.subarray(-content.length).equals(content), came.toString())
        // Exim as a hop says BODY to nobody; that it was told stands in its log, below.
        const body = hop === 'exim' ? [] : ['BODY=8BITMIME']
        assert.deepEqual(parameters(mail), [...body, 'ENVID=QQ+314159=', 'RET=HDRS'])
        assert.deepEqual(
          rcpt.map((command) => /<(.*)>/.exec(command)?.[1]),
          [BOB, 'carol@world.example'],
        )
        for (const command of rcpt) {
          const [notify = '', original] = parameters(command)
          assert.equal(original, 'ORCPT=rfc822;Bob+x@world.example')
          assert.deepEqual(notify.replace('NOTIFY=', '').split(',').sort(), ['DELAY', 'FAILURE', 'SUCCESS'])
        }
      })

      it(`${client} to ${hop}: SMTPUTF8 addresses`, async () => {
        const { id, content } = mailFor(hop, BODY, `\u00e4lice@${hop}.example`)
        await give(client, {
          from: `\u00e4lice@${hop}.example`,
          to: ['j\u00fcrgen@world.example'],
          mailParameters: ' SMTPUTF8 BODY=8BITMIME',
          content,
        })
        const { mail, rcpt, content: came } = await arrived(id)
        assert.ok(came.subarray(-content.length).equals(content))
        assert.match(mail, new RegExp(`<\u00e4lice@${hop}\\.example>.* SMTPUTF8`))
        assert.match(rcpt[0] ?? '', /<j\u00fcrgen@world\.example>/)
      })

      it(`${client} to ${hop}: one recipient is refused, the other gets the mail, the sender a notice`, async () => {
        const { id, content } = mailFor(hop, BODY)
        await give(client, { from, to: ['nobody@world.example', BOB], content })
        const { rcpt } = await arrived(id)
        assert.equal(rcpt.length, 1)
        assert.match(rcpt[0] ?? '', /<bob@world\.example>/)
        const notice = await arrived('Final-Recipient: rfc822; nobody@world.example', true)
        assert.ok(notice.content.includes('5.1.1'))
        scene.collector.collected.splice(scene.collector.collected.indexOf(notice), 1)
      })

      it(`${client} to ${hop}: a mail over the hop's SIZE is returned without being offered`, async () => {
        const { id, content } = mailFor(
          hop,
          'x'
            .repeat(70)
            .concat('\r\n')
            .repeat(HOP_SIZE_LIMIT / 70),
        )
        await give(client, { from, to: ['big@world.example'], content })
        const notice = await arrived('Final-Recipient: rfc822; big@world.example', true)
        assert.match(notice.content.toString(), /Status: 5\.3\.4/)
        assert.ok(notice.content.includes(id))
        scene.collector.collected.splice(scene.collector.collected.indexOf(notice), 1)
        assert.ok(!scene.collector.collected.some(({ content: came }) => came.includes(id)))
      })

      it(`${client} to ${hop}: a signed mail verifies`, async () => {
        const { id, content } = mailFor(hop, 'Gr\u00fc\u00dfe\r\n.\r\nEnd\r\n', signerOf(hop))
        await give(client, { from: signerOf(hop), to: [BOB], content })
        const { content: came } = await arrived(id)
        const { good, words, content: signed } = findJudge().verify(came, scene.mailAnchor)
        assert.ok(good, words)
        // 8-bit text is signed in base64, so that no hop has to change it. RFC 8551 3.1.2
        const [, text = ''] = signed.toString().split('\r\n\r\n')
        assert.equal(Buffer.from(text, 'base64').toString(), 'Gr\u00fc\u00dfe\r\n.\r\nEnd\r\n')
      })
    }
  }

  it('Exim by BDAT to Exim: bare line ends and NUL stay as they are', async () => {
    const { id, content } = mailFor('exim', 'a\nb\rc\n.\nd\r\n.\r\n\n\r.\r\nend\r\n')
    await give('exim', { from: aliceOf('exim'), to: [BOB], content, by: 'BDAT' })
    const { content: came } = await arrived(id)
    assert.ok(came.subarray(-content.length).equals(content), came.toString())
  })

  it('a mail over SIZE comes back from either client at once', async () => {
    for (const client of CLIENTS) {
      const { content } = mailFor(
        'exim',
        'x'
          .repeat(70)
          .concat('\r\n')
          .repeat(GATEWAY_SIZE_LIMIT / 70),
      )
      await give(client, { from: aliceOf('exim'), to: ['huge@world.example'], content })
      // Its own notice comes to its sender through the gateway, which lets no notice without the tenant's line in.
      for (
        let i = 0;
        !/huge@world\.example.*(?:exceeds size limit|552 5\.3\.4 Message too large)/.test(
          await scene[client].log(),
        );
        i++
      ) {
        assert.ok(i < 200, await logs())
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
    assert.ok(!scene.collector.collected.some(({ rcpt }) => rcpt.some((one) => one.includes('huge@'))))
  })

  it('Exim used PIPELINING, CHUNKING and TLS with both certificates verified, in both directions', async () => {
    const log = await scene.exim.log()
    assert.match(
      log,
      /=> bob@world\.example .*T=gateway .*X=TLS1\.3.* CV=yes .*L K C="250 2\.6\.0 \w+ queued"/,
    )
    assert.match(
      log,
      /<= alice@exim\.example H=\(gw\.exim\.example\) .*P=\w*esmtps L\. X=TLS1\.3.* CV=yes .* K .*M8S=8/,
    )
    // DSN and SMTPUTF8 as a hop were seen behind it; here that no line of the protocol was complained of.
    assert.doesNotMatch(log, /protocol (?:synchronization )?error|syntax error|unrecognized command|panic/i)
  })

  it('Postfix used PIPELINING, SIZE, 8BITMIME, DSN, SMTPUTF8 and TLS, and as a hop it got CHUNKING', async () => {
    const log = await scene.postfix.log()
    for (const pattern of [
      /smtp\[\d+\]: > gw\.peers\.example\S+ MAIL FROM:<alice@\S+> SIZE=\d+ BODY=8BITMIME ENVID=\S+ RET=HDRS/,
      /smtp\[\d+\]: > gw\.peers\.example\S+ MAIL FROM:<\u00e4lice@\S+> SIZE=\d+ BODY=8BITMIME SMTPUTF8/,
      /smtp\[\d+\]: > gw\.peers\.example\S+ DATA\n(?:.*smtp_stream_setup.*\n)*.*smtp\[\d+\]: < gw\.peers\.example\S+ 250 2\.1\.0/,
      /Verified TLS connection established to gw\.peers\.example/,
      /smtpd\[\d+\]: < \S+ MAIL FROM:<alice@postfix\.example> SIZE=\d+ BODY=8BITMIME RET=HDRS ENVID=/,
      /smtpd\[\d+\]: < \S+ MAIL FROM:<\u00e4lice@postfix\.example> SIZE=\d+ BODY=8BITMIME SMTPUTF8/,
      /smtpd\[\d+\]: < .*BDAT \d+ LAST/,
    ])
      assert.match(log, pattern)
    assert.doesNotMatch(log, /improper command pipelining|lost connection after/)
  })

  for (const pipelining of [false, true])
    it(`swaks ${pipelining ? 'with' : 'without'} PIPELINING: the mail arrives byte for byte`, async () => {
      const { id, content } = mailFor('postfix', 'Gr\u00fc\u00dfe\r\n.\r\n..\r\nEnd\r\n')
      const folder = scene.gateway.config.folder
      const files = { 'swaks.pem': scene.client.cert, 'swaks.key': scene.client.key, 'ca.pem': scene.anchors }
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
      writeFileSync(join(folder, 'swaks.eml'), content)
      const said = await new Promise<string>((resolve) => {
        execFile(
          'swaks',
          [
            ...['--server', '127.0.0.1', '--port', String(scene.gateway.config.port), '--tls'],
            ...['--tls-cert', join(folder, 'swaks.pem'), '--tls-key', join(folder, 'swaks.key')],
            ...[
              '--ehlo',
              'swaks.example',
              '--from',
              aliceOf('postfix'),
              '--to',
              `${BOB},carol@world.example`,
            ],
            ...['--data', `@${join(folder, 'swaks.eml')}`, ...(pipelining ? ['--pipeline'] : [])],
          ],
          (_, out, err) => {
            resolve(out + err)
          },
        )
      })
      assert.match(said, /250 2\.6\.0 \w+ queued/, said)
      assert.match(said, /TLS started with cipher TLSv1\.[23]/)
      const { content: came, rcpt } = await arrived(id)
      // swaks ends its data with an empty line.
      assert.ok(came.includes(content), came.toString())
      assert.equal(rcpt.length, 2)
    })

  it('nodemailer with DSN, SMTPUTF8, 8BITMIME and SIZE', async () => {
    const { id, content } = mailFor('postfix', BODY)
    const transport = createTransport({
      host: '127.0.0.1',
      port: scene.gateway.config.port,
      requireTLS: true,
      name: 'nodemailer.example',
      tls: {
        servername: GATEWAY_HOST,
        ca: scene.anchors,
        cert: scene.client.cert,
        key: scene.client.key,
      },
    })
    const result = await transport.sendMail({
      raw: content,
      envelope: {
        from: aliceOf('postfix'),
        to: ['j\u00fcrgen@world.example'],
        size: content.length,
        use8BitMime: true,
        dsn: { id: 'n=1', ret: 'FULL', notify: ['failure'], orcpt: 'rfc822;bob@world.example' },
      },
    })
    transport.close()
    assert.match(result.response, /^250 2\.6\.0 \w+ queued/)
    const { content: came, mail, rcpt } = await arrived(id)
    assert.ok(came.subarray(-content.length).equals(content))
    assert.deepEqual(parameters(mail), ['BODY=8BITMIME', 'ENVID=n=1', 'RET=FULL', 'SMTPUTF8'])
    assert.deepEqual(parameters(rcpt[0]), ['NOTIFY=FAILURE', 'ORCPT=rfc822;bob@world.example'])
  })
})
