#include "db/store_head.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/say.h"
#include "db/facts.h"
#include "db/stage.h"
#include "db/store_incident.h"
#include "db/store_write.h"

/* Columns of a head as every statement here gives them, and back into the struct. */
#define HEAD_COLUMNS "size, root, timestamp, raw, timestamp_ms"

static enum err_code put_head(struct pgstore *pg, int32_t log_id, const struct head *head, bool *made,
                              struct err *why)
{
    /* The same claim signed again later: the newest signature is kept, it shows that the log is alive. One of
     * the future is no news about that, so what comes after it counts. */
    static const char sql[] =
        "INSERT INTO log_head AS h (log, size, root, timestamp, raw, timestamp_ms)"
        " VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (log, size, root) DO UPDATE SET seen_last = now(),"
        "  timestamp = CASE WHEN excluded.timestamp > h.timestamp OR h.timestamp > $7"
        "   THEN excluded.timestamp ELSE h.timestamp END,"
        "  timestamp_ms = CASE WHEN excluded.timestamp > h.timestamp OR h.timestamp > $7"
        "   THEN excluded.timestamp_ms ELSE h.timestamp_ms END,"
        "  raw = CASE WHEN excluded.timestamp > h.timestamp OR h.timestamp > $7"
        "   THEN excluded.raw ELSE h.raw END"
        " WHERE excluded.timestamp > h.timestamp OR h.seen_last < now() - interval '30 s'"
        "  OR (h.timestamp > $7 AND excluded.timestamp <> h.timestamp) RETURNING xmax = 0";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)head->size);
    pgexec_bytes(&args, span_of(head->root, 32));
    pgexec_time(&args, head->timestamp_ms);
    pgexec_bytes(&args, head->raw.at == NULL ? SPAN_LIT("") : head->raw);
    pgexec_int(&args, head->timestamp_ms);
    pgexec_time(&args, clock_wall_ms() + LIMIT_HEAD_FUTURE_MS);
    enum err_code code = pgexec_run(pg->conn, sql, &args, &res, why);
    *made = code == ERR_OK && PQntuples(res) == 1 && pgexec_get_bool(res, 0, 0);
    PQclear(res);
    return code;
}

/* Who signs one head after the other, none of which can be compared with anything, fills no disk. What stays
 * is left to chance, because the order in which they come is the log's to choose; judged ones go first. */
static enum err_code thin(struct pgstore *pg, int32_t log_id, const struct head *head, struct err *why)
{
    static const char count_sql[] =
        "SELECT count(*) FROM (SELECT FROM log_head WHERE log = $1 AND NOT verified"
        " LIMIT $2) AS x";
    static const char thin_sql[] =
        "DELETE FROM log_head AS h USING (SELECT x.size, x.root FROM log_head AS x"
        "  WHERE x.log = $1 AND NOT x.verified AND x.root <> $3"
        "  AND x.size < (SELECT max(m.size) FROM log_head AS m WHERE m.log = $1)"
        "  AND NOT EXISTS (SELECT FROM evidence AS e WHERE e.log = $1 AND x.root IN (e.head_root, "
        "e.other_root))"
        "  ORDER BY x.denied DESC, random() LIMIT $2) AS o"
        " WHERE h.log = $1 AND h.size = o.size AND h.root = o.root AND NOT h.verified";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t count = 0;
    uint64_t gone = 0;
    pgexec_int(&args, log_id);
    pgexec_int(&args, LIMIT_HEADS_OPEN + 1);
    enum err_code code = pgexec_number(pg->conn, count_sql, &args, &count, why);
    if (code != ERR_OK || count <= LIMIT_HEADS_OPEN)
        return code;
    args = PGEXEC_NO_ARGS;
    pgexec_int(&args, log_id);
    pgexec_int(&args, LIMIT_HEADS_OPEN / 8);
    pgexec_bytes(&args, span_of(head->root, 32));
    code = pgexec_do(pg->conn, thin_sql, &args, &gone, why);
    if (code == ERR_OK && gone != 0)
        say_warn("database",
                 "log %d has more than %d signed heads that are not verified; %" PRIu64
                 " of them are dropped",
                 (int)log_id, LIMIT_HEADS_OPEN, gone);
    return code;
}

/* A good signature ends what wrong ones began. */
static enum err_code signed_again(struct pgstore *pg, int32_t log_id, struct err *why)
{
    static const char sql[] =
        "UPDATE log SET state = 'active' WHERE id = $1 AND state = 'inconsistent'"
        " AND EXISTS (SELECT FROM evidence AS e WHERE e.log = $1 AND e.kind = 'bad_signature')"
        " AND NOT EXISTS (SELECT FROM evidence_open AS e WHERE e.log = $1 AND e.kind <> 'unproven_head')";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, log_id);
    enum err_code code = pgexec_do(pg->conn, sql, &args, NULL, why);
    return code == ERR_OK ? store_incident_over(pg, log_id, why) : code;
}

