/**
 * The few calls of the file system that the spool makes, in the cheap callback form, with failures as StorageError.
 */
import { close, fdatasync, fstat, fsync, mkdir, open, read, rename, stat, unlink, writev } from 'node:fs'
import { StorageError } from '../../observe/failures.ts'

/** The code of a failed system call; undefined for another error. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Turns any failure into a StorageError that says whether the disk is full. */
export function asStorageError(cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause
  const code = codeOf(cause)
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  return new StorageError(full ? 'full' : 'failed', `spool: ${code ?? String(cause)}`, { cause })
}

type Callback<T> = (error: NodeJS.ErrnoException | null, value: T) => void

function call<T>(start: (callback: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error === null) resolve(value)
      else reject(error)
    })
  })
}

function run(start: (callback: (error: NodeJS.ErrnoException | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}

/** Opens a file that must not exist yet, readable for this user only. */
export const openNew = (path: string): Promise<number> =>
  call((done) => {
    open(path, 'wx', 0o600, done)
  })

/** Opens a file that must not exist yet for writing and reading, for this user only. */
export const openForBoth = (path: string): Promise<number> =>
  call((done) => {
    open(path, 'wx+', 0o600, done)
  })

/** Opens a file or folder for reading. */
export const openForReading = (path: string): Promise<number> =>
  call((done) => {
    open(path, 'r', done)
  })

/** Makes a folder; one that is there is no error. */
export const makeFolder = async (path: string): Promise<void> => {
  try {
    await run((done) => {
      mkdir(path, { mode: 0o700 }, done)
    })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

/** Writes all bytes behind what was written before. */
export async function writeAll(file: number, buffers: readonly Buffer[]): Promise<void> {
  let rest = buffers
  for (;;) {
    const left = rest.reduce((sum, buffer) => sum + buffer.length, 0)
    if (left === 0) return
    const written = await call<number>((done) => {
      writev(file, rest, done)
    })
    if (written === left) return
    rest = [Buffer.concat(rest).subarray(written)]
  }
}

/** Reads until `buffer` is full or the file ends. Returns the octets read. */
export async function readInto(file: number, buffer: Buffer, position: number): Promise<number> {
  let filled = 0
  while (filled < buffer.length) {
    const count = await call<number>((done) => {
      read(file, buffer, filled, buffer.length - filled, position + filled, done)
    })
    if (count === 0) break
    filled += count
  }
  return filled
}

/** Octets of an open file. */
export const sizeOf = async (file: number): Promise<number> =>
  (
    await call<{ size: number }>((done) => {
      fstat(file, done)
    })
  ).size

/** Waits until the bytes and the size of a file are on the disk. */
export const syncData = (file: number): Promise<void> =>
  run((done) => {
    fdatasync(file, done)
  })

/** Waits until the entries of an open folder are on the disk. */
export const syncFolder = (folder: number): Promise<void> =>
  run((done) => {
    fsync(folder, done)
  })

/** Closes a file. */
export const closeFile = (file: number): Promise<void> =>
  run((done) => {
    close(file, done)
  })

/** Gives a file another name; a file of that name is replaced. */
export const renameFile = (from: string, to: string): Promise<void> =>
  run((done) => {
    rename(from, to, done)
  })

/** Removes a file; one that is not there is no error. */
export const removeFile = async (path: string): Promise<void> => {
  try {
    await run((done) => {
      unlink(path, done)
    })
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

/** Whether a name still stands for an open file. */
export async function isSameFile(file: number, path: string): Promise<boolean> {
  const identity = (start: (done: Callback<{ dev: number; ino: number }>) => void) => call(start)
  const ours = await identity((done) => {
    fstat(file, done)
  })
  try {
    const named = await identity((done) => {
      stat(path, done)
    })
    return named.ino === ours.ino && named.dev === ours.dev
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}
