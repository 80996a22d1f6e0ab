/**
 * The verbs of the command: name, forms, and how each is loaded. A verb's code is loaded only when it is called, so that the
 * start stays quick. Adding a verb is adding it here; there is no registry that fills itself.
 */
import type { Command } from './io.ts'
import { ENCRYPT_DETAILS, ENCRYPT_USAGE } from './smime-usage.ts'

/** One verb. */
export interface Verb {
  readonly name: string
  /** One line for the list of verbs. */
  readonly summary: string
  /** The forms in which it is called, without `siegel`. */
  readonly forms: readonly string[]
  /** What else to know: options, exit codes. */
  readonly details: readonly string[]
  /** null: the shell wrapper runs it and it cannot be called from here. */
  readonly load: (() => Promise<Command>) | null
}

const VERIFY_OPTIONS =
  '[--trust F…] [--intermediates F…] [--crl F…] [--ocsp F…] [--at RFC3339] [--allow-weak] [--revocation none|prefer|require] ' +
  '[--policy OID… --explicit-policy --inhibit-any --inhibit-map]'

const KEYRING_FILTERS =
  '[--address A|@DOMAIN] [--owner own|partner] [--origin ORIGIN] [--state active|awaiting-approval|removed] [--expires-before T] [--distrusted]'

/** The choices of the assistant. */
const CHOICES =
  '[--preset recommended|as-documented] [--spam A|B|C|D] [--inbound crypto|all] [--guard none|reject|report] [--report-to A] ' +
  '[--exempt none|OOF,PermissionControlled] [--pilot-group A] [--gateway-ip IP…] [--certificate-name N] [--tenant NAME] [--config FILE]'

const FILES =
  'FILE is a mail or a bare CMS object (DER or PEM); - is standard input. F may be PEM, DER or a folder; options may repeat.'