/* One row of HEAD_COLUMNS; raw is copied behind `raws`. */
static bool load_head(const PGresult *res, int row, struct head *head, struct buf *raws)
{
    struct span root = pgexec_get_bytes(res, row, 1);
    struct span raw = pgexec_get_bytes(res, row, 3);
    must(root.len == sizeof head->root);
    head->size = (uint64_t)pgexec_get_int(res, row, 0);
    memcpy(head->root, root.at, root.len);
    head->timestamp_ms =
        pgexec_is_null(res, row, 4) ? pgexec_get_time(res, row, 2) : pgexec_get_int(res, row, 4);
    size_t at = raws->len;
    buf_put(raws, raw);
    head->raw = buf_ok(raws) ? span_of(raws->at + at, raw.len) : SPAN_NONE;
    return buf_ok(raws);
}

enum err_code store_head_put(struct store *store, int32_t log_id, const struct head *head, bool *fork,
                             struct head *other, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    bool made = false;
    *fork = false;
    enum err_code code = store_write_ready(pg, why);
    if (code == ERR_OK)
        code = put_head(pg, log_id, head, &made, why);
    if (code == ERR_OK && made)
        code = thin(pg, log_id, head, why);
    if (code == ERR_OK)
        code = signed_again(pg, log_id, why);
    if (code != ERR_OK)
        return code;
    /* A statement of its own, after the insertion is visible: of two processes with different roots at least
     * one sees the other's. */
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)head->size);
    pgexec_bytes(&args, span_of(head->root, 32));
    code = pgexec_cached(pg->conn,
                         "SELECT " HEAD_COLUMNS " FROM log_head WHERE log = $1 AND size = $2 AND root <> $3"
                         " ORDER BY seen_at, root LIMIT 1",
                         &args, &res, why);
    if (code != ERR_OK)
        return code;
    *fork = PQntuples(res) == 1;
    buf_clear(&pg->other_raw);
    if (*fork && other != NULL && !load_head(res, 0, other, &pg->other_raw))
        code = err_set(why, ERR_MEMORY, "database: no memory for a head");
    PQclear(res);
    return code;
}

/* All rows of `res`, which is freed; their raw lives in pg->heads_raw. */
static enum err_code load_heads(struct pgstore *pg, PGresult *res, struct head *out, size_t *count,
                                struct err *why)
{
    enum err_code code = ERR_OK;
    /* Room for all of them at once, so that the spans stay where they are. */
    size_t total = 0;
    for (int row = 0; row < PQntuples(res); row++)
        total += pgexec_get_bytes(res, row, 3).len;
    buf_clear(&pg->heads_raw);
    if (buf_room(&pg->heads_raw, total) == NULL && total != 0)
        code = err_set(why, ERR_MEMORY, "database: no memory for %d heads", PQntuples(res));
    pg->heads_raw.len = 0;
    for (int row = 0; row < PQntuples(res) && code == ERR_OK; row++)
        must(load_head(res, row, &out[row], &pg->heads_raw));
    *count = code == ERR_OK ? (size_t)PQntuples(res) : 0;
    PQclear(res);
    return code;
}

static enum err_code list(struct store *store, const char *sql, const struct pgexec_args *args,
                          struct head *out, size_t *count, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    PGresult *res;
    *count = 0;
    enum err_code code = store_write_ready(pg, why);
    if (code == ERR_OK)
        code = pgexec_cached(pg->conn, sql, args, &res, why);
    return code == ERR_OK ? load_heads(pg, res, out, count, why) : code;
}

enum err_code store_head_list(struct store *store, int32_t log_id, uint64_t above, struct head *out,
                              size_t max, size_t *count, struct err *why)
{
    static const char sql[] = "SELECT " HEAD_COLUMNS " FROM log_head WHERE log = $1 AND size > $2"
                              " ORDER BY size, seen_at, root LIMIT $3";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)above);
    pgexec_int(&args, (int64_t)max);
    return list(store, sql, &args, out, count, why);
}

enum err_code store_head_claims(struct store *store, int32_t log_id, uint64_t below, struct head *out,
                                size_t max, size_t *count, struct err *why)
{
    static const char sql[] = "SELECT " HEAD_COLUMNS " FROM log_claim WHERE log = $1 AND size < $2"
                              " ORDER BY seen_last DESC, size DESC, root LIMIT $3";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)below);
    pgexec_int(&args, (int64_t)max);
    return list(store, sql, &args, out, count, why);
}

