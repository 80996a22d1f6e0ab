/**
 * Files of any size for commands that read and write them in chunks: a FILE argument as a source, and a result that takes its
 * name only when it is complete. Nothing here holds a file in memory.
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, open, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { sourceOf, type ByteSource } from '@siegel/engine'
import { MemoryPace } from '../store/spool/memory-pace.ts'
import { UsageError, type Io } from './io.ts'

/** Octets read at once. */
const READ = 65_536

/** An open FILE argument. */
export interface InputFile {
  readonly source: ByteSource
  close(): Promise<void>
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'error'
}

/**
 * Opens a FILE argument; `-` is standard input, which is read whole, and so is what is no regular file.
 * @throws UsageError when it cannot be read
 */
export async function openInput(path: string, io: Io): Promise<InputFile> {
  if (path === '-') return { source: sourceOf(await io.standardInput()), close: () => Promise.resolve() }
  try {
    const file = await open(path, 'r')
    const info = await file.stat()
    if (info.isFile()) return { source: fileSource(file, info.size, path), close: () => file.close() }
    try {
      return { source: sourceOf(await file.readFile()), close: () => Promise.resolve() }
    } finally {
      await file.close()
    }
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${codeOf(error)}`)
  }
}

function fileSource(file: FileHandle, length: number, path: string): ByteSource {
  return {
    length,
    async *chunks(start = 0, end = length) {
      const past = Math.min(end, length)
      const room = Buffer.allocUnsafeSlow(Math.max(0, Math.min(READ, past - start)))
      const pace = new MemoryPace()
      for (let at = start; at < past;) {
        const { bytesRead } = await file
          .read(room, 0, Math.min(room.length, past - at), at)
          .catch((error: unknown) => {
            throw new UsageError(`cannot read ${path}: ${codeOf(error)}`)
          })
        if (bytesRead === 0) throw new UsageError(`cannot read ${path}: it became shorter`)
        at += bytesRead
        pace.passed(bytesRead)
        yield room.subarray(0, bytesRead)
      }
    },
  }
}

/**
 * Writes a result file; `-` is standard output. A file appears when it is complete, and not at all if something fails.
 * @param mode - permissions of a new file, under the umask
 * @throws UsageError when it cannot be written; what the source throws
 */
export async function writeFrom(path: string, source: ByteSource, mode = 0o666): Promise<void> {
  if (path === '-') {
    for await (const chunk of source.chunks())
      await new Promise<void>((resolve, reject) => {
        process.stdout.write(chunk, (error) => {
          if (error instanceof Error)
            reject(new UsageError(`cannot write to standard output: ${codeOf(error)}`))
          else resolve()
        })
      })
    return
  }
  const target = await targetOf(path)
  const writing = target.regular
    ? `${join(dirname(target.path), `.${basename(target.path)}.`)}${randomBytes(6).toString('hex')}`
    : target.path
  const flags = target.regular
    ? constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
    : constants.O_WRONLY
  const file = await writable(path, () => open(writing, flags, mode))
  let whole = false
  const pace = new MemoryPace()
  try {
    for await (const chunk of source.chunks()) {
      await writable(path, () => writeAll(file, chunk))
      pace.passed(chunk.length)
    }
    whole = true
  } finally {
    await file.close()
    if (target.regular && !whole) await rm(writing, { force: true })
  }
  if (target.regular) await writable(path, () => rename(writing, target.path))
}

/**
 * The folder for what waits until a result may be written: that of the result, so that there is room for it or none for the
 * result either; the system's for standard output, a pipe or a device.
 * @param path - of the result; undefined when there is none to write
 * @throws UsageError when nothing can be written there
 */
export async function waitingFolder(path: string | undefined): Promise<string> {
  if (path === undefined || path === '-') return tmpdir()
  const target = await targetOf(path)
  if (!target.regular) return tmpdir()
  const folder = dirname(target.path)
  await writable(path, () => access(folder, constants.W_OK))
  return folder
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten
}

/** What a path stands for: a file that is there or is to be made, or something else, as a pipe. */
async function targetOf(path: string): Promise<{ readonly path: string; readonly regular: boolean }> {
  try {
    // The name that realpath gives for a pipe, as behind /dev/stdout, leads nowhere.
    if (!(await stat(path)).isFile()) return { path, regular: false }
    return { path: await realpath(path), regular: true }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { path, regular: true }
    throw new UsageError(`cannot write ${path}: ${codeOf(error)}`)
  }
}

async function writable<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${codeOf(error)}`)
  }
}
