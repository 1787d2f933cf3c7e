/* PRIVATE TO db/. From batches to the session's staging tables: what an entry becomes in cert, cert_apex,
 * cert_ip, log_tile and malformed. The staging tables empty themselves at the end of every transaction. */
#ifndef CTVIGIL_STAGE_H
#define CTVIGIL_STAGE_H

#include "db/copy.h"
#include "db/fpcache.h"
#include "db/issuer_ids.h"
#include "model/batch.h"

/* One entry that becomes a row of cert. */
struct stage_row {
    uint64_t head; /* of tbs_fp, big-endian: decides nearly every comparison without a look at the entry */
    const struct entry *entry;
    int32_t log_id;
    int32_t issuer;
    bool stored; /* the row is there already, and needs no asking; only its place in the log is new */
};

struct stage {
    struct stage_row *rows;  /* by (tbs_fp, issuer, index) */
    struct stage_row *spare; /* of the same size */
    size_t count;
    size_t cap;
    struct stage_key {
        size_t row;
        int64_t apex8;
    } * keys; /* registrable domains beyond the first, kind-prefixed keys */
    size_t key_count;
    size_t key_cap;
    struct buf scratch;
    struct buf others;
    int64_t horizon_s; /* what expired before this is not stored; INT64_MIN: everything is */
    int64_t from_s;    /* stage_certs takes what expires in [from_s, until_s); at first, everything */
    int64_t until_s;
    size_t beyond; /* entries of the last stage_certs that therefore only stand in their tiles */
};

void stage_init(struct stage *stage);
void stage_fini(struct stage *stage);

/* CREATE TEMP TABLE for every staging table; once per connection. */
extern const char stage_tables[];

/* Collects and sorts what becomes a row of cert, with issuer ids from memory. When some are not remembered,
 * *missing tells how many and the caller resolves them with stage_resolve and collects again. */
MUST_USE enum err_code stage_collect(struct stage *stage, struct batch *const *batches, size_t count,
                                     const struct issuer_ids *ids, size_t *missing, struct err *why);
MUST_USE enum err_code stage_resolve(struct stage *stage, struct issuer_ids *ids, struct pgconn *conn,
                                     struct err *why);

/* Marks the collected rows that the memory says are stored, and tells it that the others are now; neither
 * where it forgot all since it had that age (fpcache_as_of). */
void stage_recall(struct stage *stage, struct fpcache *known, uint64_t age);
void stage_remember(const struct stage *stage, struct fpcache *known, uint64_t age);

/* Where rows of cert and what belongs to them go: streams (all three may be the same) into the staging
 * tables, or into those of a backfill; or columns of these types (copy_init_columns). */
struct stage_sink {
    struct copy *cert;
    struct copy *key;
    struct copy *ip;
    int64_t slot; /* of cert_load, cert_load_key and cert_load_ip; 0: the staging tables */
};
extern const uint32_t stage_cert_types[];
extern const uint32_t stage_key_types[];
extern const uint32_t stage_ip_types[];

/* Fill stage_cert, stage_key and stage_ip, those of the slot, or the columns, from the collected rows that
 * are not stored yet (each issuance once, in order). *staged: how many. */
MUST_USE enum err_code stage_certs(struct stage *stage, const struct stage_sink *sink, struct pgconn *conn,
                                   size_t *staged, struct err *why);
/* Fill stage_tile: one row per tile that [begin, end) of the batches touches. Consecutive batches of one log.
 */
MUST_USE enum err_code stage_tiles(struct copy *copy, struct pgconn *conn, struct batch *const *batches,
                                   size_t count, struct err *why);
/* Fill stage_malformed; *count_out: how many. */
MUST_USE enum err_code stage_malformed(struct stage *stage, struct copy *copy, struct pgconn *conn,
                                       struct batch *const *batches, size_t count, size_t *count_out,
                                       struct err *why);

/* Has the entry an issuance at all (a fingerprint)? */
bool stage_is_readable(const struct entry *entry);
/* Is it kept raw: unreadable, or some part of it is? */
bool stage_is_malformed(const struct entry *entry);
/* What log_tile says of the entry. */
void stage_pack(const struct entry *entry, int64_t *fp8, int64_t *sha8, uint8_t info[9]);
const char *stage_form(const struct entry *entry);

#endif
