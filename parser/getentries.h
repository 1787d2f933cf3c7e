/* The get-entries reply of RFC 6962 section 4.6, decoded by a scanner of our own with base64 fused into the
 * scan: the hot path. Accepts any JSON a log may legally write (white space, member order, unknown members,
 * escapes): what the fast path does not know falls to a slow one with the same result. Base64 by the best way
 * that the processor has. */
#ifndef CTVIGIL_GETENTRIES_H
#define CTVIGIL_GETENTRIES_H

#include "base/arena.h"
#include "base/err.h"
#include "parser/base64.h"

struct getentries_item {
    struct span leaf_input; /* preceded in memory by one byte 0x00 that belongs to it: hash at[-1] .. for the
                               leaf hash. Absent: missing, given twice, no string or no base64. */
    struct span extra_data; /* absent: as above */
};

/* Decodes `json`, behind which nothing is read, into at most `items_max` items whose bytes lie in `arena`;
 * entries beyond `items_max` are passed over. A member of an entry that is not what it should be costs that
 * member only. ERR_FORMAT: not the JSON of such a reply; ERR_TOO_BIG: the arena is full. Nothing
 * is trusted of what came before an error. */
MUST_USE enum err_code getentries_decode(struct span json, struct arena *arena, struct getentries_item *items,
                                         size_t items_max, size_t *count, struct err *why);

/* The same by one way of base64, for tests and benchmarks. */
struct getentries_page {
    struct getentries_item *items;
    size_t items_max;
    size_t count; /* set */
};
MUST_USE enum err_code getentries_decode_by(enum base64_way way, struct span json, struct arena *arena,
                                            struct getentries_page *page, struct err *why);

/* The same into room of the caller's, for those who have no arena: at least getentries_room(json.len) bytes
 * at `out`; nothing behind `json` is read. False: not the JSON of such a reply, *end is where that showed.
 * Otherwise *end is how much of the room holds bytes of items. */
size_t getentries_room(size_t json_len);
MUST_USE bool getentries_scan(struct span json, uint8_t *out, struct getentries_item *items, size_t items_max,
                              size_t *count, size_t *end);

#endif
