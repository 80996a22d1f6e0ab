/**
 * The entries of a FILE argument, a ZIP archive or not. Archives are bounded in members, sizes and by how much they expand, and an
 * archive in an archive is refused; what is wrong with one member does not spoil the others.
 */
import { openPromise, type Entry, type ZipFile } from 'yauzl'
import { readStart, type ByteSource } from '@siegel/engine'
import { isArchive, readEntries } from '../keyring/import/entries.ts'
import { refused, type FileEntry } from '../keyring/import/entry.ts'
import { UsageError } from './io.ts'

const MOST_MEMBERS = 1_000_000
const MOST_OF_MEMBER = 1024 ** 3
const MOST_OF_ALL = 4 * 1024 ** 3
/** Certificates barely compress; what expands more than this is made to. */
const MOST_EXPANSION = 100
/** Members this small may expand as they like. */
const SMALL = 1_048_576

/**
 * All entries of a file.
 * @param path - for archives, which are read at more than one place
 * @param source - the same file
 */
export async function* entriesOfFile(
  path: string,
  source: ByteSource,
  password: string | null,
): AsyncGenerator<FileEntry, void, undefined> {
  if (!isArchive(await readStart(source, 4))) {
    yield* readEntries(source.chunks(), password)
    return
  }
  if (path === '-') throw new UsageError('an archive must be a file, not standard input')
  let archive: ZipFile
  try {
    archive = await openPromise(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true })
  } catch (error) {
    yield refused('', 'archive-damaged', causeOf(error))
    return
  }
  try {
    yield* members(archive, password)
  } finally {
    archive.close()
  }
}

function causeOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown'
}

async function* members(
  archive: ZipFile,
  password: string | null,
): AsyncGenerator<FileEntry, void, undefined> {
  let count = 0
  let octets = 0
  try {
    for await (const member of archive.eachEntry()) {
      if (member.fileName.endsWith('/')) continue
      count += 1
      octets += member.uncompressedSize
      if (count > MOST_MEMBERS || octets > MOST_OF_ALL) {
        yield refused(member.fileName, 'archive-member-refused', 'the archive holds too much')
        return
      }
      const fault = faultOf(member)
      if (fault !== null) yield refused(member.fileName, 'archive-member-refused', fault)
      else yield* ofMember(archive, member, password)
    }
  } catch (error) {
    if (!isFromArchive(error)) throw error
    yield refused('', 'archive-damaged', causeOf(error))
  }
}

/** Everything else has a class of its own. */
function isFromArchive(error: unknown): boolean {
  return error instanceof Error && error.name === 'Error'
}

function faultOf(member: Entry): string | null {
  const { uncompressedSize: size, compressedSize } = member
  if (!member.canDecodeFileData()) return 'encrypted, or compressed in a way that is not known'
  if (size > MOST_OF_MEMBER) return `larger than ${MOST_OF_MEMBER} octets`
  if (size > SMALL && size > compressedSize * MOST_EXPANSION) return 'expands too much'
  return null
}

async function* ofMember(
  archive: ZipFile,
  member: Entry,
  password: string | null,
): AsyncGenerator<FileEntry, void, undefined> {
  try {
    const stream = await archive.openReadStreamPromise(member)
    for await (const entry of readEntries(stream as AsyncIterable<Buffer>, password))
      yield { ...entry, place: entry.place === '' ? member.fileName : `${member.fileName}, ${entry.place}` }
  } catch (error) {
    if (!isFromArchive(error)) throw error
    yield refused(member.fileName, 'archive-damaged', causeOf(error))
  }
}
