/**
 * A Postfix of our own on loopback, with configuration, queue and log in one temporary folder: what comes on one port it sends to the
 * gateway as Exchange Online would, what comes on the other it takes as a next hop of the gateway and passes on to the collector.
 * Needs root and scripts/install-peers.sh.
 */
import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { daemonFolder, run, startDaemon } from '../../gateway/src/mail/outbound/testing/daemon.ts'
import { masterCf } from '../../gateway/src/mail/outbound/testing/postfix.ts'
import { freePort } from '../stage/ports.ts'
import type { ForeignServer, ForeignServerOptions } from './foreign-server.ts'
import { answers } from './foreign-server.ts'

/** Starts it and waits until it answers on both ports. */
export async function startPostfix(options: ForeignServerOptions): Promise<ForeignServer> {
  const { gateway, collectorPort } = options
  const folder = await daemonFolder('postfix', 'postfix', ['data'])
  await mkdir(join(folder, 'queue'))
  const clientPort = await freePort()
  const hopPort = await freePort()
  const files = {
    hosts: `127.0.0.1 localhost ${gateway.host}\n`,
    'ca.pem': options.anchors,
    'server.pem': options.server.key + options.server.cert,
    'client.pem': options.client.key + options.client.cert,
    recipients:
      'nobody@world.example 550 5.1.1 no such user here\nlater@world.example 451 4.2.1 come again\n',
    policy: `[${gateway.host}]:${gateway.port} secure match=${gateway.host}\n`,
    'main.cf': mainCf(folder),
    'master.cf': masterCf({
      [`127.0.0.1:${clientPort}`]: [`content_filter=smtp:[${gateway.host}]:${gateway.port}`],
      [`127.0.0.1:${hopPort}`]: [
        `content_filter=smtp:[127.0.0.1]:${collectorPort}`,
        `message_size_limit=${options.sizeLimit}`,
        'smtpd_tls_security_level=encrypt',
        `smtpd_tls_chain_files=${folder}/server.pem`,
        `smtpd_tls_CAfile=${folder}/ca.pem`,
        'smtpd_tls_req_ccert=yes',
        `smtpd_recipient_restrictions=check_recipient_access,texthash:${folder}/recipients,permit_mynetworks,reject`,
        'smtpd_reject_footer=',
      ],
    }),
  }
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text)
    // Postfix waits for a table to become a few seconds old before it trusts what it reads.
    await utimes(join(folder, name), 1, 1)
  }
  await run('postfix', ['-c', folder, 'check'])
  const { stdout } = await run('postconf', ['-c', folder, '-h', 'daemon_directory'])
  const daemon = startDaemon(folder, 'exec "$2/master" -c "$1" -d', stdout.trim())
  const log = () => readFile(join(folder, 'log'), 'utf8').catch(() => '')
  try {
    await answers([clientPort, hopPort])
  } catch (error) {
    const said = await log()
    await daemon.close()
    throw new Error(`Postfix does not start: ${said}`, { cause: error })
  }
  return { clientPort, hopPort, log, close: () => daemon.close() }
}

function mainCf(folder: string): string {
  return `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
maillog_file = ${folder}/log
maillog_file_prefixes = ${folder}
myhostname = postfix.peer.example
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
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtp_tls_security_level = none
smtp_tls_policy_maps = texthash:${folder}/policy
smtp_tls_CAfile = ${folder}/ca.pem
smtp_tls_chain_files = ${folder}/client.pem
smtp_tls_loglevel = 1
# The mail must arrive as it was given.
smtp_line_length_limit = 0
disable_mime_output_conversion = yes
message_size_limit = 209715200
smtputf8_enable = yes
debug_peer_list = 127.0.0.1
debug_peer_level = 2
minimal_backoff_time = 5s
queue_run_delay = 5s
`
}
