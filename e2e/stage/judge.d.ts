/** What the judge says. */
export interface Judgement {
  readonly good: boolean
  /** The signed content or the plaintext, when it is good. */
  readonly content: Buffer
  /** Why not, or the judge's own words. */
  readonly words: string
}
/** Verifies and decrypts. */
export interface Judge {
  /** Who judges, for the table. */
  readonly name: string
  /** Verifies a signed message (multipart/signed or opaque) against an authority. */
  verify(message: Buffer, authorityPem: string): Judgement
  /** Decrypts an enveloped message with one recipient's certificate and key. */
  decrypt(message: Buffer, certificatePem: string, keyPem: string): Judgement
  /** Writes a signed entity (multipart/signed) around an entity, as a foreign mail program would. */
  sign(entity: Buffer, certificatePem: string, keyPem: string): Buffer
  /** Writes an enveloped entity (AES-256-CBC) around an entity. */
  encrypt(entity: Buffer, certificatePem: string): Buffer
}
/** OpenSSL when there is one, else the built-in check. */
export declare function findJudge(): Judge
