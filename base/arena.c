#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_MAGIC 0x4152454eu
/* How far a file-backed arena allocates disk blocks ahead of what is used. */
#define BACK_STEP ((size_t)16 << 20)

static size_t page_up(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

static size_t mapped_size(const struct arena *arena)
{
    return page_up(arena->ceiling + ARENA_PADDING);
}

static bool map(struct arena *arena, size_t ceiling, int flags, int fd)
{
    *arena = (struct arena){.magic = ARENA_MAGIC, .ceiling = ceiling, .fd = fd};
    void *base = mmap(NULL, mapped_size(arena), PROT_READ | PROT_WRITE, flags, fd, 0);
    if (base == MAP_FAILED)
        return false;
    /* Where every mapping gets huge pages, a small reply would keep two megabytes in memory. */
    (void)madvise(base, mapped_size(arena), MADV_NOHUGEPAGE);
    arena->base = base;
    return true;
}

bool arena_init(struct arena *arena, size_t ceiling)
{
    must(ceiling <= SIZE_MAX / 2);
    return map(arena, ceiling, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

static int open_unlinked(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return fd;
    /* File systems without O_TMPFILE. */
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/ctvigil-arena-XXXXXX", dir);
    if (len < 0 || (size_t)len >= sizeof path)
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

bool arena_init_file(struct arena *arena, size_t ceiling, const char *dir)
{
    must(ceiling <= SIZE_MAX / 2);
    int fd = open_unlinked(dir);
    *arena = (struct arena){.fd = -1};
    if (fd < 0)
        return false;
    if (ftruncate(fd, (off_t)page_up(ceiling + ARENA_PADDING)) != 0 || !map(arena, ceiling, MAP_SHARED, fd)) {
        (void)close(fd);
        return false;
    }
    arena->file_backed = true;
    return true;
}

void arena_fini(struct arena *arena)
{
    if (arena->base == NULL)
        return;
    must(arena->magic == ARENA_MAGIC);
    must(munmap(arena->base, mapped_size(arena)) == 0);
    if (arena->file_backed)
        (void)close(arena->fd);
    *arena = (struct arena){.fd = -1};
}

/* Writing to a hole of a file on a full disk is a bus error, not an error code; so the blocks are asked for
 * before the bytes are given out. */
static bool back(struct arena *arena, size_t used)
{
    if (!arena->file_backed || used <= arena->backed)
        return true;
    size_t to = used + BACK_STEP < mapped_size(arena) ? page_up(used + BACK_STEP) : mapped_size(arena);
    if (posix_fallocate(arena->fd, (off_t)arena->backed, (off_t)(to - arena->backed)) != 0)
        return false;
    arena->backed = to;
    return true;
}

static bool use(struct arena *arena, size_t used)
{
    if (used > arena->ceiling || !back(arena, used))
        return false;
    arena->used = used;
    if (used > arena->peak)
        arena->peak = used;
    return true;
}

void *arena_take(struct arena *arena, size_t size, size_t align)
{
    must(arena->magic == ARENA_MAGIC && align != 0 && (align & (align - 1)) == 0);
    size_t begin = (arena->used + align - 1) & ~(align - 1);
    if (begin > arena->ceiling || size > arena->ceiling - begin || !use(arena, begin + size))
        return NULL;
    return arena->base + begin;
}

void *arena_zeroed(struct arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    void *at = arena_take(arena, count * size, _Alignof(max_align_t));
    if (at != NULL)
        memset(at, 0, count * size);
    return at;
}

struct span arena_copy(struct arena *arena, struct span bytes)
{
    if (bytes.at == NULL)
        return SPAN_NONE;
    uint8_t *copy = arena_take(arena, bytes.len, 1);
    if (copy == NULL)
        return SPAN_NONE;
    if (bytes.len != 0)
        memcpy(copy, bytes.at, bytes.len);
    return span_of(copy, bytes.len);
}

bool arena_grow(struct arena *arena, void *last, size_t old_size, size_t new_size)
{
    must(arena->magic == ARENA_MAGIC && new_size >= old_size);
    if ((uint8_t *)last + old_size != arena->base + arena->used)
        return false;
    size_t begin = arena->used - old_size;
    return new_size <= arena->ceiling - begin && use(arena, begin + new_size);
}

size_t arena_mark(const struct arena *arena)
{
    return arena->used;
}

void arena_rewind(struct arena *arena, size_t mark)
{
    must(mark <= arena->used);
    arena->used = mark;
}

void arena_reset(struct arena *arena, size_t keep)
{
    must(arena->magic == ARENA_MAGIC);
    size_t kept = page_up(keep);
    if (arena->file_backed && arena->backed > kept) {
        off_t whole = (off_t)mapped_size(arena);
        must(ftruncate(arena->fd, (off_t)kept) == 0 && ftruncate(arena->fd, whole) == 0);
        arena->backed = kept;
    } else if (!arena->file_backed && arena->peak > kept) {
        must(madvise(arena->base + kept, page_up(arena->peak) - kept, MADV_DONTNEED) == 0);
    }
    arena->used = 0;
    arena->peak = 0;
}

void arena_release(struct arena *arena)
{
    must(arena->magic == ARENA_MAGIC && !arena->file_backed);
    must(madvise(arena->base, mapped_size(arena), MADV_DONTNEED) == 0);
    arena->used = 0;
    arena->peak = 0;
}
