/**
 * An outbound step wired to a scripted hop, for tests: one tenant, one route, settings that a test may change.
 */
import type { TlsIdentity } from '../../../config/ports.ts'
import { createHostLookup } from '../../../dns/hosts.ts'
import type { Envelope, Recipient } from '../../envelope.ts'
import { createOutbound, type DeliveryRequest, type Outbound, type OutboundOptions } from '../outbound.ts'
import { authority, leaf, type Authority } from './certificates.ts'
import { startHop, type Hop, type HopScript } from './hop.ts'

/** The route of the test tenant, as in the how-to. */
export const ROUTE = '[contoso-com.mail.protection.outlook.com]:25'
/** The how-to's line. */
export const SEED_LINE = `${ROUTE} verify match=mail.protection.outlook.com`
/** The names that Exchange Online's certificate carries, as far as they matter. */
export const HOP_NAMES = ['mail.protection.outlook.com', '*.mail.protection.outlook.com']

/** Certificates are made once per test process: making keys is the slow part. */
export interface World {
  readonly root: Authority
  readonly intermediate: Authority
  readonly good: TlsIdentity
  readonly client: TlsIdentity
}

/** Makes the certificates. */
export function makeWorld(): World {
  const root = authority('Test Root')
  const intermediate = authority('Test Intermediate', root)
  return {
    root,
    intermediate,
    good: leaf({ names: HOP_NAMES, issuer: intermediate, intermediates: [intermediate.pem] }),
    client: leaf({ names: ['gw.contoso.com'], issuer: intermediate, intermediates: [intermediate.pem] }),
  }
}

/** The settings in a form that a test may change. */
export interface ChangeableSettings {
  maps: Map<string, string>
  clientIdentities: Map<string, TlsIdentity>
  tlsAnchors: readonly string[]
}

/** A running pair. */
export interface Rig {
  readonly hop: Hop
  readonly outbound: Outbound
  readonly settings: ChangeableSettings
  deliver(request?: Partial<RequestShape>): ReturnType<Outbound['deliver']>
  close(): Promise<void>
}

/** What a test may say of a mail. */
export interface RequestShape {
  readonly tenantId: string
  readonly route: string
  readonly sender: string
  readonly envelope: Partial<Omit<Envelope, 'recipients'>>
  readonly to: readonly (string | Partial<Recipient>)[]
  readonly copy: Partial<DeliveryRequest['copy']>
  readonly content: string | Buffer
  readonly body: DeliveryRequest['body']
  readonly floor: DeliveryRequest['floor']
  readonly direct: boolean
  readonly report: boolean
}

/** Short time limits, so that tests of silence are quick. */
export const QUICK = {
  connect: 400,
  tls: 400,
  greeting: 400,
  ehlo: 400,
  mail: 400,
  rcpt: 400,
  data: 400,
  block: 400,
  final: 400,
  reset: 200,
  idle: 2000,
}

/** Starts a hop and an outbound step that reaches it under the route. */
export async function startRig(
  world: World,
  script: Partial<HopScript> = {},
  options: Partial<OutboundOptions> = {},
): Promise<Rig> {
  const hop = await startHop({ identity: world.good, ...script })
  const settings: ChangeableSettings = {
    maps: new Map([['tls-policy', `${SEED_LINE}\n`]]),
    clientIdentities: new Map([
      ['t1', world.client],
      ['t2', world.client],
    ]),
    tlsAnchors: [world.root.pem],
  }
  const address = `127.0.0.1:${hop.port}`
  const outbound = createOutbound({
    hosts: createHostLookup({
      table: new Map([
        ['contoso-com.mail.protection.outlook.com', [address]],
        ['hop.example', [address]],
      ]),
    }),
    settings: () => settings,
    timeouts: QUICK,
    ...options,
  })
  return {
    hop,
    outbound,
    settings,
    deliver: (shape = {}) => outbound.deliver(requestOf(shape)),
    close: async () => {
      outbound.close()
      await hop.close()
    },
  }
}

/** A request with defaults: one ASCII mail to one recipient. */
export function requestOf(shape: Partial<RequestShape>): DeliveryRequest {
  const content = Buffer.from(shape.content ?? 'Subject: x\r\n\r\nhello\r\n')
  const recipients = (shape.to ?? ['bob@fabrikam.com']).map((to, delivery) => ({
    delivery,
    recipient: {
      address: 'x@y.example',
      notify: null,
      originalRecipient: null,
      ...(typeof to === 'string' ? { address: to } : to),
    },
  }))
  return {
    tenant: { id: shape.tenantId ?? 't1', fqdn: 'gw.contoso.com', route: shape.route ?? ROUTE },
    envelope: {
      sender: shape.sender ?? 'alice@contoso.com',
      smtpUtf8: false,
      body: null,
      returnContent: null,
      envelopeId: null,
      ...shape.envelope,
    },
    recipients,
    copy: {
      size: content.length,
      eightBit: false,
      eightBitHeader: false,
      bareLineEnds: false,
      longestLine: 10,
      ...shape.copy,
    },
    body: shape.body ?? (() => [content]),
    ...(shape.floor === undefined ? {} : { floor: shape.floor }),
    ...(shape.direct === undefined ? {} : { direct: shape.direct }),
    ...(shape.report === undefined ? {} : { report: shape.report }),
  }
}

/** Waits until something that the hop notes a moment later is true; gives up after two seconds. */
export async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !isTrue(); i++) await new Promise((resolve) => setTimeout(resolve, 5))
}
