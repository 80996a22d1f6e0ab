/**
 * The engine as a participant, by its public API: whole mails out and in, as the gateway makes and reads them.
 */
import { randomBytes } from 'node:crypto'
import {
  EngineError,
  addSigner,
  certificatesOnly,
  checkCountersignatures,
  issueCrl,
  readCsr,
  signDetached,
  signOpaque,
  writeCsr,
  buildPath,
  judgeOcspResponse,
  parseCrl,
  parseOcspResponse,
  readContentInfo,
  decryptMessage,
  encryptEntity,
  protectedEntityOf,
  readPkcs12,
  signEntity,
  verifyMessage,
  wrapMessage,
  writePkcs12,
} from '@siegel/engine'
import type {
  EncryptOptions,
  PathOptions,
  SignEntityOptions,
  SignOptions,
  SigningKey,
  Verdict,
  VerifyOptions,
} from '@siegel/engine'
import { clearSignedMail, objectMail, plainMail, takeApart } from './mail.ts'
import type { Material } from './material.ts'
import { Otherwise, Unable } from './participant.ts'
import type { Participant } from './participant.ts'
import type { Cipher, Encryption, Hash, KeyFile, KeyKind, Row, Signing } from './rows.ts'

type Digest = NonNullable<SignEntityOptions['digest']>
const isDigest = (hash: Hash): hash is Digest => hash !== 'sha1'

class Engine implements Participant {
  readonly name = 'Siegel'
  readonly version = ''
  private readonly material: Material

  constructor(material: Material) {
    this.material = material
  }

  close(): void {
    // Nothing was started.
  }

  make(row: Row): Buffer {
    return inItsWords(() => this.makeOrThrow(row))
  }

  read(row: Row, made: Buffer): void {
    inItsWords(() => {
      this.readOrThrow(row, made)
    })
  }

  private makeOrThrow({ what }: Row): Buffer {
    switch (what.kind) {
      case 'signing':
        return what.second === null
          ? this.wrap(what.key, this.sign([this.material.entity], what))
          : this.signTwice(what, what.second)
      case 'encryption':
        return this.encrypt(what)
      case 'key-file':
        return this.makeKeyFile(what)
      case 'certificates-only': {
        const { certificate, email } = this.material.person(what.key)
        return objectMail(email, 'certs-only', certificatesOnly([certificate]))
      }
      case 'request':
        return writeCsr({ subject: { CN: 'requester' }, key: this.material.person(what.key).key })
      case 'revocation-list':
        return issueCrl({
          issuer: { certificate: this.material.intermediate, key: this.material.intermediateKey },
          thisUpdate: Date.now() - 60_000,
          nextUpdate: Date.now() + 86_400_000,
          number: 1,
          entries: [
            {
              serial: this.material.person(what.key).certificate.serial,
              revocationDate: Date.now() - 120_000,
              reason: 'keyCompromise',
            },
          ],
        })
      case 'ocsp':
      case 'compressed':
        throw new Unable('not written')
    }
  }

  private readOrThrow({ what }: Row, made: Buffer): void {
    switch (what.kind) {
      case 'signing':
        this.verify(what, made)
        return
      case 'encryption':
        this.decrypt(what, made)
        return
      case 'key-file': {
        const { key } = this.material.person(what.key)
        const { keys, certificates } = readPkcs12(made, this.material.password)
        if (keys[0]?.key.equals(key) !== true || certificates.length === 0)
          throw new Unable('another key came out')
        return
      }
      case 'compressed': {
        const { reasons } = verifyMessage(made, this.trust())
        if (!reasons.includes('compressed-refused')) throw new Unable(reasons.join(' '))
        return
      }
      case 'certificates-only': {
        const info = readContentInfo(takeApart(made).object)
        const { raw } = this.material.person(what.key).certificate
        if (
          info.kind !== 'signed-data' ||
          info.signers.length > 0 ||
          !info.certificates.some((each) => each.equals(raw))
        )
          throw new Unable('the certificate is not there')
        return
      }
      case 'revocation-list': {
        const result = this.path(what.key, { crls: [parseCrl(made)] })
        if (!result.reasons.includes('certificate-revoked')) throw new Unable(result.reasons.join(' '))
        return
      }
      case 'ocsp': {
        const { certificate } = this.material.person(what.key)
        const issuer = this.material.intermediate
        const verdict = judgeOcspResponse(parseOcspResponse(made), { certificate, issuer, at: Date.now() })
        if (verdict.status !== 'good') throw new Unable([verdict.status, ...verdict.reasons].join(' '))
        return
      }
      case 'request':
        if (!readCsr(made).publicKey.equals(this.material.person(what.key).certificate.publicKey))
          throw new Unable('another key came out')
    }
  }

