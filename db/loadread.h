/* PRIVATE TO db/. What a leaf is built of (db/loadfill.h), as it is written: what was put down of it and what
 * is in it already, read bucket by bucket and sorted, in pieces that memory holds. */
#ifndef CTVIGIL_LOADREAD_H
#define CTVIGIL_LOADREAD_H

#include <stdatomic.h>

#include "db/loadbad.h"
#include "db/loadsort.h"
#include "db/pgexec.h"

/* Takes a piece, all of one kind, and leaves an empty one or its own. False: no more of them is wanted. */
typedef bool loadread_hand(void *arg, struct loadsort *piece);

struct loadread_how {
    int64_t closed; /* the last of the slots that are read */
    int64_t lower;  /* of the leaf; microseconds, as the server counts them */
    int64_t upper;
    const PGresult *sizes;   /* load_sizes, as whoever writes sees it */
    const char *what;        /* the leaf, as messages name it */
    size_t most;             /* bytes of a piece, with what sorts it */
    const atomic_bool *stop; /* may be NULL */
    struct loadbad *bad;     /* may be NULL: which value is damaged, where one is */
    loadread_hand *hand;
    void *arg;
};

/* All pieces in the order of the tables: certificates, keys, addresses. *peak: bytes of the largest piece;
 * more than `most` only where rows of one issuance are as many, or one row is as large. ERR_CLOSED: `stop`
 * turned true, or `hand` gave false. ERR_DB: it is not handed as many rows as `sizes` has. Of a damaged value
 * the error says where it stands. */
MUST_USE enum err_code loadread_run(struct pgconn *conn, const struct loadread_how *how, size_t *peak,
                                    struct err *why);

#endif
