/**
 * Mail authentication: the port of the mail path, plugged together with DNS. What a judgement may cost is said here.
 */
import type { RecordLookup } from '../dns/records.ts'
import type { MailAuthentication } from '../mail/authentication.ts'
import { examine } from './examine.ts'
import { prove } from './prove.ts'
import { stamp } from './stamp.ts'

/** A proof has a few signatures at most; the peer waits for it. */
const PROOF = { questions: 4, deadlineMs: 10_000 }
/** A chain has a key for each seal and one for the newest message signature. RFC 8617 4.2.1 */
const CHAIN = { questions: 51, deadlineMs: 15_000 }

/** Plugs it together. */
export function createMailAuthentication(lookup: RecordLookup): MailAuthentication {
  return {
    prove: (request) => prove(request, lookup, PROOF),
    examine: (mail) => examine(mail, lookup, CHAIN),
    stamp,
  }
}
