/* A cursor over bytes with a sticky error: read, read, read, check once. After the first read past the end
 * every further read returns 0 or an empty span and changes nothing, so a parser reads straight down like its
 * schema. Integers are big-endian (RFC 8446 section 3.1 style, as RFC 6962 uses). No I/O, no allocation. */
#ifndef CTVIGIL_CUR_H
#define CTVIGIL_CUR_H

#include "base/span.h"

struct cur {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct cur cur_of(struct span bytes)
{
    return (struct cur){bytes.at, bytes.at == NULL ? NULL : bytes.at + bytes.len, false};
}

static inline size_t cur_left(const struct cur *cur)
{
    return (size_t)(cur->end - cur->at);
}

static inline struct span cur_bytes(struct cur *cur, size_t count)
{
    struct span bytes = SPAN_NONE;
    if (cur->failed || cur_left(cur) < count) {
        cur->failed = true;
        return bytes;
    }
    bytes = span_of(cur->at, count);
    if (count != 0)
        cur->at += count;
    return bytes;
}

/* The integer of `width` bytes, 1 to 8. */
static inline uint64_t cur_uint(struct cur *cur, size_t width)
{
    struct span bytes = cur_bytes(cur, width);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++)
        value = value << 8 | bytes.at[i];
    return value;
}

/* A vector with a length prefix of `width` bytes (RFC 8446 section 3.4): opaque x<0..2^(8*width)-1>. */
static inline struct span cur_vector(struct cur *cur, size_t width)
{
    return cur_bytes(cur, (size_t)cur_uint(cur, width));
}

/* True when nothing failed and every byte was consumed. */
static inline bool cur_done(const struct cur *cur)
{
    return !cur->failed && cur->at == cur->end;
}

#endif
