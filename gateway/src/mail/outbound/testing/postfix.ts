/**
 * A Postfix of our own for tests: configuration, queue and log in one temporary folder, host names from a file that only this
 * instance sees as /etc/hosts (a private mount namespace). Relays what loopback gives it by a transport map. Needs root.
 */
import { mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { daemonFolder, run, startDaemon } from './daemon.ts'

/** Where the instance takes mail. */
const LISTENER = '127.44.255.1'
const SENDER_DOMAIN = 'sender.test'
/** The sender of every mail that goes through it. */
export const POSTFIX_SENDER = `postfix@${SENDER_DOMAIN}`

/** What the instance is configured with. */
export interface PostfixOptions {
  /** A free port, on all of 127.44.0.0/16: its listener, and the port of next hops that name none. */
  readonly port: number
  /** Lines of its hosts file. */
  readonly hosts: string
  /** Text of smtp_tls_policy_maps; gets the folder, in which the files stand. */
  readonly policy: string
  /** Next hop by recipient domain. */
  readonly nextHops: ReadonlyMap<string, string>
  /** PEM of the anchors. */
  readonly anchors: string
  /** A name server on port 53 that validates: names are looked up there in place of the hosts file, with DNSSEC. */
  readonly resolver?: string
}

/** A running instance. */
export interface Postfix {
  /** Gives one mail to each recipient. */
  send(recipients: readonly string[]): Promise<void>
  /** Tries all deferred mail again. */
  flush(): Promise<void>
  /** The last attempt's end by recipient: `sent`, `deferred` or `bounced`, what was said, and how many attempts ended. */
  ends(): Promise<Map<string, PostfixEnd>>
  /** All that was logged. */
  log(): Promise<string>
  close(): Promise<void>
}

/** How an attempt ended. */
export interface PostfixEnd {
  readonly status: string
  readonly said: string
  readonly attempts: number
}

/** Starts an instance and waits until it takes mail. */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const folder = await daemonFolder('postfix', 'postfix', ['data'])
  await mkdir(join(folder, 'queue'))
  const transports = [...options.nextHops].map(([domain, hop]) => `${domain} smtp:${hop}\n`).join('')
  const files = {
    hosts: `127.0.0.1 localhost\n${options.hosts}`,
    'anchors.pem': options.anchors,
    policy: options.policy,
    transport: `${SENDER_DOMAIN} discard:\n${transports}`,
    'resolv.conf': `nameserver ${options.resolver ?? '127.0.0.1'}\noptions edns0 trust-ad timeout:2 attempts:1\n`,
    'main.cf': mainCf(folder, options.port, options.resolver !== undefined),
    'master.cf': masterCf({ [`${LISTENER}:${options.port}`]: [] }),
  }
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text)
    // Postfix waits for a table to become a few seconds old before it trusts what it reads.
    await utimes(join(folder, name), 1, 1)
  }
  await run('postmap', ['-c', folder, `hash:${join(folder, 'policy')}`])
  await run('postfix', ['-c', folder, 'check']).catch(async (error: unknown) => {
    await rm(folder, { recursive: true })
    throw error
  })
  const { stdout } = await run('postconf', ['-c', folder, '-h', 'daemon_directory'])
  const daemon = startDaemon(
    folder,
    'mount --bind "$1/resolv.conf" /etc/resolv.conf && exec "$2/master" -c "$1" -d',
    stdout.trim(),
  )
  const log = () => readFile(join(folder, 'log'), 'utf8').catch(() => '')
  for (let i = 0; !(await accepts(options.port)); i++) {
    if (i > 100 || daemon.ended()) {
      const said = await log()
      await daemon.close()
      throw new Error(`Postfix does not start: ${said}`)
    }
    await sleep(100)
  }
  return {
    send: (recipients) => give(options.port, recipients),
    flush: async () => {
      await run('postqueue', ['-c', folder, '-f'])
    },
    ends: async () => readEnds(await log()),
    log,
    close: () => daemon.close(),
  }
}

function mainCf(folder: string, port: number, dnssec: boolean): string {
  const lookup = dnssec
    ? 'smtp_host_lookup = dns\nsmtp_dns_support_level = dnssec\nsmtp_tls_dane_insecure_mx_policy = may'
    : 'smtp_host_lookup = native\nsmtp_dns_support_level = disabled'
  return `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
maillog_file = ${folder}/log
maillog_file_prefixes = ${folder}
myhostname = gw.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_rate_limit = 0
alias_maps =
alias_database =
local_transport = error:no local mail
transport_maps = texthash:${folder}/transport
${lookup}
smtp_tcp_port = ${port}
smtp_connect_timeout = 5s
smtp_helo_timeout = 5s
smtp_starttls_timeout = 5s
smtp_connection_cache_on_demand = no
smtp_tls_security_level = may
smtp_tls_CAfile = ${folder}/anchors.pem
smtp_tls_policy_maps = hash:${folder}/policy
# A second attempt is made at once. Where TLS is not required only an aged mail may fall back to none.
minimal_backoff_time = 1s
maximal_backoff_time = 1h
queue_run_delay = 1h
`
}

