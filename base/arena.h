/* Bump memory with a ceiling: reserved once from the operating system, given out in order, taken back all at
 * once. Pages that were touched in a big round are returned to the system on reset. Not thread-safe: one
 * owner at a time. */
#ifndef CTVIGIL_ARENA_H
#define CTVIGIL_ARENA_H

#include "base/span.h"

struct arena {
    uint32_t magic;
    bool file_backed;
    int fd;        /* file-backed: the unlinked file */
    size_t backed; /* file-backed: bytes for which the disk has promised blocks */
    uint8_t *base;
    size_t used;
    size_t ceiling;
    size_t peak; /* since the last reset */
};

/* Bytes behind the ceiling that may be read (never written) by wide loads. */
#define ARENA_PADDING 64

/* Reserves address space for `ceiling` bytes; memory is used as it is touched. False: out of address space.
 */
MUST_USE bool arena_init(struct arena *arena, size_t ceiling);
/* The same over an unlinked temporary file in `dir`, for the rare entry that is larger than memory should be.
 * A full disk is a reached ceiling: arena_take says NULL. */
MUST_USE bool arena_init_file(struct arena *arena, size_t ceiling, const char *dir);
void arena_fini(struct arena *arena);

/* `size` bytes, not zeroed, aligned to `align` (a power of two). NULL when the ceiling is
 * reached: that is a state, not a crash; nothing is given out. */
MUST_USE void *arena_take(struct arena *arena, size_t size, size_t align);
/* Array of `count` zeroed objects; NULL also on overflow of count * size. */
MUST_USE void *arena_zeroed(struct arena *arena, size_t count, size_t size);
/* Copies the span; {NULL, 0} when there is no room (and for SPAN_NONE). */
struct span arena_copy(struct arena *arena, struct span bytes);
/* Grows the most recent allocation in place, from old_size to new_size; false when `last` is not the most
 * recent one or the ceiling is reached. */
MUST_USE bool arena_grow(struct arena *arena, void *last, size_t old_size, size_t new_size);

/* Gives everything back, and every touched page to the system. Not for a file-backed one: its reset does
 * that. */
void arena_release(struct arena *arena);

size_t arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, size_t mark);
/* Gives everything back; keeps up to `keep` bytes of touched memory (rounded up to pages) for the next round.
 */
void arena_reset(struct arena *arena, size_t keep);

#endif