/** All verbs, in the order in which help lists them. */
export const VERBS: readonly Verb[] = [
  {
    name: 'serve',
    summary: 'run the gateway',
    forms: ['serve [--config FILE] [--allow-root]'],
    details: [
      'Runs until it gets SIGTERM or SIGINT, then finishes what it has in hand.',
      '--allow-root  run as root all the same',
    ],
    load: async () => (await import('../main.ts')).serve,
  },
  {
    name: 'demo',
    summary: 'run the gateway against a simulated Exchange Online on this machine',
    forms: ['demo [--keep]'],
    details: ['--keep  leave everything running afterwards and print the addresses'],
    load: null,
  },
  {
    name: 'apply',
    summary: 'write configuration objects from a file',
    forms: ['apply -f FILE [--dry-run] [--prune] [--undo-rotation] [--config FILE] [--json]'],
    details: [
      '-f FILE    YAML documents or JSON; - is standard input. file: references start at the folder of FILE.',
      '--dry-run  only print what would change',
      '--prune    delete all objects that are not in FILE, of the whole installation',
      'All or nothing. What is already so is not written. Exits with 1 when another change came between; apply again.',
      'A file that is older than what siegel exchange rotate has done to a tenant is refused, unless --undo-rotation says so.',
    ],
    load: async () => (await import('./apply.ts')).apply,
  },
  {
    name: 'export',
    summary: 'print all configuration objects, secrets sealed',
    forms: ['export [--config FILE]'],
    details: [
      'The output applied to the same installation changes nothing; elsewhere its secrets do not open.',
    ],
    load: async () => (await import('./export.ts')).exportObjects,
  },
  {
    name: 'trace',
    summary: 'show what happened to a mail and why',
    forms: [
      'trace show ID [--lang de|en] [--config FILE] [--json]',
      'trace find [--message-id M] [--network-message-id N] [--from A] [--to B] [--since T] [--state S] [--tenant NAME] [--limit N] [--config FILE] [--json]',
    ],
    details: [
      'ID is the 26 characters from the reply, the Received field or a log line.',
      'T is a time (RFC 3339) or a span back from now such as 2h or 3d. Newest first.',
      'show exits with 1 when there is no such mail.',
    ],
    load: async () => (await import('./trace.ts')).trace,
  },
  {
    name: 'explain',
    summary: 'show what would become of a mail and why, without sending it',
    forms: [
      "explain --from A --to B [--to C…] [--header 'NAME: VALUE'…] [--tenant NAME] [--language de|en] [--config FILE] [--json]",
      'explain --file MAIL [--from A] --to B [--to C…] [--tenant NAME] [--language de|en] [--config FILE] [--json]',
    ],
    details: [
      'Shows for each recipient the treatment, every setting with where it comes from, and each key and certificate that was looked at.',
      'The envelope is --from and --to; the author is the From field of MAIL. Mail to accepted domains only is inbound.',
    ],
    load: async () => (await import('./explain.ts')).explain,
  },
  {
    name: 'profile',
    summary: 'show the profiles, and test that mail is protected as one of them says',
    forms: [
      'profile list [--language de|en] [--json]',
      'profile show NAME [--language de|en] [--json]',
      'profile check NAME [--partner ADDRESS…] [--tenant NAME] [--language de|en] [--config FILE] [--json]',
    ],
    details: [
      'show tells what a profile allows; what is used of a partner of whom nothing is known has a *.',
      'check makes keys in memory, has the gateway plan, sign and encrypt a mail with them, looks at what is really in it, and offers it',
      'certificates that it must refuse; then it looks at the own keys of the tenant and at the certificates of the partners that settings',
      'give the profile to by address, or of --partner. Nothing is sent and nothing changed. Exit 1 when something is not as it should be.',
    ],
    load: async () => (await import('./profile.ts')).profile,
  },
  {
    name: 'partner',
    summary: 'show or forget what partners have shown to be able to read',
    forms: [
      'partner capabilities [ADDRESS] [--after ADDRESS] [--tenant NAME] [--language de|en] [--config FILE] [--json]',
      'partner capabilities ADDRESS --forget [--tenant NAME] [--config FILE] [--json]',
    ],
    details: [
      'Learned from mail whose verdict is valid; of several mails the one that was signed last counts.',
      'Without ADDRESS those of a thousand addresses, in their order; --after goes on. Exit 1 when nothing is known of ADDRESS.',
    ],
    load: async () => (await import('./partner.ts')).partner,
  },
  {
    name: 'queue',
    summary: 'have held or deferred mail tried again at once',
    forms: ['queue release ID [--to ADDRESS] [--config FILE]'],
    details: [
      'ID is that of the trace. --to  only this recipient.',
      'A running gateway takes it up within seconds. Exits with 1 when nothing of the mail is held or deferred.',
    ],
    load: async () => (await import('./queue.ts')).queue,
  },
  {
    name: 'alarm',
    summary: 'list what somebody must look after, or say that it is done',
    forms: [
      'alarm list [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'alarm clear CODE SUBJECT [--tenant NAME] [--config FILE]',
    ],
    details: [
      'list exits with 1 when an alarm stands. SUBJECT is what the alarm is about, as listed; the same trouble raises it again.',
      'CODE and SUBJECT of an alarm of one tenant go with --tenant; without it those of the whole installation.',
    ],
    load: async () => (await import('./alarm.ts')).alarm,
  },
  {
    name: 'smime',
    summary: 'verify, decrypt, sign or encrypt a mail',
    forms: [
      `smime verify FILE ${VERIFY_OPTIONS} [--json]`,
      `smime decrypt FILE --key P12|PEM [--pass TEXT|--pass-file F] [--cert F] [--out F] ${VERIFY_OPTIONS} [--json]`,
      'smime sign FILE --key P12|PEM [--pass TEXT|--pass-file F] [--cert F] [--opaque] [--digest sha256|sha384|sha512] [--pss] [--signer-id issuer-and-serial|ski] [--header-protection] --out F',
      `smime encrypt FILE --to CERT… ${ENCRYPT_USAGE.join(' ')} [--header-protection] --out F`,
    ],
    details: [
      ...[FILES, 'Never touches the network. Exits with 1 for any verdict but valid or decrypted.'],
      '--allow-weak      accept SHA-1 signatures, and decrypt 3DES and RC2 with 128 bits',
      ...ENCRYPT_DETAILS,
      'Ed25519, ML-DSA and Ed448 choose the digest themselves (SHA-512, SHA-512, SHAKE256).',
    ],
    load: async () => (await import('./smime.ts')).smime,
  },
  {
    name: 'cert',
    summary: 'check a certificate path, an OCSP response or a PKCS#12 file',
    forms: [
      'cert path --leaf F --trust F… [--intermediates F…] [--crl F…] [--ocsp F…] [--at T] --purpose P [--email A|--dns D|--ip I] [--max-depth N] [--allow-weak] [--min-strength BITS] [--profile strict|public|tolerant] [--revocation none|prefer|require] [--policy OID…] [--json]',
      'cert ocsp --response F --issuer F [--cert F] [--trust F…] [--at T] [--allow-weak] [--json]',
      'cert p12 FILE [--pass TEXT] [--json]',
      'cert status FILE [--use sign|encrypt] [--email A] [--tenant NAME] [--language de|en] [--config FILE] [--json]',
    ],
    details: [
      'P is email, email-sign, email-encrypt, tls-server, tls-client, time-stamping, code-signing or any. --min-strength wants every key and',
      'signature of the path to have so many bits (112: RSA of 2048; 128: RSA of 3072). --profile says which rules for those who issue',
      'certificates count: public (those that public CAs obey; the default for TLS), strict (all), or tolerant (the default otherwise).',
      'Trust settings of `TRUSTED CERTIFICATE` files (openssl x509 -addtrust, -addreject) count. Never touches the network, but status:',
      "it judges the first certificate of FILE by the tenant's trust and asks CRLs and OCSP responders, as the gateway would; others in",
      'FILE are intermediates. Exits with 1 when it is not good.',
    ],
    load: async () => (await import('./cert.ts')).cert,
  },
  {
    name: 'keyring',
    summary: 'import, list, find, pin, distrust and remove keys and certificates',
    forms: [
      'keyring import FILE… [--password-file F] [--resume] [--report FILE.csv] [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      `keyring list ${KEYRING_FILTERS} [--after ID] [--limit N] [--tenant NAME] [--lang de|en] [--config FILE] [--json|--csv]`,
      'keyring show ID|FINGERPRINT [--tenant NAME] [--config FILE] [--json]',
      `keyring export ${KEYRING_FILTERS} [--out FILE] [--tenant NAME] [--config FILE]`,
      'keyring distrust ID|FINGERPRINT [--reason TEXT] [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'keyring trust ID|FINGERPRINT [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'keyring pin ID|FINGERPRINT --to ADDRESS [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'keyring unpin ID|FINGERPRINT --to ADDRESS [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'keyring remove|restore|approve ID|FINGERPRINT [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'keyring find ADDRESS [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'keyring smimea [--domain D] [--tenant NAME] [--config FILE]',
    ],
    details: [
      'FILE is PKCS#12 (with its key: an own one), PEM, DER, CMS, LDIF, or a ZIP archive of these, recognised by content. Every line that is',
      'not taken or is there already is reported; exit 1 when one was not taken. --resume goes on where an import of the same file was cut off.',
      'FINGERPRINT is the SHA-256 of the certificate. Distrust is of the certificate, wherever it comes from, also before it comes. A pinned',
      'certificate goes before all others of the address. --address @DOMAIN stands for a domain. A change exits with 1 when there is nothing to do.',
      'Entries of configuration objects are shown too, and changed with siegel apply. Export gives certificates, never private keys.',
      'find asks every CertificateDirectory of the tenant and keeps nothing. Exits with 1 when there is no certificate to encrypt to.',
      'smimea prints SMIMEA records (RFC 8162) of our own certificates for a zone that is signed.',
    ],
    load: async () => (await import('./keyring.ts')).keyring,
  },
  {
    name: 'directory',
    summary: "bring and show a tenant's people: users with all their addresses, groups with their members",
    forms: [
      'directory import FILE --users|--groups [--accept-smaller] [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'directory status [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'directory show ADDRESS|GROUP [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
    ],
    details: [
      'FILE is CSV in UTF-8, its first line names the columns. --users: PrimarySmtpAddress, EmailAddresses (`SMTP:a;smtp:b`). --groups: Group,',
      'GroupName, Member, RecipientType; a line for each member, which may be a group of the file. An import replaces users, or groups, as a',
      'whole; if it fails the last one stays. What is not taken is reported by line; then exit 1. --accept-smaller: also if more than half is gone.',
      'status exits with 1 when users or groups are missing or too old (`Directory` object, maxAgeHours); show when nothing is known.',
    ],
    load: async () => (await import('./directory.ts')).directory,
  },
  {
    name: 'key',
    summary: 'make an own S/MIME key and the request for its certificate, and import the reply',
    forms: [
      'key generate --address A… [--key rsa-3072|rsa-4096|rsa-2048|p-256|p-384] [--name TEXT] [--out FILE] [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'key list [--tenant NAME] [--config FILE] [--json]',
      'key import-reply FILE [--chain F…] [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'key remove ID [--tenant NAME] [--lang de|en] [--config FILE]',
    ],
    details: [
      'The key stays sealed in the store. The reply may hold its chain; what is missing is taken from --chain and the MailAnchor objects.',
      'import-reply exits with 1 when the reply fits no key, names none of its addresses, or its chain does not hold. remove: for good.',
    ],
    load: async () => (await import('./key.ts')).key,
  },
  {
    name: 'ca',
    summary: "a tenant's own small authority, to try S/MIME without buying certificates",
    forms: [
      'ca create [--name TEXT] [--days N] [--key K] [--out FILE] [--tenant NAME] [--lang de|en] [--config FILE]',
      'ca issue --address A… [--csr FILE] [--name TEXT] [--days N] [--key K] [--crl-url U…] [--out FILE] [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'ca revoke SERIAL|FINGERPRINT [--reason R] [--tenant NAME] [--lang de|en] [--config FILE]',
      'ca crl --out FILE [--days N] [--tenant NAME] [--config FILE]',
      'ca list [--tenant NAME] [--config FILE] [--json]',
    ],
    details: [
      "The authority can certify addresses in the tenant's accepted domains and nothing else. create prints its certificate, for partners to",
      'trust, and makes it a MailAnchor of the tenant. issue makes a key and uses it at once, or certifies the key of --csr. revoke: no longer',
      'used here at once; partners learn of it from the CRL, which crl writes and you publish under --crl-url.',
    ],
    load: async () => (await import('./ca.ts')).ca,
  },
  {
    name: 'rotate-master-key',
    summary: 'seal everything under another master key',
    forms: ['rotate-master-key --new file:PATH|env:NAME [--lang de|en] [--config FILE] [--json]'],
    details: [
      'Stop the gateway first; keep the old key until it has started with the new one. All data keys change in one step: killed at any',
      'moment, one of the two keys opens the data, and the command can be run again. Then set masterKey to the new one and start.',
      'Secrets in files of siegel export are sealed under the old key and do not open any more: export again.',
    ],
    load: async () => (await import('./rotate-master-key.ts')).rotateMasterKey,
  },
  {
    name: 'trust',
    summary: 'whom a tenant trusts for e-mail certificates, and what is known of revocation',
    forms: [
      'trust list [--tenant NAME] [--config FILE] [--json]',
      'trust show [--tenant NAME] [--config FILE] [--json]',
      'trust distrust FINGERPRINT|--issuer NAME [--comment TEXT] [--undo] [--tenant NAME] [--config FILE]',
      'trust refresh [--config FILE] [--json]',
    ],
    details: [
      'list: the authorities. show: the settings, and each CRL and OCSP answer at hand with its times.',
      'distrust writes into TrustSettings; a running gateway works by it within a second. --undo takes it back. NAME is as list writes it.',
      'refresh fetches everything again that is at hand, now; a running gateway uses it at once. Exits with 1 when something was not got.',
    ],
    load: async () => (await import('./trust.ts')).trust,
  },
  {
    name: 'tls-cert',
    summary: "request, import, stage and put in force the TLS certificate of a tenant's host",
    forms: [
      'tls-cert request [--key rsa-2048|rsa-3072|rsa-4096|p-256|p-384] [--out FILE] [--tenant NAME] [--config FILE] [--json]',
      'tls-cert import FILE [--chain F…] [--key F] [--pass TEXT|--pass-file F] [--use server|client|both] [--activate] [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'tls-cert list [--tenant NAME] [--config FILE] [--json]',
      'tls-cert check ID [--use U] [--at TIME] [--lang de|en] [--config FILE] [--json]',
      'tls-cert activate [ID] [--use U] [--tenant NAME] [--lang de|en] [--config FILE] [--json]',
      'tls-cert stage ID [--at TIME] [--use U] [--lang de|en] [--config FILE] [--json]',
      'tls-cert rollback [--use U] [--tenant NAME] [--config FILE] [--json]',
      'tls-cert remove ID [--yes] [--config FILE] [--json]',
      'tls-cert renew [--tenant NAME] [--config FILE] [--json]',
    ],
    details: [
      'FILE is PEM, DER or PKCS#12. The key is the one of a request, or in FILE, or in the file of --key. The chain is put in order and',
      'completed from --chain and from what is at hand. Each finding has a code and a remedy; exit 1 when one is bad: it is not put in force.',
      '--use   server: what the listener presents; client: what is presented to Office 365; both is the default',
      '--at    RFC 3339: when the staged one takes over by itself; without it, by activate without ID',
      'A running gateway presents the new one within a second, to new connections; none is cut. rollback takes the former one back.',
      'remove asks, unless --yes. renew has the gateway ask the AcmeIssuer again now. These certificates go before those of objects.',
    ],
    load: async () => (await import('./tls-cert.ts')).tlsCert,
  },
  {
    name: 'mime',
    summary: 'print the MIME structure of a mail with byte offsets',
    forms: ['mime tree FILE [--bodies] [--json]'],
    details: ['--bodies  with the decoded bodies in base64'],
    load: async () => (await import('./mime.ts')).mime,
  },
  {
    name: 'tls-policy',
    summary: 'say which TLS policy a map gives for a destination',
    forms: ['tls-policy check --map FILE DESTINATION [--json]'],
    details: [
      'FILE is a table in the syntax of smtp_tls_policy_maps. Faults, weak lines and lines that nothing reaches are printed too.',
    ],
    load: async () => (await import('./tls-policy.ts')).tlsPolicy,
  },
  {
    name: 'tls-report',
    summary: 'show what was counted of TLS in direct delivery, or have reports about it sent now',
    forms: [
      'tls-report list [--config FILE] [--json]',
      'tls-report show DOMAIN DAY [--config FILE] [--json]',
      'tls-report send [--day DAY] [--config FILE] [--json]',
    ],
    details: [
      'DAY is a UTC day such as 2026-11-24. list shows days, domains, sessions and what became of the report; three days are kept.',
      'send makes the reports of a day (yesterday) due now; a running gateway sends them within seconds. Exits with 1 when none waits.',
    ],
    load: async () => (await import('./tls-report.ts')).tlsReport,
  },
  {
    name: 'map',
    summary: 'say which line of a map applies to an address or a recipient',
    forms: ['map check --map FILE --kind transport|client-access|recipient-access KEY [--json]'],
    details: [
      'KEY is an IP address for client-access, an e-mail address otherwise. Every fault and doubtful line is printed with line and column.',
      'Exits with 0 when a valid line applies, 1 when none does or the line is at fault.',
    ],
    load: async () => (await import('./map.ts')).map,
  },
  {
    name: 'exchange',
    summary: "set up a tenant's connectors and rules in Exchange Online",
    forms: [
      `exchange plan ${CHOICES} [--language de|en] [--json]`,
      `exchange script ${CHOICES} [--language de|en] --out FILE`,
      `exchange rollback ${CHOICES} [--language de|en] --out FILE`,
      `exchange guide ${CHOICES} [--language de|en] [--out FILE]`,
      'exchange window open --to ADDRESS… [--tenant NAME] [--config FILE]',
      'exchange window close [--tenant NAME] [--config FILE]',
      'exchange window status [--tenant NAME] [--language de|en] [--config FILE] [--json]',
      'exchange onboarding start [--hours N] [--tenant NAME] [--language de|en] [--config FILE]',
      'exchange onboarding end|status [--tenant NAME] [--language de|en] [--config FILE] [--json]',
      'exchange rotate secret|word|abort|forget|status [--tenant NAME] [--language de|en] [--config FILE] [--json]',
      'exchange rotate confirm --state FILE [--tenant NAME] [--language de|en] [--config FILE]',
      'exchange rotate finish [--force] [--tenant NAME] [--language de|en] [--config FILE]',
      'exchange verify [--state FILE] [--listener HOST:PORT] [--tenant NAME] [--language de|en] [--config FILE] [--json]',
      'exchange verify --round-trip --inside ADDRESS --outside ADDRESS [--timeout T] [--settle T] [--tenant NAME] [--language de|en] [--config FILE] [--json]',
      'exchange drift --state FILE [--tenant NAME] [--language de|en] [--config FILE] [--json]',
      'exchange ranges [--refresh [--accept-smaller]] [--config FILE] [--json]',
    ],
    details: [
      'plan shows what would be made and why; script writes the PowerShell script that makes it, rollback the one that takes it away;',
      'both speak the language that is asked for and make the same objects in either;',
      'guide is the way through the Exchange admin center by hand. Files hold secrets and are readable for their owner only.',
      'window opens the gateway for 60 minutes to the test mail of connector validation, to at most five addresses; window status says',
      'when one was last let in and handed on, and exits with 1 when none ever was.',
      'onboarding: for N hours (72, at most 168) mail that Exchange Online refuses for good is tried again instead of returned.',
      'verify looks from outside: DNS, certificates, the own listener, Office 365; drift compares the state that the script writes with',
      '-Export. Each check is one line with what to do; exit 1 when one is bad. Nothing is sent and nothing changed.',
      'verify --round-trip says which two mails to send, one each way, with a mark in the subject; waits for them, at most T (10m); and shows',
      'each hop from the traces. Exit 1 when something is missing. --settle  how long a mail that was handed over may come back (30s).',
      'ranges shows the list of addresses of Office 365; --refresh asks the endpoint service now, --accept-smaller also takes a list that',
      'lost more than half of its addresses. Exit 1 when the list is older than 45 days or could not be refreshed.',
      '--listener    where the own listener is looked for, instead of the FQDN of the tenant on port 25',
      '--spam        how the first spam verdict is kept: A header retention (default), B trusted ARC sealer, C enhanced filtering, D SCL -1',
      '--inbound     which mail from outside goes to the gateway: S/MIME only (default of recommended) or all',
      '--guard       a last rule that rejects or reports mail to the outside that did not pass the gateway',
      '--exempt      mail types from inside that pass by the gateway',
      '--gateway-ip  IPv4 address or range from which the gateway sends; may repeat',
    ],
    load: async () => (await import('./exchange.ts')).exchange,
  },
]
