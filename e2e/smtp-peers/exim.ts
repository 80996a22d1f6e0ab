/**
 * An Exim of our own on loopback, with configuration, spool and log in one temporary folder: what comes on one port it sends to the
 * gateway as Exchange Online would, what comes on the other it takes as a next hop of the gateway and passes on to the collector.
 * Offers and uses every extension that it has. Needs root and scripts/install-peers.sh.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { daemonFolder, startDaemon } from '../../gateway/src/mail/outbound/testing/daemon.ts'
import { freePort } from '../stage/ports.ts'
import type { ForeignServer, ForeignServerOptions } from './foreign-server.ts'
import { answers } from './foreign-server.ts'

const PROGRAM = '/usr/local/lib/siegel-peers/exim4/usr/sbin/exim4'

/** Starts it and waits until it answers on both ports. */
export async function startExim(options: ForeignServerOptions): Promise<ForeignServer> {
  const folder = await daemonFolder('exim', 'Debian-exim', ['spool', 'log'])
  const clientPort = await freePort()
  const hopPort = await freePort()
  const files = {
    hosts: `127.0.0.1 localhost ${options.gateway.host}\n`,
    'ca.pem': options.anchors,
    'server.pem': options.server.cert,
    'server.key': options.server.key,
    'client.pem': options.client.cert,
    'client.key': options.client.key,
    conf: configuration(folder, clientPort, hopPort, options),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const daemon = startDaemon(folder, 'exec "$2" -C "$1/conf" -bdf -q1m', PROGRAM)
  const log = async () => {
    const texts = ['main', 'reject', 'panic'].map((name) =>
      readFile(join(folder, 'log', name), 'utf8').catch(() => ''),
    )
    return daemon.errors() + (await Promise.all(texts)).join('')
  }
  try {
    await answers([clientPort, hopPort])
  } catch (error) {
    const said = await log()
    await daemon.close()
    throw new Error(`Exim does not start: ${said}`, { cause: error })
  }
  return { clientPort, hopPort, log, close: () => daemon.close() }
}

function configuration(
  folder: string,
  clientPort: number,
  hopPort: number,
  { gateway, collectorPort, sizeLimit }: ForeignServerOptions,
): string {
  return `
exim_path = ${PROGRAM}
spool_directory = ${folder}/spool
log_file_path = ${folder}/log/%s
pid_file_path = ${folder}/spool/exim.pid
primary_hostname = exim.peer.example
local_interfaces = <; [127.0.0.1]:${clientPort} ; [127.0.0.1]:${hopPort}
deliver_drop_privilege = true
keep_environment =
never_users =
host_lookup =
rfc1413_query_timeout = 0s
recipient_unqualified_hosts =
untrusted_set_sender = *
log_selector = +all
smtp_accept_max_per_host = 100
smtp_accept_queue_per_connection = 0
message_size_limit = \${if eq{$received_port}{${hopPort}}{${sizeLimit}}{200M}}
tls_advertise_hosts = \${if eq{$received_port}{${hopPort}}{*}{}}
tls_certificate = ${folder}/server.pem
tls_privatekey = ${folder}/server.key
tls_verify_certificates = ${folder}/ca.pem
tls_try_verify_hosts = *
accept_8bitmime = true
chunking_advertise_hosts = *
dsn_advertise_hosts = *
pipelining_advertise_hosts = *
pipelining_connect_advertise_hosts = *
prdr_enable = true
smtputf8_advertise_hosts = *
spool_wireformat = true
acl_smtp_mail = mail
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
acl_not_smtp = accept

begin acl
mail:
  accept condition = \${if eq{$received_port}{${clientPort}}}
  deny condition = \${if eq{$tls_in_certificate_verified}{0}}
       message = 5.7.0 no client certificate that I trust
  accept
rcpt:
  accept condition = \${if eq{$received_port}{${clientPort}}}
  deny local_parts = nobody
       message = 5.1.1 no such user here
  defer local_parts = later
       message = 4.2.1 come again
  accept

begin routers
to_collector:
  driver = manualroute
  condition = \${if eq{$received_port}{${hopPort}}}
  route_list = * 127.0.0.1
  self = send
  transport = collector
to_gateway:
  driver = manualroute
  route_list = * ${gateway.host} byname
  self = send
  transport = gateway

begin transports
collector:
  driver = smtp
  port = ${collectorPort}
  allow_localhost
  hosts_avoid_tls = *
  message_linelength_limit = 1000000
gateway:
  driver = smtp
  port = ${gateway.port}
  allow_localhost
  hosts_require_tls = *
  tls_certificate = ${folder}/client.pem
  tls_privatekey = ${folder}/client.key
  tls_verify_certificates = ${folder}/ca.pem
  tls_verify_hosts = *
  tls_verify_cert_hostnames = *
  tls_sni = $host
  message_linelength_limit = 1000000

begin retry
* * F,1h,1m
`
}
