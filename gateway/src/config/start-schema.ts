/**
 * The schema of `siegel.yaml`: only what must be known before the store opens. Everything else is a configuration object.
 * Pure: reads no file and no environment.
 */
import { fqdnField, isAddress, parseReference, toDomain } from '@siegel/contract'
import { z } from 'zod'
import { isMailbox } from '../smtp/address.ts'

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Reads a duration such as `90s`, `4h` or `5d`.
 * @returns milliseconds, or null when the text is none
 */
export function parseDuration(text: string): number | null {
  const [, amount, unit] = /^([0-9]{1,9})(ms|s|m|h|d)$/.exec(text) ?? []
  const factor = unit === undefined ? undefined : UNITS[unit]
  return factor === undefined ? null : Number(amount) * factor
}

function duration(description: string, byDefault: string) {
  return z
    .string()
    .refine((text) => (parseDuration(text) ?? 0) > 0, 'must be a duration such as 90s, 4h or 5d')
    .transform((text) => parseDuration(text) ?? 0)
    .prefault(byDefault)
    .meta({ description })
}

function limit(description: string, byDefault: number, most: number) {
  return z.number().int().min(1).max(most).default(byDefault).describe(description)
}

/** Whether a text is `address`, `address:port` or `[address]:port`. */
function isHostTarget(text: string): boolean {
  if (isAddress(text)) return true
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):([1-9][0-9]{0,4})$/.exec(text) ?? []
  return isAddress(bracketed ?? plain ?? '') && Number(port) <= 65535
}

/** Reads an entry of the static host table: one or several targets with blanks between them; null when one is none. */
export function parseHostTargets(text: string): readonly string[] | null {
  const targets = text.split(/\s+/).filter((target) => target !== '')
  return targets.length > 0 && targets.every(isHostTarget) ? targets : null
}

const listener = z.strictObject({
  address: z
    .string()
    .refine(isAddress, 'must be an IPv4 or IPv6 address, for example 0.0.0.0 or ::')
    .describe('Address to listen on; `0.0.0.0` and `::` mean all.'),
  port: z.number().int().min(0).max(65535).default(25).describe('Port; 0 lets the system choose one.'),
})

const nameServer = z.strictObject({
  address: z.string().refine(isAddress, 'must be an IPv4 or IPv6 address').describe('Address of the server.'),
  port: z.number().int().min(1).max(65535).default(53).describe('Port.'),
})

const dns = z.strictObject({
  servers: z
    .array(nameServer)
    .max(8)
    .default([])
    .describe(
      'Name servers. Without any those of the system (`/etc/resolv.conf`). As environment variable: `127.0.0.1:53`.',
    ),
  trusted: z
    .enum(['loopback', 'all', 'none'])
    .default('loopback')
    .describe(
      'Which name servers validate DNSSEC and may be believed when they say so: those on a loopback address, all (the way there ' +
        'must be safe), or none. If any is trusted, only trusted ones are asked. DANE needs one.',
    ),
})

const queue = z.strictObject({
  lifetime: duration('How long a mail is tried or held before it is returned.', '5d'),
  delayNoticeAfter: duration('When a sender inside is told that a mail is delayed.', '4h'),
  retryFirst: duration('Wait before the second attempt; longer with each attempt.', '1m'),
  retryLongest: duration('Longest wait between two attempts.', '1h'),
  heldProbe: duration('How often held mail is tried again, in case the cause was mended.', '15m'),
})

const limits = z.strictObject({
  messageSize: limit('Largest message in octets, announced by SIZE.', 157_286_400, 2 ** 31 - 1),
  headerSize: limit('Largest header section in octets.', 1_048_576, 64 * 1_048_576),
  headerLine: limit('Longest header line in octets.', 65_536, 1_048_576),
  recipients: limit('Most recipients of one mail.', 1000, 100_000),
  connections: limit('Most connections at a time to the listeners, per process.', 500, 100_000),
  connectionsPerAddress: limit('Most connections at a time from one address, per process.', 200, 100_000),
})

const addressRanges = z.strictObject({
  refresh: z
    .boolean()
    .default(false)
    .describe(
      'Ask the endpoint service once a day for the addresses of Office 365. Only where an AddressRange object has `office365`.',
    ),
  service: z
    .string()
    .max(2000)
    .refine((text) => URL.parse(text)?.protocol === 'https:', 'must be an https address')
    .default('https://endpoints.office.com')
    .describe(
      'The endpoint service, or a mirror of it. TLS anchors of the installation count beside the built-in list.',
    ),
})

const exchange = z.strictObject({
  addressRanges: addressRanges.prefault({}).describe('How the addresses of Office 365 are kept current.'),
})

/** A command and its arguments: the first is a program by its whole path. */
const command = z
  .array(z.string().min(1).max(4096))
  .max(32)
  .refine(
    ([program]) => program === undefined || program.startsWith('/'),
    'must begin with the whole path of a program',
  )

