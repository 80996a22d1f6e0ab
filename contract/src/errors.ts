/**
 * The catalogue of stable error codes of the configuration: what `siegel apply`, the start of the server and later the API
 * report. docs/reference is generated from it. Codes are only ever added; a code never changes its meaning. No logic.
 */

/** Every configuration error code with the sentence that explains it. */
export const CONFIG_ERRORS = {
  // the document
  'document-unreadable': 'The file or standard input cannot be read.',
  'document-too-large': 'The file is larger than the limit.',
  'document-syntax': 'The text is neither YAML nor JSON.',
  'document-empty': 'There is no configuration object in the file.',
  'unknown-kind': 'The kind of a configuration object is not known.',
  'unknown-field': 'A field is not known: a typing mistake, or a file for another version.',
  'missing-field': 'A required field is missing.',
  'invalid-value': 'The value of a field is not allowed.',
  'duplicate-object': 'Two documents describe the same object.',
  // references to values kept elsewhere
  'reference-unreadable': 'A file named by a `file:` reference cannot be read.',
  'reference-too-large': 'The value behind a reference is larger than the limit.',
  'reference-unset': 'The environment variable named by an `env:` reference is not set.',
  'reference-not-allowed': 'A reference stands where only the value itself is allowed.',
  'reference-nested': 'The value behind a reference is a reference itself.',
  'sealed-elsewhere': 'A `sealed:` value was made by another installation, for another field, or is damaged.',
  // certificates and keys
  'certificate-malformed': 'A certificate cannot be read.',
  'key-malformed': 'A private key cannot be read.',
  'key-mismatch': 'The private key does not belong to the certificate.',
  'key-unsuitable': 'A private key is of a kind or size that verifiers do not believe.',
  'pkcs12-unusable': 'A PKCS#12 file cannot be opened, or holds no key with its certificate.',
  'address-missing': 'The certificate names no e-mail address and none is given.',
  'address-not-in-certificate': 'An address is not in the certificate and has not been allowed explicitly.',
  'certificate-name': 'The certificate does not name the host that it is for.',
  // objects among each other
  'tenant-unknown': 'The tenant of an object does not exist.',
  'tenant-conflict':
    'Two tenants claim the same domain, host name, Microsoft tenant id, secret or processed word.',
  'settings-twice': 'Two objects of treatment settings are for the same sender, domain or partner.',
  'rotation-conflict':
    'The file would undo what `siegel exchange rotate` has changed in a tenant: its secrets, words or the state of the change are older.',
  'object-broken': 'A stored object is not valid any more; what it configures is switched off.',
  'map-line': 'A line of a map cannot be used and has no effect.',
  'map-line-invalid': 'A line of a map cannot mean what it says, or asks for what a map cannot do.',
  'map-line-doubtful':
    'A line of a map works as written, perhaps not as meant: nothing reaches it, or it is weak.',
  'range-missing': 'No address range is configured: nobody may connect.',
} as const

/** One stable configuration error code. */
export type ConfigErrorCode = keyof typeof CONFIG_ERRORS
