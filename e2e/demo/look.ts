/**
 * Looks at the bytes of a mail with the plainest means: splitting at the first empty line. Shares nothing with the product.
 */

/** An act's expectation that was not met. */
export class NotAsItMustBe extends Error {
  override readonly name = 'NotAsItMustBe'
}

/** Throws unless a condition holds. */
export function expect(condition: boolean, otherwise: string): void {
  if (!condition) throw new NotAsItMustBe(otherwise)
}

function headerEnd(raw: Buffer): number {
  const end = raw.indexOf('\r\n\r\n')
  return end < 0 ? raw.length : end
}

/** The body after the first empty line. */
export function bodyOf(raw: Buffer): Buffer {
  return raw.subarray(headerEnd(raw) + 4)
}

/** The value of the first field of a name that fits, unfolded; undefined when there is none. */
export function fieldOf(
  raw: Buffer,
  name: string,
  fits: (value: string) => boolean = () => true,
): string | undefined {
  const header = raw
    .subarray(0, headerEnd(raw))
    .toString('latin1')
    .replaceAll(/\r\n(?=[ \t])/g, '')
  for (const line of header.split('\r\n')) {
    const colon = line.indexOf(':')
    if (line.slice(0, colon).toLowerCase() !== name) continue
    const value = line.slice(colon + 1).trim()
    if (fits(value)) return value
  }
  return undefined
}

/** The body of an entity that a judge handed out. */
export function signedBody(content: Buffer): Buffer {
  return bodyOf(content)
}

/** The body of an entity with its transfer encoding undone. RFC 2045 6.7, 6.8 */
export function decodedBody(entity: Buffer): Buffer {
  const body = bodyOf(entity)
  const encoding = fieldOf(entity, 'content-transfer-encoding')?.toLowerCase()
  if (encoding === 'base64') return Buffer.from(body.toString('latin1'), 'base64')
  if (encoding !== 'quoted-printable') return body
  const joined = body.toString('latin1').replaceAll(/=\r\n/g, '')
  const plain = joined.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  )
  return Buffer.from(plain, 'latin1')
}

/** Whether a text occurs in the bytes. */
export function contains(raw: Buffer, text: string): boolean {
  return raw.includes(text)
}