/** Services that programs outside of Postfix's own reach. */
const PUBLIC = { pickup: 'pickup', cleanup: 'cleanup', qmgr: 'qmgr', flush: 'flush', showq: 'showq' }
/** Services that insist on a number of processes, 0 for any. */
const PROCESSES: Readonly<Record<string, number>> = {
  ...{ pickup: 1, qmgr: 1, tlsmgr: 1, scache: 1, tlsproxy: 0 },
  ...{ cleanup: 0, flush: 0, bounce: 0, defer: 0, trace: 0 },
}
const PRIVATE = {
  tlsmgr: 'tlsmgr',
  rewrite: 'trivial-rewrite',
  bounce: 'bounce',
  defer: 'bounce',
  trace: 'bounce',
  proxymap: 'proxymap',
  smtp: 'smtp',
  error: 'error',
  retry: 'error',
  discard: 'discard',
  anvil: 'anvil',
  tlsproxy: 'tlsproxy',
  scache: 'scache',
}

/**
 * The text of master.cf. Columns: service, type, private, unprivileged, chroot, wakeup, processes, program.
 * @param listeners - `address:port` of each smtpd, with its own settings as `name=value`
 */
export function masterCf(listeners: Readonly<Record<string, readonly string[]>>): string {
  const lines = (services: Readonly<Record<string, string>>, isPrivate: string) =>
    Object.entries(services).map(
      ([name, program]) =>
        `${name} unix ${isPrivate} - n ${name === 'qmgr' ? '300' : '-'} ${PROCESSES[name] ?? '-'} ${program}`,
    )
  return [
    ...Object.entries(listeners).map(
      ([listener, settings]) =>
        `${listener} inet n - n - - smtpd${settings.map((setting) => `\n  -o ${setting}`).join('')}`,
    ),
    ...lines(PUBLIC, 'n'),
    ...lines(PRIVATE, 'y'),
    'postlog unix-dgram n - n - 1 postlogd',
    '',
  ].join('\n')
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, LISTENER)
    socket.once('data', () => {
      socket.destroy()
      resolve(true)
    })
    socket.setTimeout(1000, () => socket.destroy())
    socket.once('error', () => undefined)
    socket.once('close', () => {
      resolve(false)
    })
  })
}

async function give(port: number, recipients: readonly string[]): Promise<void> {
  const socket = createConnection(port, LISTENER)
  socket.setTimeout(20_000, () => socket.destroy(new Error('Postfix is silent')))
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  const expect = async (code: string) => {
    for (;;) {
      const { value, done } = await lines.next()
      if (done === true || !value.startsWith(code)) throw new Error(`Postfix said ${String(value)}`)
      if (value[3] === ' ') return
    }
  }
  const say = async (line: string, code: string) => {
    socket.write(`${line}\r\n`)
    await expect(code)
  }
  try {
    await expect('220')
    await say('EHLO test', '250')
    for (const recipient of recipients) {
      await say(`MAIL FROM:<${POSTFIX_SENDER}>`, '250')
      await say(`RCPT TO:<${recipient}>`, '250')
      await say('DATA', '354')
      await say(`To: ${recipient}\r\nSubject: x\r\n\r\nhello\r\n.`, '250')
    }
    await say('QUIT', '221')
  } finally {
    socket.destroy()
  }
}

/**
 * Gives one mail to each recipient and waits for the end of two attempts: where TLS is not required, Postfix falls back to none
 * only with a mail that has waited.
 * @returns the last end by recipient
 */
export async function attemptTwice(
  postfix: Postfix,
  recipients: readonly string[],
): Promise<Map<string, PostfixEnd>> {
  await postfix.send(recipients)
  for (const attempts of [1, 2]) {
    for (let i = 0; ; i++) {
      const ends = await postfix.ends()
      const missing = recipients.filter((recipient) => {
        const end = ends.get(recipient)
        return end === undefined || (end.status === 'deferred' && end.attempts < attempts)
      })
      if (missing.length === 0) break
      if (i > 600) throw new Error(`Postfix gives no end for ${missing.join()}:\n${await postfix.log()}`)
      await sleep(100)
    }
    if (attempts > 1) break
    await sleep(2000)
    await postfix.flush()
  }
  return postfix.ends()
}

function readEnds(log: string): Map<string, PostfixEnd> {
  const ends = new Map<string, PostfixEnd>()
  for (const [, to = '', status = '', said = ''] of log.matchAll(
    /: to=<([^>]+)>,.* status=(\w+) \((.*)\)$/gm,
  ))
    ends.set(to, { status, said, attempts: (ends.get(to)?.attempts ?? 0) + 1 })
  return ends
}
