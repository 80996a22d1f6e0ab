/*
 * Recorder for the power-cut test: preloaded into the gateway, it writes down every change that the process makes below one
 * folder, and when a sync began and ended. From that, replay.ts rebuilds the folder as a power cut would have left it.
 * It changes no call's behaviour, and aborts the process rather than miss one.
 *
 * SIEGEL_RECORD_ROOT: the folder. SIEGEL_RECORD_LOG: the log; appended to.
 *
 * A record: u8 kind, u8[7] zero, u64 time (CLOCK_MONOTONIC, ns), u64 a, u64 b, u32 pathLength, u32 dataLength, path, data.
 *   C create   a = inode                      path
 *   W write    a = inode, b = offset          data
 *   T truncate a = inode, b = length
 *   S sync began, E sync ended: a = inode (file or folder), b = number of the sync
 *   U unlink                                  path
 *   R rename                                  path NUL new path
 *   M mkdir    a = inode                      path
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAX_FD 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t rootLength;
static dev_t rootDevice;
static int logFd = -1;
static uint64_t syncs;
/* Inode of each watched descriptor; 0 for all others. */
static uint64_t watched[MAX_FD];

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

__attribute__((constructor)) static void start(void) {
  const char *folder = getenv("SIEGEL_RECORD_ROOT");
  const char *file = getenv("SIEGEL_RECORD_LOG");
  if (!folder || !file) return;
  if (!realpath(folder, root)) return;
  rootLength = strlen(root);
  struct stat info;
  if (stat(root, &info)) abort();
  rootDevice = info.st_dev;
  logFd = REAL(open)(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (logFd < 0) abort();
}

static void record(char kind, uint64_t a, uint64_t b, const char *path, size_t pathLength, const struct iovec *data, int count, size_t dataLength) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  struct __attribute__((packed)) {
    char kind, zero[7];
    uint64_t time, a, b;
    uint32_t pathLength, dataLength;
  } head = {kind, {0}, (uint64_t)now.tv_sec * 1000000000ull + now.tv_nsec, a, b, pathLength, dataLength};
  struct iovec out[IOV_MAX];
  if (count > IOV_MAX - 2) abort();
  int n = 0;
  out[n++] = (struct iovec){&head, sizeof head};
  if (pathLength) out[n++] = (struct iovec){(void *)path, pathLength};
  size_t left = dataLength;
  for (int i = 0; i < count && left > 0; i++) {
    size_t take = data[i].iov_len < left ? data[i].iov_len : left;
    out[n++] = (struct iovec){data[i].iov_base, take};
    left -= take;
  }
  ssize_t want = sizeof head + pathLength + dataLength;
  if (REAL(writev)(logFd, out, n) != want) abort();
}

/* The absolute path below the root, relative to it; NULL for all others. Symbolic links are not followed: we make none. */
static const char *below(int dirFd, const char *path, char *buffer) {
  char full[2 * PATH_MAX];
  if (logFd < 0 || !path) return NULL;
  if (path[0] == '/') snprintf(full, sizeof full, "%s", path);
  else if (dirFd == AT_FDCWD) {
    if (!getcwd(buffer, PATH_MAX)) return NULL;
    snprintf(full, sizeof full, "%s/%s", buffer, path);
  } else {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dirFd);
    ssize_t length = readlink(link, buffer, PATH_MAX - 1);
    if (length < 0) return NULL;
    buffer[length] = 0;
    snprintf(full, sizeof full, "%s/%s", buffer, path);
  }
  /* realpath of the folder, then the last name. */
  char *slash = strrchr(full, '/');
  if (!slash) return NULL;
  char name[NAME_MAX + 1];
  snprintf(name, sizeof name, "%s", slash + 1);
  *slash = 0;
  char folder[PATH_MAX];
  if (!realpath(full[0] ? full : "/", folder)) return NULL;
  if (strncmp(folder, root, rootLength) || (folder[rootLength] && folder[rootLength] != '/')) return NULL;
  const char *inside = folder + rootLength;
  if (*inside == '/') inside++;
  snprintf(buffer, PATH_MAX, "%s%s%s", inside, *inside ? "/" : "", name);
  return buffer;
}

