/**
 * A key that a domain publishes under a selector in DNS: the shape that DKIM signing and ARC sealing share. Shape only: whether
 * the key is good is said when the settings are compiled, whether DNS names it is said by whoever verifies.
 */
import { z } from 'zod'
import { domainField } from '../host-name.ts'
import { privateKeyField } from '../material.ts'

// RFC 6376 3.1: selector = sub-domain *( "." sub-domain )
const SELECTOR = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/

/** A field for a domain with selector and private key; the public key stands in DNS at `<selector>._domainkey.<domain>`. */
export function domainKeyField() {
  return z.strictObject({
    domain: domainField('Domain that signs (`d=`).'),
    selector: z
      .string()
      .max(180)
      .toLowerCase()
      .regex(SELECTOR, 'must be a selector such as siegel1')
      .describe('Selector (`s=`): the public key is looked up at `<selector>._domainkey.<domain>`.'),
    key: privateKeyField('The private key: RSA of at least 2048 bits, or Ed25519.'),
  })
}
