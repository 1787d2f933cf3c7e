/* PRIVATE TO db/. Rows of der_chunk from certificates: by the month in which they expire, each once, as many
 * in a row as fit (derchunk.h). Shared by the commit and by whoever joins small rows. */
#ifndef CTVIGIL_DERPUT_H
#define CTVIGIL_DERPUT_H

#include "db/copy.h"
#include "db/derchunk.h"
#include "model/entry.h"

struct derput_form {
    int32_t month; /* its first day, counted from 2000-01-01 as PostgreSQL does */
    const uint8_t *sha256;
    struct span der;
    const struct entry *of; /* NULL: not known here */
};

struct derput {
    struct derput_form *forms; /* spans and hashes are the caller's */
    size_t count;
    size_t cap;
    struct buf plain;
    struct buf packed;
};

void derput_init(struct derput *put);
void derput_fini(struct derput *put);

/* The month of a time (not_after, Unix seconds); clamped as cert.not_after is. */
int32_t derput_month(int64_t unix_s);
/* False: out of memory. */
MUST_USE bool derput_add(struct derput *put, int32_t month, const uint8_t sha256[32], struct span der);
/* Sorts by month and hash, and leaves each certificate once. */
void derput_sort(struct derput *put);
/* The first `count` of them, sorted, as rows, by COPY. */
MUST_USE enum err_code derput_copy(struct derput *put, size_t count, struct copy *copy, struct pgconn *conn,
                                   struct err *why);

#endif
