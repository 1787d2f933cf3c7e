/* Growing bytes on the heap, born with a ceiling. Overflow (of the ceiling or of memory) is sticky: later
 * puts do nothing and buf_ok says false, so a writer writes straight down and checks once. Not thread-safe.
 */
#ifndef CTVIGIL_BUF_H
#define CTVIGIL_BUF_H

#include "base/span.h"

struct buf {
    uint8_t *at;
    size_t len;
    size_t cap;
    size_t ceiling;
    bool overflow;
};

void buf_init(struct buf *buf, size_t ceiling);
void buf_fini(struct buf *buf);
/* Empties it and forgets an overflow; keeps the memory. */
void buf_clear(struct buf *buf);

/* `count` bytes at the end to be written by the caller; NULL on overflow. */
MUST_USE uint8_t *buf_room(struct buf *buf, size_t count);
void buf_put(struct buf *buf, struct span bytes);
void buf_str(struct buf *buf, const char *text);
void buf_byte(struct buf *buf, uint8_t byte);
void buf_u16(struct buf *buf, uint16_t value); /* big-endian, as the PostgreSQL wire and CT want them */
void buf_u24(struct buf *buf, uint32_t value);
void buf_u32(struct buf *buf, uint32_t value);
void buf_u64(struct buf *buf, uint64_t value);
void buf_fmt(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Writes `value` big-endian over the four bytes at `offset`. */
void buf_patch_u32(struct buf *buf, size_t offset, uint32_t value);

static inline bool buf_ok(const struct buf *buf)
{
    return !buf->overflow;
}

static inline struct span buf_span(const struct buf *buf)
{
    return span_of(buf->at, buf->len);
}

/* A NUL-terminated view of the content (the NUL is not counted); "" on overflow. Valid until the next put. */
const char *buf_text(struct buf *buf);

#endif
