/* PRIVATE TO db/. Rows of one kind and one bucket that a backfill puts into its leaf: kept, sorted as the
 * leaf is, and each once. What was in the leaf before goes before what came. */
#ifndef CTVIGIL_LOADSORT_H
#define CTVIGIL_LOADSORT_H

#include <stddef.h>

#include "base/err.h"
#include "db/loadrow.h"

struct loadsort_item {
    int64_t place;
    int64_t not_before;
    const uint8_t *at; /* the row */
    const uint8_t *fp;
    int64_t first_seen;
    uint32_t len;
    int32_t issuer;
    bool old; /* in the leaf already */
};

struct loadsort {
    enum loadrow_kind kind;
    struct loadsort_item *items;
    size_t count;
    size_t cap;
    size_t bytes;           /* loadsort_size of all rows */
    struct loadsort_block { /* where the rows are */
        struct loadsort_block *next;
        size_t len;
        size_t cap;
        uint8_t at[];
    } * blocks;
};

/* What a row takes at the most, with what sorts it: its item, the quarter by which items grow ahead, and both
 * again while they are put into heaps. */
static inline size_t loadsort_size(size_t len)
{
    return len + 2 * (sizeof(struct loadsort_item) + sizeof(struct loadsort_item) / 4);
}

/* What so many bytes of packed rows (db/loadrow.h) take by loadsort_size, about and rather more: certificates
 * of 230 bytes and up, keys and addresses of 86 bytes, the least they have. */
static inline uint64_t loadsort_guess(enum loadrow_kind kind, uint64_t bytes)
{
    return kind == LOADROW_CERT ? bytes + bytes * 3 / 5 : bytes * 13 / 5;
}

/* Empty. */
void loadsort_init(struct loadsort *sort);
void loadsort_fini(struct loadsort *sort);
void loadsort_begin(struct loadsort *sort, enum loadrow_kind kind);

/* Copies the row, of which `is` tells (loadrow_read). */
MUST_USE enum err_code loadsort_add(struct loadsort *sort, struct span row, const struct loadrow *is,
                                    bool old, struct err *why);
/* By the order of the table, each row (of certificates: each issuance) once: that of the leaf, else the one
 * that was seen first. */
void loadsort_order(struct loadsort *sort);

#endif
