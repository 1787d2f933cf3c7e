/* Borrowed bytes. A span owns nothing: whoever made it says how long the bytes live (in the pipeline: as long
 * as the batch). The bytes may hold NUL and are not NUL-terminated. An absent value is {NULL, 0}; an empty
 * one has a non-NULL `at`. */
#ifndef CTVIGIL_SPAN_H
#define CTVIGIL_SPAN_H

#include "base/base.h"

struct span {
    const uint8_t *at;
    size_t len;
};

#define SPAN_NONE ((struct span){NULL, 0})
/* Of a string literal or array, without its final NUL. */
#define SPAN_LIT(text) ((struct span){(const uint8_t *)(text), sizeof(text) - 1})

static inline struct span span_of(const void *at, size_t len)
{
    return (struct span){(const uint8_t *)at, len};
}

static inline struct span span_str(const char *text)
{
    return span_of(text, strlen(text));
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* memcmp order, the shorter first when one is a prefix of the other. */
static inline int span_cmp(struct span a, struct span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.at, b.at, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool span_starts(struct span text, struct span head)
{
    return text.len >= head.len && (head.len == 0 || memcmp(text.at, head.at, head.len) == 0);
}

static inline bool span_ends(struct span text, struct span tail)
{
    return text.len >= tail.len &&
           (tail.len == 0 || memcmp(text.at + (text.len - tail.len), tail.at, tail.len) == 0);
}

/* The part [begin, end) of `whole`; must() that it lies inside. */
static inline struct span span_part(struct span whole, size_t begin, size_t end)
{
    must(begin <= end && end <= whole.len);
    return (struct span){whole.len == 0 ? whole.at : whole.at + begin, end - begin};
}

#endif
