#include "db/store_log.h"

#include "base/arena.h"
#include "base/limits.h"
#include "base/text.h"
#include "db/patience.h"
#include "db/store_write.h"

#define NOTE_BYTES 480

static bool load_compact(struct compact *compact, const PGresult *res, int row, int col)
{
    compact->size = 0;
    return pgexec_is_null(res, row, col) || compact_load(compact, pgexec_get_bytes(res, row, col));
}

enum err_code store_log_load(const PGresult *res, int row, struct store_range *range, struct err *why)
{
    range->id = pgexec_get_int(res, row, 0);
    range->log_id = (int32_t)pgexec_get_int(res, row, 1);
    range->begin = (uint64_t)pgexec_get_int(res, row, 2);
    range->end = pgexec_is_null(res, row, 3) ? STORE_RANGE_OPEN : (uint64_t)pgexec_get_int(res, row, 3);
    range->next = (uint64_t)pgexec_get_int(res, row, 4);
    range->epoch = (uint64_t)pgexec_get_int(res, row, 5);
    range->verified = (uint64_t)pgexec_get_int(res, row, 7);
    if (load_compact(&range->frontier, res, row, 6) && load_compact(&range->verified_frontier, res, row, 8) &&
        load_compact(&range->begin_frontier, res, row, 9))
        return ERR_OK;
    return err_set(why, ERR_DB, "database: log_range %" PRId64 ": the stored frontier can not be read",
                   range->id);
}

enum err_code store_log_ranges(struct store *store, int32_t log_id, struct store_range *out, size_t max,
                               size_t *count, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    *count = 0;
    enum err_code code = store_write_ready(pg, why);
    if (code != ERR_OK)
        return code;
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)max);
    code = pgexec_cached(
        pg->conn, "SELECT " STORE_LOG_COLUMNS " FROM log_range WHERE log = $1 ORDER BY range_begin LIMIT $2",
        &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; row < PQntuples(res) && code == ERR_OK; row++)
        code = store_log_load(res, row, &out[row], why);
    *count = code == ERR_OK ? (size_t)PQntuples(res) : 0;
    PQclear(res);
    return code;
}

static bool is_held(const struct pgstore *pg, int64_t id)
{
    for (size_t i = 0; i < pg->held_count; i++) {
        if (pg->held[i] == id)
            return true;
    }
    return false;
}

static enum err_code try_lock(struct pgstore *pg, int64_t id, bool *taken, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, id);
    /* Locks of a session are counted; ours is taken once. */
    enum err_code code =
        pgexec_cached(pg->conn,
                      "SELECT CASE WHEN EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
                      " AND pid = pg_backend_pid() AND objsubid = 1 AND (classid::int8 << 32 | objid::int8) ="
                      " " PGSTORE_LOCK_KEY ") THEN true ELSE pg_try_advisory_lock(" PGSTORE_LOCK_KEY ") END",
                      &args, &res, why);
    if (code != ERR_OK)
        return code;
    *taken = pgexec_get_bool(res, 0, 0);
    PQclear(res);
    if (*taken && !is_held(pg, id)) {
        must(pg->held_count < PGSTORE_HELD_MAX);
        pg->held[pg->held_count++] = id;
    }
    return ERR_OK;
}

enum err_code store_log_take(struct store *store, struct store_range *range, bool *taken, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    *taken = false;
    enum err_code code = store_write_ready(pg, why);
    if (code == ERR_OK)
        code = try_lock(pg, range->id, taken, why);
    if (code == ERR_OK && !*taken)
        patience_end(pg->conn, range->id, LIMIT_DB_COPY_S);
    if (code != ERR_OK || !*taken)
        return code;
    pgexec_int(&args, range->id);
    code = pgexec_cached(pg->conn,
                         "UPDATE log_range SET epoch = epoch + 1, updated_at = now() WHERE id ="
                         " (SELECT id FROM log_range WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED)"
                         " RETURNING " STORE_LOG_COLUMNS,
                         &args, &res, why);
    if (code == ERR_OK) {
        if (PQntuples(res) == 1)
            code = store_log_load(res, 0, range, why);
        else
            code = err_set(why, ERR_NOT_FOUND, "database: log_range %" PRId64 " is gone, or being changed",
                           range->id);
        PQclear(res);
    }
    *taken = code == ERR_OK;
    if (code != ERR_OK)
        store_log_drop(store, range); /* or nobody could have it for as long as we live */
    return code;
}

