#include "db/db_place.h"

#include <stdio.h>

#include "base/limits.h"
#include "db/pgwait.h"
#include "db/placebad.h"
#include "db/placeset.h"

#define CTID_MAX 32

enum err_code db_place_bad(struct pgconn *conn, int64_t *buckets, struct err *why)
{
    return pgexec_number(conn, "SELECT count(*) FROM place_bad", &PGEXEC_NO_ARGS, buckets, why);
}

enum err_code db_place_whole(struct pgconn *conn, struct err *why)
{
    int64_t buckets = 0;
    enum err_code code = db_place_bad(conn, &buckets, why);
    if (code != ERR_OK || buckets == 0)
        return code;
    return err_set(why, ERR_DB_LATER,
                   "database: rows of place_block were damaged; what they held is being made anew");
}

/* Under a look that nobody else had: by now another row may be there. */
static enum err_code take_out(struct pgconn *conn, const struct placebad *row, const char *ctid, bool *taken,
                              struct err *why)
{
    static const char sql[] =
        "DELETE FROM place_block WHERE ctid = $1::text::tid AND kind = $2::int8 AND level = $3::int8"
        " AND bucket = $4::int8 RETURNING keys, places";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_text(&args, ctid);
    pgexec_int(&args, row->kind);
    pgexec_int(&args, row->level);
    pgexec_int(&args, row->bucket);
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = pgexec_run(conn, sql, &args, &res, why);
    *taken = code == ERR_OK && PQntuples(res) == 1 &&
             (row->kind < 0 || row->kind >= PLACESET_KINDS ||
              !placeset_is_block((unsigned)row->level, row->bucket, pgexec_get_bytes(res, 0, 0),
                                 pgexec_get_bytes(res, 0, 1)));
    if (*taken)
        code = placebad_note(conn, row, pgexec_get_bytes(res, 0, 0), pgexec_get_bytes(res, 0, 1), why);
    PQclear(res);
    if (code == ERR_OK && *taken)
        return pgexec_commit(conn, why);
    pgexec_rollback(conn);
    return code;
}

static enum err_code look_at(struct pgconn *conn, const PGresult *res, int at, uint64_t *bad, struct err *why)
{
    const struct placebad row = {pgexec_get_int(res, at, 1), pgexec_get_int(res, at, 2),
                                 pgexec_get_int(res, at, 3)};
    bool taken = false;
    if (row.kind >= 0 && row.kind < PLACESET_KINDS && row.level >= 0 &&
        placeset_is_block((unsigned)row.level, row.bucket, pgexec_get_bytes(res, at, 4),
                          pgexec_get_bytes(res, at, 5)))
        return ERR_OK;
    enum err_code code = take_out(conn, &row, pgexec_get_text(res, at, 0), &taken, why);
    *bad += code == ERR_OK && taken;
    return code;
}

enum err_code db_place_check(struct pgconn *conn, const atomic_bool *stop, uint64_t *rows, uint64_t *bad,
                             struct err *why)
{
    static const char pages_sql[] = "SELECT pg_relation_size('place_block')"
                                    " / current_setting('block_size')::int8";
    static const char sql[] = "SELECT ctid::text, kind::int8, level::int8, bucket::int8, keys, places"
                              " FROM place_block WHERE ctid >= $1::text::tid AND ctid < $2::text::tid";
    int64_t pages = 0;
    *rows = 0;
    *bad = 0;
    enum err_code code = pgexec_number(conn, pages_sql, &PGEXEC_NO_ARGS, &pages, why);
    for (int64_t page = 0; code == ERR_OK && page < pages; page += LIMIT_PLACE_PAGES) {
        char from[CTID_MAX];
        char to[CTID_MAX];
        struct pgexec_args args = PGEXEC_NO_ARGS;
        PGresult *res = NULL;
        (void)snprintf(from, sizeof from, "(%" PRId64 ",0)", page);
        (void)snprintf(to, sizeof to, "(%" PRId64 ",0)", page + LIMIT_PLACE_PAGES);
        pgexec_text(&args, from);
        pgexec_text(&args, to);
        code = pgwait_run(conn, sql, &args, stop, &res, why);
        for (int at = 0; code == ERR_OK && at < PQntuples(res); at++)
            code = look_at(conn, res, at, bad, why);
        *rows += code == ERR_OK ? (uint64_t)PQntuples(res) : 0;
        PQclear(res);
    }
    return code;
}

enum err_code db_place_doubt(struct pgconn *conn, struct err *why)
{
    static const char sql[] =
        "INSERT INTO place_bad (kind, level, bucket, what) VALUES (0, 0, 0, 'asked for'),"
        " (1, 0, 0, 'asked for') ON CONFLICT (kind, level, bucket) DO UPDATE SET"
        " what = excluded.what, found_at = now(), next_log = 0, next_tile = 0";
    return pgexec_do(conn, sql, &PGEXEC_NO_ARGS, NULL, why);
}

enum err_code db_place_mend(struct pgconn *conn, const atomic_bool *stop, uint64_t steps, uint64_t *tiles,
                            struct err *why)
{
    static const char sql[] = "SELECT coalesce(place_mend($1), -1)";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t read = 0;
    enum err_code code = ERR_OK;
    *tiles = 0;
    pgexec_int(&args, LIMIT_PLACE_MEND);
    for (uint64_t i = 0; code == ERR_OK && read >= 0 && i < steps; i++) {
        code = pgwait_number(conn, sql, &args, stop, &read, why);
        *tiles += code == ERR_OK && read > 0 ? (uint64_t)read : 0;
    }
    return code;
}
