/**
 * Rebuilds a folder as a power cut would have left it, from the recorder's log. Two ways: `strict` keeps nothing that was not
 * synced (file data, lengths, directory entries); `torn` lets each unsynced change survive or not by chance, data in sectors.
 * What a completed sync covers is what was changed before it began.
 */
import { mkdirSync, openSync, closeSync, writeSync, readSync, fstatSync } from 'node:fs'
import { dirname, join } from 'node:path'

const HEAD = 40
const SECTOR = 512

/** One record of the log. */
interface LogRecord {
  readonly kind: string
  /** CLOCK_MONOTONIC, nanoseconds. */
  readonly time: bigint
  readonly a: bigint
  readonly b: bigint
  readonly path: string
  readonly data: Buffer
}

/** Reads the records of a log file one after the other. */
export function* readLog(file: string): Generator<LogRecord> {
  const fd = openSync(file, 'r')
  try {
    const { size } = fstatSync(fd)
    const head = Buffer.alloc(HEAD)
    for (let at = 0; at + HEAD <= size;) {
      readSync(fd, head, 0, HEAD, at)
      const pathLength = head.readUInt32LE(32)
      const dataLength = head.readUInt32LE(36)
      const rest = Buffer.allocUnsafe(pathLength + dataLength)
      readSync(fd, rest, 0, rest.length, at + HEAD)
      yield {
        kind: String.fromCharCode(head[0] ?? 0),
        time: head.readBigUInt64LE(8),
        a: head.readBigUInt64LE(16),
        b: head.readBigUInt64LE(24),
        path: rest.toString('utf8', 0, pathLength),
        data: rest.subarray(pathLength),
      }
      at += HEAD + rest.length
    }
  } finally {
    closeSync(fd)
  }
}

type Change = { readonly offset: number; readonly data: Buffer } | { readonly length: number }

/** The bytes of a file; grows with room to spare, so that a file written in many pieces is not copied for each. */
class Content {
  #room: Buffer
  #length: number

  constructor(initial: Buffer = Buffer.alloc(0)) {
    this.#room = Buffer.from(initial)
    this.#length = initial.length
  }

  get bytes(): Buffer {
    return this.#room.subarray(0, this.#length)
  }

