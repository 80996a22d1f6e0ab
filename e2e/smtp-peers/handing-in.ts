/**
 * Gives a mail to a foreign SMTP server on loopback, in clear, command by command, so that the server in its turn sends it to the
 * gateway. Throws on the first reply that is not the wanted one.
 */
import { createConnection, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

/** A mail to hand in. */
export interface MailToHandIn {
  readonly from: string
  readonly to: readonly string[]
  /** Parameters of MAIL, with their leading blank. */
  readonly mailParameters?: string
  /** Parameters of every RCPT, with their leading blank. */
  readonly rcptParameters?: string
  readonly content: Buffer
  /** Default DATA. */
  readonly by?: 'DATA' | 'BDAT'
}

/** Hands it in. */
export async function handIn(port: number, mail: MailToHandIn): Promise<void> {
  const socket: Socket = createConnection(port, '127.0.0.1')
  socket.setTimeout(20_000, () => socket.destroy(new Error('the server is silent')))
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  const expect = async (code: string, after: string) => {
    for (;;) {
      const { value, done } = await lines.next()
      if (done === true || !value.startsWith(code))
        throw new Error(`after ${after} the server said ${String(value)}`)
      if (value[3] === ' ') return
    }
  }
  const say = async (line: string, code: string) => {
    socket.write(`${line}\r\n`)
    await expect(code, line)
  }
  try {
    await expect('220', 'connecting')
    await say('EHLO handing-in.example', '250')
    await say(`MAIL FROM:<${mail.from}>${mail.mailParameters ?? ''}`, '250')
    for (const to of mail.to) await say(`RCPT TO:<${to}>${mail.rcptParameters ?? ''}`, '250')
    if (mail.by === 'BDAT') {
      socket.write(`BDAT ${mail.content.length} LAST\r\n`)
      socket.write(mail.content)
      await expect('250', 'BDAT')
    } else {
      await say('DATA', '354')
      socket.write(mail.content.toString('latin1').replace(/(^|\r\n)\./g, '$1..'), 'latin1')
      await say('.', '250')
    }
    await say('QUIT', '221')
  } finally {
    socket.destroy()
  }
}
