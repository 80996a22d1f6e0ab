/**
 * The life of a tenant's TLS certificates: requested, imported, put in force, staged as the next one, rolled back, removed. What is
 * put in force was checked for that moment; what is bad is refused. Every step is written at once and followed by a running gateway
 * within a second; no connection ends for it.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { readCertificates, readCsr, type Certificate } from '@siegel/engine'
import { keyToPem, toPem } from '../config/certificates.ts'
import type { Settings } from '../config/ports.ts'
import { checkIdentity } from './check.ts'
import { acceptable, type IdentityFinding } from './findings.ts'
import { belongs, MaterialRefused, orderChain, type Anchors, type Material } from './material.ts'
import type {
  Deed,
  IdentityState,
  IdentityStore,
  KeptCertificate,
  NewId,
  Origin,
  Slot,
  Use,
} from './ports.ts'
import { describeKey, makeKey, requestFor, requestPem, type KeyKind } from './request.ts'

/** A tenant, as far as its certificates are concerned. */
export interface Host {
  /** Row key. */
  readonly tenantId: string
  /** The name that certificates must have. */
  readonly fqdn: string
}

/** Why something is not done. The message is for the operator. */
export class IdentityRefused extends Error {
  override readonly name = 'IdentityRefused'
  /** What stands in the way; empty when it is not the certificate. */
  readonly findings: readonly IdentityFinding[]

  /**
   * @param message - for the operator
   * @param findings - what stands in the way
   */
  constructor(message: string, findings: readonly IdentityFinding[] = []) {
    super(message)
    this.findings = findings
  }
}

/** What the life of certificates needs. */
export interface IdentityPorts {
  readonly store: IdentityStore
  readonly newId: NewId
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The authorities of the moment. */
  readonly anchors: () => Anchors
  /** Certificates of authorities that lie about: they may complete a chain. */
  readonly atHand: () => readonly Certificate[]
  /** Who acts, for the audit log. */
  readonly actor: string
}

/** What an import came to. */
export interface Imported {
  readonly certificate: KeptCertificate
  readonly findings: readonly IdentityFinding[]
}

function emptySlot(tenantId: string, use: Use): Slot {
  return { tenantId, use, active: null, former: null, next: null, nextAt: null }
}

/** The slot of a use; an empty one when nothing was ever in force. */
export function slotFor(state: IdentityState, tenantId: string, use: Use): Slot {
  return (
    state.slots.find((slot) => slot.tenantId === tenantId && slot.use === use) ?? emptySlot(tenantId, use)
  )
}

/** The certificate of a tenant by its id. */
export function certificateById(
  state: IdentityState,
  tenantId: string,
  id: string | null,
): KeptCertificate | null {
  return state.certificates.find((one) => one.tenantId === tenantId && one.id === id) ?? null
}

/** The certificates of a kept chain; empty while it is awaited. */
export function chainOf({ chain }: KeptCertificate): Certificate[] {
  return chain === null ? [] : readCertificates(Buffer.from(chain))
}

/** Certificates of authorities that lie about: behind the leaves of what is presented and of what is kept. */
export function certificatesAtHand(settings: Settings, state: IdentityState): Certificate[] {
  const chains = [
    ...settings.serverIdentities.map(({ chain }) => chain),
    ...[...settings.clientIdentities.values()].map(({ chain }) => chain),
    ...state.certificates.flatMap(({ chain }) => chain ?? []),
  ]
  const found = new Map<string, Certificate>()
  for (const chain of chains)
    for (const one of readCertificates(Buffer.from(chain)).slice(1)) found.set(one.fingerprint, one)
  return [...found.values()]
}

/** The certificates of an installation's tenants. */
export class Identities {
  readonly #ports: IdentityPorts

  constructor(ports: IdentityPorts) {
    this.#ports = ports
  }

  /** Everything that is kept. */
  state(): IdentityState {
    return this.#ports.store.state()
  }

