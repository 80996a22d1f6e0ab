/**
 * Finds a free loopback port below the range that outgoing connections use, so that nobody connects to itself.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
/** A port on 127.0.0.1 that was free a moment ago. */
export async function freePort() {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const server = createServer()
    try {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      server.close()
      await once(server, 'close')
      return port
    } catch {
      // Taken: the next one.
    }
  }
  throw new Error('no free port found')
}
//# sourceMappingURL=ports.js.map