  apply(change: Change): void {
    if ('length' in change) {
      this.#grow(change.length)
      this.#room.fill(0, change.length, this.#length)
      this.#length = change.length
      return
    }
    const end = change.offset + change.data.length
    this.#grow(end)
    change.data.copy(this.#room, change.offset)
    this.#length = Math.max(this.#length, end)
  }

  #grow(length: number): void {
    if (length <= this.#room.length) return
    const room = Buffer.alloc(Math.max(length, 2 * this.#room.length))
    this.#room.copy(room, 0, 0, this.#length)
    this.#room = room
  }
}

/** One file: what is on the platter, and what is not yet. */
class FileState {
  readonly durable = new Content()
  pending: Change[] = []

  /** Makes the first `count` pending changes durable. */
  sync(count: number): void {
    for (const change of this.pending.splice(0, count)) this.durable.apply(change)
  }
}

type Entry = { readonly kind: 'file'; readonly file: FileState } | { readonly kind: 'folder' }
type EntryChange = { readonly name: string; readonly entry: Entry | null }

/** One folder: its durable entries, and changes that are not yet. */
class FolderState {
  readonly durable = new Map<string, Entry>()
  pending: EntryChange[] = []

  current(name: string): Entry | null {
    for (let index = this.pending.length - 1; index >= 0; index--) {
      const change = this.pending[index]
      if (change?.name === name) return change.entry
    }
    return this.durable.get(name) ?? null
  }

  sync(count: number): void {
    for (const { name, entry } of this.pending.splice(0, count)) set(this.durable, name, entry)
  }
}

function set(entries: Map<string, Entry>, name: string, entry: Entry | null): void {
  if (entry === null) entries.delete(name)
  else entries.set(name, entry)
}

/** How unsynced changes fare. */
export type CutMode = 'strict' | 'torn'

/** The folder's history up to a moment. */
export class Platter {
  readonly #folders = new Map<string, FolderState>([['', new FolderState()]])
  readonly #folderPaths = new Map<bigint, string>()
  readonly #files = new Map<bigint, FileState>()
  readonly #began = new Map<bigint, { readonly count: number; readonly inode: bigint }>()
  readonly #rootInode: bigint

  /** @param rootInode - inode of the recorded folder itself */
  constructor(rootInode: bigint) {
    this.#rootInode = rootInode
    this.#folderPaths.set(rootInode, '')
  }

  /** Takes one record. */
  take(record: LogRecord): void {
    switch (record.kind) {
      case 'C': {
        const file = new FileState()
        this.#files.set(record.a, file)
        this.#change(record.path, { kind: 'file', file })
        return
      }
      case 'W':
        this.#files.get(record.a)?.pending.push({ offset: Number(record.b), data: record.data })
        return
      case 'T':
        this.#files.get(record.a)?.pending.push({ length: Number(record.b) })
        return
      case 'M':
        this.#folders.set(record.path, new FolderState())
        this.#folderPaths.set(record.a, record.path)
        this.#change(record.path, { kind: 'folder' })
        return
      case 'U':
        this.#change(record.path, null)
        return
      case 'R': {
        const [from = '', to = ''] = record.path.split('\0')
        const entry = this.#folder(from).current(nameOf(from))
        this.#change(to, entry)
        this.#change(from, null)
        return
      }
      case 'S':
        this.#began.set(record.b, { inode: record.a, count: this.#pendingOf(record.a).length })
        return
      case 'E':
        this.#syncEnded(record)
        return
      default:
        throw new Error(`unknown record ${record.kind}`)
    }
  }

  #syncEnded(record: LogRecord): void {
    const began = this.#began.get(record.b)
    this.#began.delete(record.b)
    if (began === undefined) return
    const path = this.#folderPaths.get(record.a)
    if (path !== undefined) this.#folders.get(path)?.sync(began.count)
    else this.#files.get(record.a)?.sync(began.count)
    // A sync that overlaps this one covers what is left of what it saw.
    for (const [number, other] of this.#began)
      if (other.inode === record.a)
        this.#began.set(number, { ...other, count: Math.max(0, other.count - began.count) })
  }

  #pendingOf(inode: bigint): readonly unknown[] {
    const path = this.#folderPaths.get(inode)
    if (path !== undefined) return this.#folders.get(path)?.pending ?? []
    return this.#files.get(inode)?.pending ?? []
  }

  #folder(path: string): FolderState {
    const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
    const folder = this.#folders.get(parent)
    if (folder === undefined) throw new Error(`no folder for ${path}`)
    return folder
  }

  #change(path: string, entry: Entry | null): void {
    this.#folder(path).pending.push({ name: nameOf(path), entry })
  }

  /**
   * Writes the folder as a cut at this moment would have left it.
   * @param random - gives numbers from 0 up to 1; used by `torn` only
   */
  write(target: string, mode: CutMode, random: () => number): void {
    this.#writeFolder('', target, mode, random)
  }

  #writeFolder(path: string, target: string, mode: CutMode, random: () => number): void {
    mkdirSync(target, { recursive: true })
    const folder = this.#folders.get(path)
    if (folder === undefined) return
    const entries = new Map(folder.durable)
    if (mode === 'torn')
      for (const { name, entry } of folder.pending) if (random() < 0.5) set(entries, name, entry)
    for (const [name, entry] of entries) {
      const where = join(target, name)
      if (entry.kind === 'folder')
        this.#writeFolder(path === '' ? name : `${path}/${name}`, where, mode, random)
      else writeFile(where, mode === 'strict' ? entry.file.durable.bytes : torn(entry.file, random))
    }
  }
}

/** Each unsynced change survives by chance; of a write that does, perhaps only the first sectors. */
function torn(file: FileState, random: () => number): Buffer {
  if (file.pending.length === 0) return file.durable.bytes
  const content = new Content(file.durable.bytes)
  for (const change of file.pending) {
    if (random() < 0.5) continue
    if ('length' in change || random() < 0.7) content.apply(change)
    else {
      const sectors = Math.floor((random() * change.data.length) / SECTOR) * SECTOR
      content.apply({ offset: change.offset, data: change.data.subarray(0, sectors) })
    }
  }
  return content.bytes
}

function writeFile(path: string, content: Buffer): void {
  mkdirSync(dirname(path), { recursive: true })
  const fd = openSync(path, 'w', 0o600)
  try {
    for (let at = 0; at < content.length;) at += writeSync(fd, content, at)
  } finally {
    closeSync(fd)
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