/* The one row that `sql` has of a head: $1 log, $2 size, $3 root. NULL: there is none. */
static enum err_code head_row(struct store *store, int32_t log_id, const struct head *head, const char *sql,
                              PGresult **res, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    struct pgexec_args args = PGEXEC_NO_ARGS;
    *res = NULL;
    enum err_code code = store_write_ready(pg, why);
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)head->size);
    pgexec_bytes(&args, span_of(head->root, 32));
    if (code == ERR_OK)
        code = pgexec_cached(pg->conn, sql, &args, res, why);
    if (code != ERR_OK || PQntuples(*res) != 0)
        return code;
    PQclear(*res);
    *res = NULL;
    return ERR_OK;
}

enum err_code store_head_refuted(struct store *store, int32_t log_id, const struct head *head, bool *refuted,
                                 struct err *why)
{
    PGresult *res;
    enum err_code code =
        head_row(store, log_id, head,
                 "SELECT 1 FROM log_head WHERE log = $1 AND size = $2 AND root = $3 AND denied", &res, why);
    *refuted = code == ERR_OK && res != NULL;
    PQclear(res);
    return code;
}

enum err_code store_head_since(struct store *store, int32_t log_id, const struct head *head, int64_t *seen_ms,
                               struct err *why)
{
    PGresult *res;
    enum err_code code =
        head_row(store, log_id, head,
                 "SELECT seen_at FROM log_head WHERE log = $1 AND size = $2 AND root = $3", &res, why);
    *seen_ms = code == ERR_OK && res != NULL ? pgexec_get_time(res, 0, 0) : clock_wall_ms();
    PQclear(res);
    return code;
}

enum err_code store_head_judged(struct store *store, int32_t log_id, const struct head *head, bool fits,
                                struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    struct pgexec_args args = PGEXEC_NO_ARGS;
    enum err_code code = store_write_ready(pg, why);
    if (code != ERR_OK)
        return code;
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)head->size);
    pgexec_bytes(&args, span_of(head->root, 32));
    pgexec_bool(&args, fits);
    code = pgexec_do(pg->conn,
                     "UPDATE log_head SET verified = $4, denied = NOT $4"
                     " WHERE log = $1 AND size = $2 AND root = $3 AND NOT verified AND NOT denied",
                     &args, NULL, why);
    return code == ERR_OK ? store_incident_over(pg, log_id, why) : code;
}

/* Is entry->index stored, and as another entry? What fills the gap between two ranges, or for want of room,
 * is no entry. */
static enum err_code is_other(struct pgstore *pg, const struct batch *batch, const struct entry *entry,
                              bool *other, struct err *why)
{
    static const char sql[] =
        "SELECT fp8[($2 - first_index + 1)::int4],"
        " substring(info FROM (9 * ($2 - first_index) + 1)::int4 FOR 7) FROM log_tile"
        " WHERE log = $1 AND tile = $2 / 256 AND first_index <= $2 AND last_index >= $2"
        " AND substring(info FROM (9 * ($2 - first_index) + 7)::int4 FOR 1) <> '\\x03'::bytea";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint8_t info[FACTS_INFO_BYTES];
    int64_t fp8 = 0;
    int64_t sha8 = 0;
    PGresult *res;
    *other = false;
    pgexec_int(&args, batch->log->id);
    pgexec_int(&args, (int64_t)entry->index);
    enum err_code code = pgexec_cached(pg->conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    stage_pack(entry, &fp8, &sha8, info);
    if (PQntuples(res) == 1) {
        struct span was = pgexec_get_bytes(res, 0, 1);
        /* An older version stored what is poisoned as a precertificate. */
        if (info[6] == FACTS_FORM_POISONED && was.len == 7 && was.at[6] == FACTS_FORM_PRECERT)
            info[6] = FACTS_FORM_PRECERT;
        *other = pgexec_get_int(res, 0, 0) != fp8 || !span_eq(was, span_of(info, 7));
    }
    PQclear(res);
    return ERR_OK;
}

enum err_code store_head_others(struct store *store, const struct batch *batch, bool *others, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    *others = false;
    enum err_code code = store_write_ready(pg, why);
    for (size_t i = 0; code == ERR_OK && i < batch->entry_count && !*others; i++)
        if (stage_is_readable(&batch->entries[i]))
            code = is_other(pg, batch, &batch->entries[i], others, why);
    return code;
}
