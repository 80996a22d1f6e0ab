/**
 * Public keys under id-RSAES-OAEP (RFC 4055 1.2): libcrypto knows them as plain RSA keys only. That they are for OAEP alone
 * is kept by whoever reads the certificate's keyAlgorithm.
 */
import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { writeAlgorithm } from '../der/algorithm.ts'
import { Oid } from '../der/oid.ts'
import { Cursor, Tag, readElement } from '../der/reader.ts'
import { nil, sequence } from '../der/writer.ts'

/** The RSA key of an id-RSAES-OAEP SubjectPublicKeyInfo. Throws what node:crypto throws for a bad key. */
export function importOaepKey(spki: Buffer): KeyObject {
  const cursor = new Cursor(readElement(spki))
  cursor.next('algorithm')
  const key = cursor.universal(Tag.bitString, 'subjectPublicKey').raw
  const plain = sequence(writeAlgorithm(Oid.rsaEncryption, nil()), key)
  return createPublicKey({ key: plain, format: 'der', type: 'spki' })
}
