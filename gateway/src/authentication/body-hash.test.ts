// The relaxed body hash against the words of the RFC, whole and in any pieces, and its pace on what is written to slow it down.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { RelaxedBodyHash } from './body-hash.ts'

/** RFC 6376 3.4.4, sentence by sentence. */
function plainly(body: string): string {
  const lines = body.split('\r\n').map((line) => line.replace(/[ \t]+$/, '').replace(/[ \t]+/g, ' '))
  while (lines.at(-1) === '') lines.pop()
  const canonical = lines.length === 0 ? '' : `${lines.join('\r\n')}\r\n`
  return createHash('sha256').update(canonical, 'latin1').digest('base64')
}

function hashed(pieces: readonly Buffer[]): string {
  const hash = new RelaxedBodyHash()
  for (const piece of pieces) hash.update(piece)
  return hash.digest()
}

describe('the relaxed body hash', () => {
  it('knows the values of the RFC', () => {
    // RFC 6376 3.4.4: of the empty body
    assert.equal(hashed([]), '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=')
    // RFC 6376 3.4.5
    assert.equal(hashed([Buffer.from(' C \r\nD \t E\r\n\r\n\r\n')]), plainly(' C\r\nD E\r\n'))
  })

  it('is the same in whatever pieces the body comes', () => {
    const token = fc.constantFrom('\r\n', '\r\n', ' ', '\t', '  ', 'a', 'word', '\u00a0', '.', '\r\n\r\n')
    fc.assert(
      fc.property(
        fc.array(token, { maxLength: 60 }),
        fc.array(fc.nat({ max: 8 }), { maxLength: 40 }),
        (tokens, cuts) => {
          const body = Buffer.from(tokens.join(''), 'latin1')
          const pieces: Buffer[] = []
          let at = 0
          for (const cut of cuts) {
            pieces.push(body.subarray(at, at + cut))
            at += Math.min(cut, body.length - at)
          }
          pieces.push(body.subarray(at))
          assert.equal(hashed(pieces), plainly(tokens.join('')))
        },
      ),
      { numRuns: 2000 },
    )
  })

  for (const [what, piece] of [
    ['blanks', ' \t'.repeat(32_768)],
    ['empty lines', '\r\n'.repeat(32_768)],
    ['blanks before line ends', ' \r\n'.repeat(21_845)],
    ['one endless line', 'x'.repeat(65_536)],
  ] as const)
    it(`takes 32 MiB of ${what} without slowing down or holding them`, () => {
      const hash = new RelaxedBodyHash()
      const chunk = Buffer.from(piece)
      const before = process.cpuUsage()
      for (let index = 0; index < 512; index++) hash.update(chunk)
      hash.digest()
      const { user } = process.cpuUsage(before)
      assert.ok(user < 8_000_000, `${user} µs`)
    })
})
