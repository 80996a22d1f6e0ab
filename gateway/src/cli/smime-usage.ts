/**
 * Texts on the options of `siegel smime encrypt` that choose algorithms, for usage and help. Apart from the code that reads them,
 * so that help does not load it.
 */

/** How the options are written, for usage texts. */
export const ENCRYPT_USAGE: readonly string[] = [
  '[--cipher aes128-cbc|aes256-cbc|aes128-gcm|aes256-gcm|…] [--hkdf]',
  '[--key-transport pkcs1v15|oaep-sha256|…] [--oaep-label HEX] [--recipient-id issuer-and-serial|ski]',
  '[--agreement-kdf x963|hkdf] [--agreement-hash sha256|…] [--key-wrap 128|192|256] [--cofactor] [--ukm HEX]',
]

/** What the choices are, for the help. */
export const ENCRYPT_DETAILS: readonly string[] = [
  '--cipher          aes128, aes192 or aes256 with -cbc, -gcm or -ccm; chacha20-poly1305',
  '--hkdf            derive the key of the content from the one that is sent (RFC 9709)',
  '--key-transport   for RSA: pkcs1v15, oaep-HASH or oaep-HASH-mgf1-HASH with sha1, sha224, sha256, sha384, sha512',
  '--oaep-label      the label of OAEP',
  '--recipient-id    name recipients by issuer and serial number, or by subject key identifier',
  '--agreement-kdf   for EC, X25519 and X448: ANSI X9.63 or HKDF; by default what fits the curve',
  '--agreement-hash  its hash: sha1, sha224, sha256, sha384, sha512',
  '--key-wrap        bits of the AES key wrap',
  '--cofactor        cofactor Diffie-Hellman (RFC 5753)',
  '--ukm             user keying material for key agreement and ML-KEM',
]
