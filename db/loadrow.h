/* PRIVATE TO db/. What a backfill puts down in values of cert_load_run: rows in PostgreSQL's binary COPY
 * format (a number of fields, and each field behind its length), each behind its own length, all big-endian.
 * What they are sorted and told apart by stands at fixed places, since no field before it is ever NULL. */
#ifndef CTVIGIL_LOADROW_H
#define CTVIGIL_LOADROW_H

#include <stdbool.h>

#include "base/span.h"

enum loadrow_kind {
    LOADROW_CERT, /* the columns of stage_cert */
    LOADROW_KEY,  /* of cert_apex: not_after, not_before, apex8, issuer, tbs_fp */
    LOADROW_IP,   /* of cert_ip: not_after, not_before, issuer, tbs_fp, ip */
    LOADROW_KINDS
};

#define LOADROW_BUCKETS 16
#define LOADROW_BUCKET_MAX                                                                                   \
    INT64_C(0x0fffffffffffffff) /* of what an apex8 is behind the first of its bucket */

struct loadrow {
    int64_t not_after;  /* microseconds, as PostgreSQL counts them */
    int64_t not_before; /* the same */
    int64_t first_seen; /* the same; of others than LOADROW_CERT 0 */
    int64_t place; /* what comes first in the order of the table: apex8, or the beginning of the address */
    int32_t issuer;
    const uint8_t *fp; /* 32 bytes */
};

/* False: that is no row of this kind. */
bool loadrow_read(enum loadrow_kind kind, struct span bytes, struct loadrow *out);
/* Takes the next row off a value; false: there is none, or (`rest` then is not empty) it is cut off. */
bool loadrow_next(struct span *rest, struct span *row);

/* Buckets are in the order of apex8. */
static inline unsigned loadrow_bucket(enum loadrow_kind kind, int64_t place)
{
    return kind == LOADROW_IP ? 0 : (unsigned)(((uint64_t)place ^ (uint64_t)1 << 63) >> 60);
}

/* The lowest apex8 of a bucket; LOADROW_BUCKET_MAX behind it is the highest. */
static inline int64_t loadrow_first(unsigned bucket)
{
    return (int64_t)((uint64_t)bucket << 60 ^ (uint64_t)1 << 63);
}

#endif