  private trust(): VerifyOptions {
    const { root, intermediate } = this.material
    // Some peers send no more than the signer's own certificate.
    return { anchors: [root], intermediates: [intermediate], at: Date.now(), revocation: 'none' }
  }

  private path(kind: KeyKind, extra: Partial<PathOptions>) {
    return buildPath(this.material.person(kind).certificate, {
      ...this.trust(),
      purpose: 'email',
      revocation: 'prefer',
      ...extra,
    })
  }

  private signer(kind: KeyKind): SigningKey {
    const { key, certificate } = this.material.person(kind)
    return { key, certificate, chain: [this.material.intermediate] }
  }

  private sign(entity: readonly Buffer[], what: Signer): readonly Buffer[] {
    const boundary = randomBytes(16).toString('hex')
    const opaque = what.form === 'opaque'
    return signEntity(entity, this.signer(what.key), { ...signOptions(what), boundary, opaque })
  }

  /** Two signers are put together below the mail. */
  private signTwice(what: Signing, second: KeyKind): Buffer {
    const { email } = this.material.person(what.key)
    const { entity } = this.material
    const [first, other] = [this.signer(what.key), this.signer(second)]
    const options = { at: Date.now() }
    if (what.form === 'detached')
      return clearSignedMail(
        email,
        entity,
        addSigner(signDetached([entity], first, signOptions(what)), [entity], other, options),
      )
    const signed = Buffer.concat(signOpaque([entity], first, signOptions(what)))
    return objectMail(email, 'signed-data', addSigner(signed, null, other, options))
  }

  private wrap(kind: KeyKind, entity: readonly Buffer[]): Buffer {
    const mail = plainMail(this.material.person(kind).email, this.material.entity)
    return Buffer.concat(wrapMessage(mail, protectedEntityOf(mail).outer, entity))
  }

  private encrypt(what: Encryption): Buffer {
    const { certificate } = this.material.person(what.key)
    const plain: Signer = {
      key: what.key,
      digest: 'sha256',
      pss: null,
      form: 'detached',
      signer: 'issuer-and-serial',
    }
    const inner = what.tripleWrapped ? this.sign([this.material.entity], plain) : [this.material.entity]
    const encrypted = encryptEntity(inner, {
      recipients: [certificate],
      cipher: written(what.cipher),
      ...recipientOptions(what),
      ...(what.cekHkdf ? { hkdf: true } : {}),
      ...(what.recipient === 'subject-key-id' ? { recipientId: 'ski' } : {}),
    })
    return this.wrap(what.key, what.tripleWrapped ? this.sign(encrypted, plain) : encrypted)
  }

  private makeKeyFile(what: KeyFile): Buffer {
    const { key, certificate, name } = this.material.person(what.key)
    const { password, intermediate } = this.material
    const mac = what.protection === 'pbmac1' ? 'pbmac1' : 'hmac-sha256'
    return writePkcs12({ key, certificates: [certificate, intermediate], password, friendlyName: name, mac })
  }

  private verify(what: Signing, mail: Buffer): void {
    const verdict = verifyMessage(mail, { ...this.trust(), allowWeak: what.digest === 'sha1' })
    judge(verdict)
    const [signer] = verdict.signers
    if (what.digest !== null && signer?.digest !== what.digest)
      throw new Otherwise(`writes ${String(signer?.digest)}`)
    if (what.pss !== null && signer?.signature !== 'rsa-pss')
      throw new Otherwise(`writes ${String(signer?.signature)}`)
    if (what.indefinite) mustBeIndefinite(mail)
    if (what.counterSigned) this.checkCounterSigner(mail)
    if (verdict.signers.length !== (what.second === null ? 1 : 2))
      throw new Unable(`${verdict.signers.length} signers`)
    // Whoever accepts the right mail must refuse it with one letter changed.
    if (what.form === 'opaque') return
    const changed = Buffer.from(mail.toString('latin1').replace('Hello', 'Hallo'), 'latin1')
    if (verifyMessage(changed, this.trust()).status !== 'invalid') throw new Unable('a changed mail is valid')
  }