  /** Makes a key and its request, keeps both. */
  async request(host: Host, kind: KeyKind, origin: Origin = 'request'): Promise<KeptCertificate> {
    const key = await makeKey(kind)
    const certificate: KeptCertificate = {
      id: this.#ports.newId(),
      tenantId: host.tenantId,
      origin,
      createdAt: this.#ports.now(),
      names: [host.fqdn],
      keyKind: describeKey(key),
      csr: requestPem(requestFor(host.fqdn, key, origin !== 'acme')),
      chain: null,
      notBefore: null,
      notAfter: null,
      fingerprint: null,
    }
    await this.#ports.store.keep(
      certificate,
      keyToPem(key),
      this.#deed('tls-certificate-requested', host.tenantId, { id: certificate.id, key: kind }),
    )
    return certificate
  }

  /**
   * Keeps a certificate: with the key that came with it, or for a request that awaits it.
   * @param uses - what it is to be checked for
   * @throws MaterialRefused, IdentityRefused
   */
  async take(
    host: Host,
    material: Material,
    uses: readonly Use[],
    origin: Origin = 'import',
  ): Promise<Imported> {
    const { leaf, key, request } = this.#match(host, material)
    const chain = this.#order(leaf, material.certificates)
    const known = this.state().certificates.find(
      (one) => one.tenantId === host.tenantId && one.fingerprint === leaf.fingerprint,
    )
    if (known !== undefined) throw new IdentityRefused(`it is there already: ${known.id}`)
    const certificate: KeptCertificate = {
      ...(request ?? {
        id: this.#ports.newId(),
        tenantId: host.tenantId,
        origin,
        createdAt: this.#ports.now(),
        keyKind: describeKey(leaf.publicKey),
        csr: null,
      }),
      names: leaf.dnsNames.map((name) => name.toLowerCase()),
      chain: toPem(chain.sent),
      notBefore: leaf.notBefore,
      notAfter: leaf.notAfter,
      fingerprint: leaf.fingerprint,
    }
    await this.#ports.store.keep(
      certificate,
      key === null ? null : keyToPem(key),
      this.#deed('tls-certificate-imported', host.tenantId, {
        id: certificate.id,
        fingerprint: leaf.fingerprint,
      }),
    )
    return {
      certificate,
      findings: checkIdentity({ chain, host: host.fqdn, uses, at: this.#ports.now() }),
    }
  }

  /** What is to be said of a kept certificate at a moment. */
  check(host: Host, certificate: KeptCertificate, uses: readonly Use[], at: number): IdentityFinding[] {
    const [leaf, ...rest] = chainOf(certificate)
    if (leaf === undefined)
      throw new IdentityRefused(`${certificate.id} has no certificate yet: import it first`)
    return checkIdentity({ chain: this.#order(leaf, [leaf, ...rest]), host: host.fqdn, uses, at })
  }

  /**
   * Puts a certificate in force; the one before becomes the former one.
   * @throws IdentityRefused when something bad is found
   */
  async activate(host: Host, id: string, uses: readonly Use[]): Promise<IdentityFinding[]> {
    const state = this.state()
    const findings = await this.#accept(host, state, id, uses, this.#ports.now())
    await this.#setSlots(
      state,
      host,
      uses.map((use) => inForce(slotFor(state, host.tenantId, use), id)),
      'tls-certificate-activated',
      id,
    )
    return findings
  }

  /**
   * Stages the next certificate.
   * @param at - when it takes over by itself; null: by command
   * @throws IdentityRefused when something bad is found for that moment
   */
  async stage(host: Host, id: string, uses: readonly Use[], at: number | null): Promise<IdentityFinding[]> {
    const state = this.state()
    const certificate = certificateById(state, host.tenantId, id)
    const moment = at ?? Math.max(this.#ports.now(), certificate?.notBefore ?? 0)
    const findings = await this.#accept(host, state, id, uses, moment)
    await this.#setSlots(
      state,
      host,
      uses.map((use) => ({ ...slotFor(state, host.tenantId, use), next: id, nextAt: at })),
      'tls-certificate-staged',
      id,
    )
    return findings
  }

  /** Puts the staged certificate in force for each use that has one. */
  async activateNext(host: Host, uses: readonly Use[]): Promise<IdentityFinding[]> {
    const state = this.state()
    const slots = uses.map((use) => slotFor(state, host.tenantId, use)).filter((slot) => slot.next !== null)
    const [first] = slots
    const id = first?.next ?? null
    if (id === null) throw new IdentityRefused('no certificate is staged: name one')
    const same = slots.filter((slot) => slot.next === id)
    return this.activate(
      host,
      id,
      same.map(({ use }) => use),
    )
  }

  /** Puts the former certificate in force again. */
  async rollBack(host: Host, uses: readonly Use[]): Promise<readonly Slot[]> {
    const state = this.state()
    const slots = uses.map((use) => slotFor(state, host.tenantId, use)).filter((slot) => slot.former !== null)
    if (slots.length === 0) throw new IdentityRefused('there is no former certificate')
    for (const { former, use } of slots)
      if (former !== null) await this.#accept(host, state, former, [use], this.#ports.now())
    const turned = slots.map((slot) => ({ ...slot, active: slot.former, former: slot.active }))
    await this.#setSlots(state, host, turned, 'tls-certificate-rolled-back', slots[0]?.former ?? null)
    return turned
  }

  /** Removes a certificate with its key, for good. */
  async remove(host: Host, id: string): Promise<void> {
    const { version } = this.state()
    await this.#ports.store.remove(
      version,
      host.tenantId,
      id,
      this.#deed('tls-certificate-removed', host.tenantId, { id }),
    )
  }

  /** The private key of a kept certificate. */
  keyOf({ tenantId, id }: KeptCertificate): KeyObject {
    const pem = this.#ports.store.privateKey(tenantId, id)
    if (pem === null) throw new IdentityRefused(`there is no certificate ${id}`)
    return createPrivateKey(pem)
  }

  /** Checks before something comes into force; what has come to hand since completes the chain that is sent. */
  async #accept(
    host: Host,
    state: IdentityState,
    id: string,
    uses: readonly Use[],
    at: number,
  ): Promise<IdentityFinding[]> {
    const certificate = certificateById(state, host.tenantId, id)
    if (certificate === null) throw new IdentityRefused(`there is no certificate ${id} of this tenant`)
    const findings = this.check(host, certificate, uses, at)
    if (!acceptable(findings)) throw new IdentityRefused(`${id} is not put in force`, findings)
    const kept = chainOf(certificate)
    const [leaf] = kept
    const chain = leaf === undefined ? null : toPem(this.#order(leaf, kept).sent)
    if (chain !== null && chain !== certificate.chain)
      await this.#ports.store.keepChain(host.tenantId, id, chain)
    return findings
  }

  async #setSlots(
    state: IdentityState,
    host: Host,
    slots: readonly Slot[],
    action: string,
    id: string | null,
  ): Promise<void> {
    const detail = { id, use: slots.map(({ use }) => use).join(',') }
    await this.#ports.store.setSlots(state.version, slots, this.#deed(action, host.tenantId, detail))
  }

  #order(leaf: Certificate, given: readonly Certificate[]) {
    const { anchors, atHand, now } = this.#ports
    return orderChain(leaf, given, atHand(), anchors(), now())
  }

  /** The certificate that a key is there for. */
  #match(
    host: Host,
    { certificates, keys }: Material,
  ): { leaf: Certificate; key: KeyObject | null; request: KeptCertificate | null } {
    if (certificates.length === 0) throw new MaterialRefused('there is no certificate in it')
    for (const key of keys) {
      const leaf = certificates.find((one) => belongs(key, one))
      if (leaf !== undefined) return { leaf, key, request: null }
    }
    if (keys.length > 0)
      throw new MaterialRefused('the private key in it belongs to none of its certificates')
    const pending = this.state().certificates.filter(
      ({ tenantId, chain, csr }) => tenantId === host.tenantId && chain === null && csr !== null,
    )
    for (const request of pending) {
      const { publicKey } = readCsr(Buffer.from(request.csr ?? ''))
      const leaf = certificates.find((one) => belongs(publicKey, one))
      if (leaf !== undefined) return { leaf, key: null, request }
    }
    const names = certificates.map(({ raw }) => new X509Certificate(raw).subject.replaceAll('\n', ', '))
    throw new MaterialRefused(
      `no key for it: ${pending.length} request(s) of this tenant await a certificate and none has the key of ${names.join('; ')}`,
    )
  }

  #deed(action: string, tenantId: string, detail: Deed['detail']): Deed {
    return { actor: this.#ports.actor, action, tenantId, detail }
  }
}

/** A slot with a certificate in force. */
function inForce(slot: Slot, id: string): Slot {
  const staged = slot.next === id
  return {
    ...slot,
    active: id,
    former: slot.active === id ? slot.former : (slot.active ?? slot.former),
    next: staged ? null : slot.next,
    nextAt: staged ? null : slot.nextAt,
  }
}