static int opened(int fd, int existed, const char *path, int flags) {
  struct stat info;
  if (fd < 0) return fd;
  if (fd >= MAX_FD || fstat(fd, &info)) abort();
  watched[fd] = info.st_ino;
  if (!S_ISREG(info.st_mode)) return fd;
  if (!existed) record('C', info.st_ino, 0, path, strlen(path), NULL, 0, 0);
  else if ((flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY) record('T', info.st_ino, 0, NULL, 0, NULL, 0, 0);
  return fd;
}

static int openBelow(int (*call)(int, const char *, int, mode_t), int dirFd, const char *path, int flags, mode_t mode) {
  char buffer[PATH_MAX];
  const char *inside = below(dirFd, path, buffer);
  if (!inside && logFd >= 0) {
    /* The root folder itself, opened to be synced. */
    char resolved[PATH_MAX];
    int fd = call(dirFd, path, flags, mode);
    if (fd >= 0 && fd < MAX_FD) {
      watched[fd] = 0;
      struct stat info;
      if (path[0] == '/' && realpath(path, resolved) && !strcmp(resolved, root) && !fstat(fd, &info)) watched[fd] = info.st_ino;
    }
    return fd;
  }
  if (!inside) return call(dirFd, path, flags, mode);
  pthread_mutex_lock(&lock);
  int existed = !faccessat(dirFd, path, F_OK, 0);
  int fd = call(dirFd, path, flags, mode);
  int saved = errno;
  opened(fd, existed, inside, flags);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return fd;
}

static int plainOpenat(int dirFd, const char *path, int flags, mode_t mode) { return REAL(openat)(dirFd, path, flags, mode); }

#define MODE(flags)                                      \
  mode_t mode = 0;                                       \
  if ((flags) & (O_CREAT | __O_TMPFILE)) {               \
    va_list rest;                                        \
    va_start(rest, flags);                               \
    mode = va_arg(rest, mode_t);                         \
    va_end(rest);                                        \
  }
int open(const char *path, int flags, ...) { MODE(flags) return openBelow(plainOpenat, AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return openBelow(plainOpenat, AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int dirFd, const char *path, int flags, ...) { MODE(flags) return openBelow(plainOpenat, dirFd, path, flags, mode); }
int openat64(int dirFd, const char *path, int flags, ...) { MODE(flags) return openBelow(plainOpenat, dirFd, path, flags | O_LARGEFILE, mode); }
int creat(const char *path, mode_t mode) { return openBelow(plainOpenat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
  if (fd >= 0 && fd < MAX_FD) watched[fd] = 0;
  return REAL(close)(fd);
}

/* libuv closes by the bare system call, past us: a number that now means something else is no longer watched. */
static int isWatched(int fd) {
  if (logFd < 0 || fd < 0 || fd >= MAX_FD || !watched[fd]) return 0;
  struct stat info;
  if (!fstat(fd, &info) && info.st_ino == watched[fd] && info.st_dev == rootDevice) return 1;
  watched[fd] = 0;
  return 0;
}

static ssize_t wrote(ssize_t result, int fd, uint64_t offset, const struct iovec *data, int count) {
  if (result > 0) record('W', watched[fd], offset, NULL, 0, data, count, result);
  return result;
}

#define RECORDED(type, call)          \
  pthread_mutex_lock(&lock);          \
  type result = call;                 \
  int saved = errno;                  \
  pthread_mutex_unlock(&lock);        \
  errno = saved;                      \
  return result;

static uint64_t position(int fd, ssize_t wrote) {
  off_t end = lseek(fd, 0, SEEK_CUR);
  return end < wrote ? 0 : end - wrote;
}

static ssize_t sequential(ssize_t result, int fd, const struct iovec *data, int count) {
  return result > 0 ? wrote(result, fd, position(fd, result), data, count) : result;
}

ssize_t write(int fd, const void *data, size_t size) {
  if (!isWatched(fd)) return REAL(write)(fd, data, size);
  struct iovec one = {(void *)data, size};
  RECORDED(ssize_t, sequential(REAL(write)(fd, data, size), fd, &one, 1))
}
ssize_t writev(int fd, const struct iovec *data, int count) {
  if (!isWatched(fd)) return REAL(writev)(fd, data, count);
  RECORDED(ssize_t, sequential(REAL(writev)(fd, data, count), fd, data, count))
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
  if (!isWatched(fd)) return REAL(pwrite)(fd, data, size, offset);
  struct iovec one = {(void *)data, size};
  RECORDED(ssize_t, wrote(REAL(pwrite)(fd, data, size, offset), fd, offset, &one, 1))
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) { return pwrite(fd, data, size, offset); }
ssize_t pwritev(int fd, const struct iovec *data, int count, off_t offset) {
  if (!isWatched(fd)) return REAL(pwritev)(fd, data, count, offset);
  RECORDED(ssize_t, wrote(REAL(pwritev)(fd, data, count, offset), fd, offset, data, count))
}
ssize_t pwritev64(int fd, const struct iovec *data, int count, off64_t offset) { return pwritev(fd, data, count, offset); }

static int truncated(int result, int fd, uint64_t length) {
  if (!result) record('T', watched[fd], length, NULL, 0, NULL, 0, 0);
  return result;
}
int ftruncate(int fd, off_t length) {
  if (!isWatched(fd)) return REAL(ftruncate)(fd, length);
  RECORDED(int, truncated(REAL(ftruncate)(fd, length), fd, length))
}
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

static int synced(int (*call)(int), int fd) {
  if (!isWatched(fd)) return call(fd);
  uint64_t inode = watched[fd];
  pthread_mutex_lock(&lock);
  uint64_t number = ++syncs;
  record('S', inode, number, NULL, 0, NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  int result = call(fd);
  int saved = errno;
  if (!result) {
    pthread_mutex_lock(&lock);
    record('E', inode, number, NULL, 0, NULL, 0, 0);
    pthread_mutex_unlock(&lock);
  }
  errno = saved;
  return result;
}
int fsync(int fd) { return synced(REAL(fsync), fd); }
int fdatasync(int fd) { return synced(REAL(fdatasync), fd); }

static int unlinked(int result, const char *path) {
  if (!result) record('U', 0, 0, path, strlen(path), NULL, 0, 0);
  return result;
}
int unlinkat(int dirFd, const char *path, int flags) {
  char buffer[PATH_MAX];
  const char *inside = below(dirFd, path, buffer);
  if (!inside) return REAL(unlinkat)(dirFd, path, flags);
  RECORDED(int, unlinked(REAL(unlinkat)(dirFd, path, flags), inside))
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

static int renamed(int result, const char *from, const char *to) {
  if (result) return result;
  char both[2 * PATH_MAX];
  size_t length = strlen(from) + 1;
  memcpy(both, from, length);
  memcpy(both + length, to, strlen(to));
  record('R', 0, 0, both, length + strlen(to), NULL, 0, 0);
  return result;
}
int renameat(int fromFd, const char *from, int toFd, const char *to) {
  char a[PATH_MAX], b[PATH_MAX];
  const char *inFrom = below(fromFd, from, a), *inTo = below(toFd, to, b);
  if (!inFrom && !inTo) return REAL(renameat)(fromFd, from, toFd, to);
  if (!inFrom || !inTo) abort();
  RECORDED(int, renamed(REAL(renameat)(fromFd, from, toFd, to), inFrom, inTo))
}
int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

static int made(int result, int dirFd, const char *path, const char *inside) {
  struct stat info;
  if (!result && !fstatat(dirFd, path, &info, 0)) record('M', info.st_ino, 0, inside, strlen(inside), NULL, 0, 0);
  return result;
}
int mkdirat(int dirFd, const char *path, mode_t mode) {
  char buffer[PATH_MAX];
  const char *inside = below(dirFd, path, buffer);
  if (!inside) return REAL(mkdirat)(dirFd, path, mode);
  RECORDED(int, made(REAL(mkdirat)(dirFd, path, mode), dirFd, path, inside))
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* Calls that would change files behind our back: nobody uses them here; if somebody ever does, the test must fail. */
#define FORBIDDEN(type, name, parameters, watchedFd, arguments) \
  type name parameters {                                       \
    if (isWatched(watchedFd)) abort();                         \
    return REAL(name) arguments;                               \
  }
FORBIDDEN(int, fallocate, (int fd, int mode, off_t offset, off_t length), fd, (fd, mode, offset, length))
FORBIDDEN(int, posix_fallocate, (int fd, off_t offset, off_t length), fd, (fd, offset, length))
FORBIDDEN(ssize_t, copy_file_range, (int in, off64_t *inOffset, int out, off64_t *outOffset, size_t length, unsigned int flags), out, (in, inOffset, out, outOffset, length, flags))
FORBIDDEN(int, linkat, (int fromFd, const char *from, int toFd, const char *to, int flags), fromFd, (fromFd, from, toFd, to, flags))
