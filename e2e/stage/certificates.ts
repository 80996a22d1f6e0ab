/**
 * Everything a stage needs of certificates, made anew for each run by the simulator's issuer (foreign to the engine): TLS for
 * Exchange, the gateway and the world, and e-mail certificates for people. Throw-away keys only.
 */
import { issue, makeAuthority, type Authority, type IssuedCertificate, type KeyType } from '@siegel/exo-sim'

/** The authorities and TLS certificates of one stage. */
export interface StageCertificates {
  /** Issues TLS certificates; trusted by every server and client on the stage. */
  readonly tls: Authority
  /** Issues e-mail certificates; trusted by the gateway and by the judge. */
  readonly mail: Authority
  /** Nobody trusts it. */
  readonly rogue: Authority
  /** Exchange Online's front end. */
  readonly exchangeServer: IssuedCertificate
  /** Exchange Online as client. */
  readonly exchangeClient: IssuedCertificate
  /** The gateway, as server and as client; an intermediate authority stands between it and the root. */
  readonly gateway: IssuedCertificate
  /** The mail exchanger of the rest of the world. */
  readonly world: IssuedCertificate
}

/**
 * Makes the certificates of a stage.
 * @param fqdn - the gateway's name
 */
export function makeStageCertificates(fqdn: string): StageCertificates {
  const tls = makeAuthority({ commonName: 'Stage TLS Authority', keyType: 'p256' })
  // Exchange Online fetches no intermediates: what the gateway presents must bring this one along.
  const issuing = makeAuthority({ commonName: 'Stage TLS Issuing Authority', keyType: 'p256', issuer: tls })
  const mail = makeAuthority({ commonName: 'Stage Mail Authority', keyType: 'rsa2048' })
  const rogue = makeAuthority({ commonName: 'Rogue Authority', keyType: 'p256' })
  return {
    tls,
    mail,
    rogue,
    exchangeServer: issue(tls, {
      commonName: 'mail.protection.outlook.com',
      dnsNames: ['mail.protection.outlook.com', '*.mail.protection.outlook.com'],
      keyType: 'rsa2048',
    }),
    exchangeClient: issue(tls, { commonName: 'mail.protection.outlook.com', keyType: 'rsa2048' }),
    gateway: issue(issuing, { commonName: fqdn, dnsNames: [fqdn], keyType: 'rsa2048' }),
    world: issue(tls, { commonName: 'mx.world.example', dnsNames: ['mx.world.example'] }),
  }
}

/** A person's e-mail certificate with its key. */
export function makePerson(
  authority: Authority,
  address: string,
  keyType: KeyType = 'rsa2048',
): IssuedCertificate {
  const keyUsage = keyType.startsWith('rsa')
    ? (['digitalSignature', 'keyEncipherment'] as const)
    : (['digitalSignature', 'keyAgreement'] as const)
  return issue(authority, { commonName: address, emails: [address], keyType, keyUsage: [...keyUsage] })
}