void store_log_drop(struct store *store, const struct store_range *range)
{
    struct pgstore *pg = pgstore_of(store);
    struct pgexec_args args = PGEXEC_NO_ARGS;
    size_t at = 0;
    while (at < pg->held_count && pg->held[at] != range->id)
        at++;
    if (at == pg->held_count)
        return;
    pg->held[at] = pg->held[--pg->held_count];
    pgexec_int(&args, range->id);
    /* A connection that is gone has taken the lock along; to make a new one for this could take long. */
    if (pg->conn->pg != NULL && PQstatus(pg->conn->pg) == CONNECTION_OK && pg->connects == pg->conn->connects)
        (void)!pgexec_do(pg->conn, "SELECT pg_advisory_unlock(" PGSTORE_LOCK_KEY ")", &args, NULL, NULL);
}

enum err_code store_log_frontier(struct store *store, struct store_range *range,
                                 const struct compact *frontier, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    uint8_t room[COMPACT_BYTES_MAX];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint64_t changed = 0;
    must(frontier->size == range->begin || frontier->size == range->next);
    enum err_code code = store_write_ready(pg, why);
    if (code != ERR_OK)
        return code;
    pgexec_int(&args, range->id);
    pgexec_int(&args, (int64_t)range->next);
    pgexec_int(&args, (int64_t)range->epoch);
    pgexec_bytes(&args, span_of(room, compact_store(frontier, room)));
    pgexec_int(&args, (int64_t)frontier->size);
    code = pgexec_do(pg->conn,
                     "UPDATE log_range SET updated_at = now(),"
                     " frontier = CASE WHEN next = $5 THEN $4 ELSE frontier END,"
                     " begin_frontier = CASE WHEN range_begin = $5 THEN $4 ELSE begin_frontier END"
                     " WHERE next = $2 AND epoch = $3 AND id ="
                     " (SELECT id FROM log_range WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED)",
                     &args, &changed, why);
    if (code == ERR_OK && changed == 0)
        code = err_set(why, ERR_DB_CONFLICT, "database: another process moved range %" PRId64, range->id);
    if (code == ERR_OK && frontier->size == range->next)
        range->frontier = *frontier;
    if (code == ERR_OK && frontier->size == range->begin)
        range->begin_frontier = *frontier;
    return code;
}

enum err_code store_log_note(struct store *store, int32_t log_id, const char *last_error, struct err *why)
{
    static const char sql[] =
        "UPDATE log SET last_error = $2, last_contact = CASE WHEN $2 = '' THEN now() ELSE last_contact END"
        " WHERE id = $1 AND (last_error <> $2 OR $2 = '')";
    struct pgstore *pg = pgstore_of(store);
    char text[NOTE_BYTES];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    enum err_code code = store_write_ready(pg, why);
    if (code != ERR_OK)
        return code;
    pgexec_int(&args, log_id);
    pgexec_text(&args, text_visible_str(span_str(last_error), text, sizeof text));
    return pgexec_do(pg->conn, sql, &args, NULL, why);
}

enum err_code store_log_cert_get(struct store *store, const uint8_t sha256[32], struct arena *arena,
                                 struct span *der, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    *der = SPAN_NONE;
    enum err_code code = store_write_ready(pg, why);
    if (code != ERR_OK)
        return code;
    pgexec_bytes(&args, span_of(sha256, 32));
    code = pgexec_cached(pg->conn, "SELECT der FROM issuer_cert WHERE sha256 = $1", &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 0)
        code = err_set(why, ERR_NOT_FOUND, "database: this issuer certificate is not stored");
    else
        *der = arena_copy(arena, pgexec_get_bytes(res, 0, 0));
    if (code == ERR_OK && der->at == NULL)
        code = err_set(why, ERR_MEMORY, "database: no room for an issuer certificate");
    PQclear(res);
    return code;
}

enum err_code store_log_cert_put(struct store *store, const struct store_ca *ca, struct err *why)
{
    static const char sql[] =
        "INSERT INTO issuer_cert (sha256, spki_sha256, subject, der, log) VALUES ($1, $2, $3, $4, $5::int2)"
        " ON CONFLICT DO NOTHING";
    struct pgstore *pg = pgstore_of(store);
    struct pgexec_args args = PGEXEC_NO_ARGS;
    enum err_code code = store_write_ready(pg, why);
    if (code != ERR_OK)
        return code;
    pgexec_bytes(&args, span_of(ca->sha256, 32));
    pgexec_bytes(&args, span_of(ca->spki_sha256, 32));
    pgexec_bytes(&args, ca->subject.at == NULL ? SPAN_LIT("") : ca->subject);
    pgexec_bytes(&args, ca->der);
    pgexec_int(&args, ca->log_id);
    return pgexec_do(pg->conn, sql, &args, NULL, why);
}