  private checkCounterSigner(mail: Buffer): void {
    const info = readContentInfo(takeApart(mail).object)
    const [signer] = info.kind === 'signed-data' ? info.signers : []
    if (signer === undefined) throw new Unable('no signer')
    const checks = checkCountersignatures(signer, [this.material.person('p256').certificate])
    if (checks[0]?.intact !== true) throw new Unable('no good countersignature')
  }

  private decrypt(what: Encryption, mail: Buffer): void {
    const { key, certificate } = this.material.person(what.key)
    const legacy = what.cipher === 'des-ede3-cbc' || what.cipher === 'rc2-128-cbc'
    const result = decryptMessage(mail, [{ key, certificate }], { ...this.trust(), allowLegacy: legacy })
    if (result.status !== 'decrypted' || result.entity === null) throw new Unable(result.reasons.join(' '))
    if (result.contentEncryption !== what.cipher)
      throw new Otherwise(`writes ${String(result.contentEncryption)}`)
    const { keyEncryption } = result
    if (keyEncryption === null || !keyEncryption.startsWith(keyEncryptionName(what)))
      throw new Otherwise(`writes ${String(keyEncryption)}`)
    if (what.indefinite) mustBeIndefinite(mail)
    if (!what.tripleWrapped) {
      if (!result.entity.equals(this.material.entity)) throw new Unable('another plaintext came out')
      return
    }
    if (result.verified === null) throw new Unable('no verdict')
    judge(result.verified)
    judge(verifyMessage(mail, this.trust()))
    if (!result.entity.includes(this.material.token)) throw new Unable('another plaintext came out')
  }
}

/** X.690 8.1.3.6: the outermost length is indefinite. */
function mustBeIndefinite(mail: Buffer): void {
  if (takeApart(mail).object[1] !== 0x80) throw new Otherwise('writes definite lengths')
}

/** The name under which the engine reports the way of the content key; without what a row leaves open. */
function keyEncryptionName({ transport }: Encryption): string {
  switch (transport.scheme) {
    case 'pkcs1v15':
      return 'pkcs1v15'
    case 'kem':
      return ''
    case 'oaep': {
      const { hash, mgf1 } = transport
      return hash === mgf1 ? `oaep-${hash}` : `oaep-${hash}-mgf1-${mgf1}`
    }
    case 'ecdh': {
      const { kdf, hash, wrap } = transport
      return `ecdh-${hash}${kdf === 'x963' ? 'kdf' : '-hkdf'}-aes${wrap}-wrap`
    }
  }
}

function judge({ status, reasons }: Verdict): void {
  if (status !== 'valid') throw new Unable([status, ...reasons].join(' '))
}

/** What a row says of one signer. */
type Signer = Pick<Signing, 'key' | 'digest' | 'pss' | 'form' | 'signer'>

function signOptions(what: Signer): SignOptions {
  return {
    at: Date.now(),
    pss: what.pss !== null,
    ...(what.digest !== null && isDigest(what.digest) ? { digest: what.digest } : {}),
    ...(what.signer === 'subject-key-id' ? { signerId: 'ski' } : {}),
  }
}

/** A cipher that the engine writes. */
function written(cipher: Cipher): EncryptOptions['cipher'] {
  if (cipher === 'des-ede3-cbc' || cipher === 'rc2-128-cbc') throw new Unable('not written')
  return cipher
}

/** What a row asks of the RecipientInfo. */
function recipientOptions({
  transport,
}: Encryption): Pick<EncryptOptions, 'keyTransport' | 'oaepLabel' | 'keyAgreement'> {
  switch (transport.scheme) {
    case 'pkcs1v15':
    case 'kem':
      return { keyTransport: 'pkcs1v15' }
    case 'oaep': {
      const { hash, mgf1, label } = transport
      const keyTransport = hash === mgf1 ? (`oaep-${hash}` as const) : (`oaep-${hash}-mgf1-${mgf1}` as const)
      return { keyTransport, ...(label === null ? {} : { oaepLabel: Buffer.from(label) }) }
    }
    case 'ecdh': {
      const { kdf, hash, wrap } = transport
      return { keyTransport: 'pkcs1v15', keyAgreement: { kdf, hash, wrap } }
    }
  }
}

/** The engine's errors as the participant's words: their stable code. */
function inItsWords<T>(what: () => T): T {
  try {
    return what()
  } catch (error) {
    if (error instanceof EngineError) throw new Unable(error.code)
    throw error
  }
}

/** The engine. */
export function engine(material: Material): Participant {
  return new Engine(material)
}
