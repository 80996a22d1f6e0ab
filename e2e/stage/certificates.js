/**
 * Everything a stage needs of certificates, made anew for each run by the simulator's issuer (foreign to the engine): TLS for
 * Exchange, the gateway and the world, and e-mail certificates for people. Throw-away keys only.
 */
import { issue, makeAuthority } from '@siegel/exo-sim'
/**
 * Makes the certificates of a stage.
 * @param fqdn - the gateway's name
 */
export function makeStageCertificates(fqdn) {
  const tls = makeAuthority({ commonName: 'Stage TLS Authority', keyType: 'p256' })
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
    gateway: issue(tls, { commonName: fqdn, dnsNames: [fqdn], keyType: 'rsa2048' }),
    world: issue(tls, { commonName: 'mx.world.example', dnsNames: ['mx.world.example'] }),
  }
}
/** A person's e-mail certificate with its key. */
export function makePerson(authority, address, keyType = 'rsa2048') {
  const keyUsage = keyType.startsWith('rsa')
    ? ['digitalSignature', 'keyEncipherment']
    : ['digitalSignature', 'keyAgreement']
  return issue(authority, { commonName: address, emails: [address], keyType, keyUsage: [...keyUsage] })
}
//# sourceMappingURL=certificates.js.map
