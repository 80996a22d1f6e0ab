/**
 * Puts a CMS object of a program that knows no mail into a mail, and takes it out of one for such a program. A reader of its own,
 * as simple as the mails of the matrix allow, so that the engine's scanner is not its own judge.
 */

const line = '\r\n'

function base64Lines(bytes: Buffer): string {
  return (bytes.toString('base64').match(/.{1,76}/g) ?? []).join(line) + line
}

function header(from: string): string {
  return `From: <${from}>\r\nTo: <reader@interop.example>\r\nSubject: interop\r\nMIME-Version: 1.0\r\n`
}

/** A mail that is a CMS object. */
export function objectMail(from: string, smimeType: string, object: Buffer): Buffer {
  return Buffer.from(
    header(from) +
      `Content-Type: application/pkcs7-mime; smime-type=${smimeType}; name="smime.p7m"\r\n` +
      `Content-Transfer-Encoding: base64\r\n\r\n${base64Lines(object)}`,
    'latin1',
  )
}

/** A clear-signed mail of an entity and its detached signature. */
export function clearSignedMail(from: string, entity: Buffer, signature: Buffer): Buffer {
  return Buffer.from(
    header(from) +
      'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="interop-boundary"\r\n\r\n' +
      `--interop-boundary\r\n${entity.toString('latin1')}\r\n--interop-boundary\r\n` +
      'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\nContent-Transfer-Encoding: base64\r\n\r\n' +
      `${base64Lines(signature)}--interop-boundary--\r\n`,
    'latin1',
  )
}

/** A mail with an entity as it is. */
export function plainMail(from: string, entity: Buffer): Buffer {
  return Buffer.concat([Buffer.from(header(from)), entity])
}

/** The header fields of a mail, unfolded, and where its body starts. */
function split(text: string): readonly [string, string] {
  const end = text.indexOf('\r\n\r\n')
  return [text.slice(0, end).replaceAll(/\r\n[ \t]+/g, ' '), text.slice(end + 4)]
}

const crlf = (mail: Buffer): string => mail.toString('latin1').replaceAll(/\r?\n/g, line)

/** What a mail is made of: the CMS object and, when it is clear-signed, the entity beside it. */
export function takeApart(mail: Buffer): { readonly object: Buffer; readonly entity: Buffer | null } {
  const [head, body] = split(crlf(mail))
  const boundary = /^content-type: multipart\/signed;.*boundary="?([^";]+)"?/im.exec(head)?.[1]
  if (boundary === undefined) return { object: Buffer.from(body, 'base64'), entity: null }
  const [, entity = '', signature = ''] = `${line}${body}`.split(`${line}--${boundary}`)
  return {
    object: Buffer.from(split(signature.slice(2))[1], 'base64'),
    entity: Buffer.from(entity.slice(2), 'latin1'),
  }
}

/** The Content fields and the body of a mail: what is wrapped when it is signed or encrypted once more. */
export function entityOfMail(mail: Buffer): Buffer {
  const text = crlf(mail)
  const end = text.indexOf('\r\n\r\n')
  const fields = text
    .slice(0, end)
    .split(/\r\n(?![ \t])/)
    .filter((field) => /^content-/i.test(field))
  return Buffer.from(`${fields.join(line)}${text.slice(end)}`, 'latin1')
}
