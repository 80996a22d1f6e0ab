/**
 * Cuts a stream into lines, numbered from 1, whatever ends them. A line that is too long is given cut, and marked: nothing grows with
 * what a file holds. Text is read as Latin-1: what is looked for is ASCII.
 */

/** A line without its end. */
export interface Line {
  readonly number: number
  readonly text: string
  readonly tooLong: boolean
}

/** Longest line that is kept, in octets. */
const MOST = 1_048_576

/** Takes chunks and gives lines. */
export class LineCutter {
  #rest = ''
  #tooLong = false
  #number = 0

  /** The lines that a chunk completes. */
  push(chunk: Buffer): Line[] {
    const pieces = chunk.toString('latin1').split('\n')
    const lines: Line[] = []
    pieces.forEach((piece, index) => {
      this.#extend(piece)
      if (index < pieces.length - 1) lines.push(this.#take())
    })
    return lines
  }

  /** The last line, if the stream does not end with the end of one. */
  end(): Line[] {
    return this.#rest === '' ? [] : [this.#take()]
  }

  #extend(piece: string): void {
    const room = MOST - this.#rest.length
    if (piece.length > room) this.#tooLong = true
    this.#rest += piece.slice(0, Math.max(0, room))
  }

  #take(): Line {
    this.#number += 1
    const text = this.#rest.endsWith('\r') ? this.#rest.slice(0, -1) : this.#rest
    const line = { number: this.#number, text, tooLong: this.#tooLong }
    this.#rest = ''
    this.#tooLong = false
    return line
  }
}
