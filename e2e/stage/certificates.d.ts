/**
 * Everything a stage needs of certificates, made anew for each run by the simulator's issuer (foreign to the engine): TLS for
 * Exchange, the gateway and the world, and e-mail certificates for people. Throw-away keys only.
 */
import { type Authority, type IssuedCertificate, type KeyType } from '@siegel/exo-sim'
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
  /** The gateway, as server and as client. */
  readonly gateway: IssuedCertificate
  /** The mail exchanger of the rest of the world. */
  readonly world: IssuedCertificate
}
/**
 * Makes the certificates of a stage.
 * @param fqdn - the gateway's name
 */
export declare function makeStageCertificates(fqdn: string): StageCertificates
/** A person's e-mail certificate with its key. */
export declare function makePerson(
  authority: Authority,
  address: string,
  keyType?: KeyType,
): IssuedCertificate
