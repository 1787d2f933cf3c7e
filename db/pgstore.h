/* PRIVATE TO db/: the writer's own record, shared by store_pg (open, commit), store_log, store_alert and
 * store_repair. */
#ifndef CTVIGIL_PGSTORE_H
#define CTVIGIL_PGSTORE_H

#include "base/limits.h"
#include "db/copy.h"
#include "db/derput.h"
#include "db/diskguard.h"
#include "db/fpcache.h"
#include "db/issuer_ids.h"
#include "db/loadpack.h"
#include "db/pgexec.h"
#include "db/placemerge.h"
#include "db/stage.h"
#include "db/store.h"
#include "db/store_past.h"
#include "db/store_pg.h"
#include "db/store_rows.h"

#define PGSTORE_LOAD_NOTHING INT64_MIN
#define PGSTORE_HELD_MAX     LIMIT_FOLLOWS
/* Advisory lock of range $1: our own word in the high half, so that other programs on the server do not meet
 * it. */
#define PGSTORE_LOCK_KEY "((1668576617::int8 << 32) | ($1::int8 & 4294967295))"

/* A commit whose answer was lost: what log_range must say if it came through. */
struct pgstore_doubt {
    bool open;
    int64_t range_id;
    uint64_t next;
    uint64_t epoch; /* after it */
    uint64_t verified;
};

struct pgstore_repair {
    bool open;
    int64_t range_id;
    int32_t log_id;
    uint64_t generation; /* the oldest one a repaired batch was matched with; UINT64_MAX: none was */
    int32_t alerts;      /* staged so far */
};

/* What is kept beside the rows (store_der.h). */
struct pgstore_keep {
    enum store_pg_store store;
    enum store_pg_der der;
    struct fpcache *known; /* certificates that are stored whole, by SHA-256; NULL: none are kept */
    struct derput put;     /* of this commit; into its batches */
    struct buf keys;
    struct copy hashes; /* rows of cert_sha256, as columns */
};

struct pgstore {
    struct store store; /* first: the ops see this */
    struct pgconn *conn;
    uint64_t connects; /* the connection our staging tables live on */
    struct issuer_ids *issuers;
    struct fpcache *known; /* issuances that are stored; others may have it, too */
    uint64_t known_age;    /* as of this transaction */
    int64_t removals;
    int64_t lists; /* of cert_removal, as of which the public suffix lists are loaded; -1: they are not */
    struct copy copy;
    struct stage stage;
    struct store_rows rows;
    int64_t held[PGSTORE_HELD_MAX]; /* ranges whose advisory lock we took */
    size_t held_count;
    struct pgstore_doubt doubt;
    struct pgstore_repair repair;
    struct diskguard guard;
    struct pgstore_keep keep;
    struct placemerge places;
    struct loadpack pack;   /* of what is put down */
    uint64_t place_blocks;  /* that this transaction wrote */
    int64_t load_before_ms; /* what expired before this is put down for db_load.h */
    bool load;              /* whatever log it is of (store_pg_load) */
    struct store_past past; /* else these logs */
    struct buf heads_raw;   /* raw bytes of what the last `heads` gave */
    struct buf other_raw;   /* of what the last `head` gave */
};

static inline struct pgstore *pgstore_of(struct store *store)
{
    must(store->magic == STORE_MAGIC);
    return (struct pgstore *)(void *)store;
}

#endif