const acme = z.strictObject({
  httpListeners: z
    .array(
      z.strictObject({
        address: z
          .string()
          .refine(isAddress, 'must be an IPv4 or IPv6 address, for example 0.0.0.0 or ::')
          .describe('Address to listen on.'),
        port: z.number().int().min(0).max(65535).default(80).describe('Port; authorities ask on port 80.'),
      }),
    )
    .max(16)
    .default([])
    .describe('Where HTTP-01 challenges are answered, and nothing else; none: no HTTP-01.'),
  dnsCommand: command
    .default([])
    .describe(
      'Program, by its whole path, and arguments that write a TXT record for DNS-01. It is run without a shell as `PROGRAM ARGUMENTS… ' +
        'present|cleanup NAME VALUE`; none: somebody writes the record by hand.',
    ),
  nameServers: z
    .array(nameServer)
    .max(8)
    .default([])
    .describe(
      'Name servers that are asked whether the record can be seen. Without any those of the system. As environment variable: ' +
        '`192.0.2.53:53`.',
    ),
})

const direct = z.strictObject({
  tls: z
    .enum(['may', 'encrypt', 'dane', 'dane-only'])
    .default('dane')
    .describe(
      'TLS of direct delivery where the map `tls-policy` has no line: `dane` is TLS where it is offered, and TLS with a ' +
        'certificate that DNS vouches for where there are secure TLSA records.',
    ),
  mtaSts: z
    .enum(['on', 'off'])
    .default('on')
    .describe(
      'Whether the policies that domains publish (MTA-STS) count where the map `tls-policy` has no line and DANE says nothing.',
    ),
})

const mailbox = z.string().max(254).refine(isMailbox, 'must be an e-mail address')

const tlsReports = z.strictObject({
  organisation: z.string().min(1).max(200).describe('Name of the organisation that sends the reports.'),
  contact: mailbox.describe('Address for questions, written into each report.'),
  sender: mailbox.describe(
    'From whom the reports come. Some tenant must have a key in `dkimSigning` for its domain, or none is sent.',
  ),
  tenant: z
    .string()
    .min(1)
    .max(63)
    .describe('Name of the tenant that sends the reports; its `outboundDelivery` must be `direct`.'),
})

/** The schema of `siegel.yaml`. */
export const startSchema = z.strictObject({
  fqdn: fqdnField(
    'Host name of the installation: greeting of the listeners. Tenants have names of their own.',
  ),
  listeners: z
    .array(listener)
    .min(1)
    .max(64)
    .default([{ address: '0.0.0.0', port: 25 }])
    .describe('Where mail is taken. As environment variable: `0.0.0.0:25,[::]:25`.'),
  dataFolder: z
    .string()
    .min(1)
    .max(4096)
    .default('/var/lib/siegel')
    .describe('Folder of the database and the sealed mail. Relative to the file that holds the setting.'),
  database: z
    .enum(['sqlite'])
    .default('sqlite')
    .describe('Where queue, settings and traces are kept: `sqlite`, a file in the data folder.'),
  masterKey: z
    .string()
    .refine((text) => {
      const scheme = parseReference(text)?.scheme
      return scheme === 'file' || scheme === 'env'
    }, 'must be a reference, file:path or env:NAME, not the key itself')
    .describe(
      'Reference to the key that seals everything: 32 random octets, or these as 64 hexadecimal digits or in base64. ' +
        'Without it nothing that is stored can be read: keep a copy elsewhere.',
    ),
  hosts: z
    .record(
      z.string().refine((text) => toDomain(text) === text, 'must be a host name in lower case'),
      z
        .string()
        .refine((text) => parseHostTargets(text) !== null, 'must be an address, with :port if need be'),
    )
    .default({})
    .describe(
      'Static host table, asked before DNS: host name to `address`, `address:port` or `[address]:port`, several with blanks between. ' +
        'As environment variable: `a.example=10.0.0.1,b.example=10.0.0.2:2525`.',
    ),
  dns: dns.prefault({}).describe('Name servers.'),
  direct: direct
    .prefault({})
    .describe('Delivery to the mail exchangers of the world, for tenants that say so (`outboundDelivery`).'),
  tlsReports: tlsReports
    .optional()
    .describe(
      'Reports about TLS (TLSRPT) to the domains that want them, of direct delivery. Left out: nothing is counted and none is sent.',
    ),
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
    .default('info')
    .describe('Least severity that is logged.'),
  queue: queue.prefault({}).describe('Times of the queue.'),
  exchange: exchange.prefault({}).describe('What is asked of Microsoft.'),
  acme: acme.prefault({}).describe('How the challenges of `AcmeIssuer` objects are answered.'),
  limits: limits.prefault({}).describe('Upper limits. What exceeds one is refused, never cut.'),
})
