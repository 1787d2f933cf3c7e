#include "db/db_der.h"

#include <stdlib.h>

#include "db/dbkey.h"
#include "db/derput.h"
#include "db/facts.h"
#include "db/logrow.h"
#include "db/spread.h"
#include "model/cert.h"

#define ROWS_MAX 16 /* with members that begin with the same 64 bits */

enum place_column {
    PLACE_IDX = LOGROW_COUNT,
    PLACE_SIZE,
    PLACE_FORM,
    PLACE_BY_SHA,
    PLACE_GIVEN_UP,
    PLACE_SHA8
};

static const char places_sql[] =
    "SELECT " LOGROW_COLUMNS
    ", p.idx, (SELECT coalesce(max(h.size), 0) FROM log_head AS h WHERE h.log = log.id),"
    " p.form, p.by_sha, state = 'removed' OR ended <> '' AS given_up, p.sha8 FROM"
    " (SELECT f.log_id AS log, f.index AS idx, get_byte(f.info, 6) AS form, true AS by_sha, f.sha8"
    "   FROM ct.by_sha8(ARRAY[$1::int8]) AS f"
    "  UNION ALL SELECT f.log_id, f.index, get_byte(f.info, 6), false, f.sha8 FROM "
    "ct.by_fp8(ARRAY[$1::int8]) AS "
    "f)"
    " AS p JOIN log ON log.id = p.log"
    " WHERE p.form " FACTS_SQL_READABLE " ORDER BY p.by_sha DESC, p.form, given_up, p.idx, log.id LIMIT $2";

static bool place_get(const PGresult *res, int row, struct db_der_place *place)
{
    uint64_t sha8 = (uint64_t)pgexec_get_int(res, row, PLACE_SHA8);
    *place = (struct db_der_place){
        .index = (uint64_t)pgexec_get_int(res, row, PLACE_IDX),
        .log_size = (uint64_t)pgexec_get_int(res, row, PLACE_SIZE),
        .form = facts_form_unpack(pgexec_get_int(res, row, PLACE_FORM)),
        .by_sha256 = pgexec_get_bool(res, row, PLACE_BY_SHA),
        .given_up = pgexec_get_bool(res, row, PLACE_GIVEN_UP),
    };
    for (int i = 0; i < 8; i++)
        place->sha8[i] = (uint8_t)(sha8 >> (56 - 8 * i));
    return logrow_get(res, row, &place->log);
}

enum err_code db_der_places(struct pgconn *conn, const uint8_t hash[32], struct db_der_place **places,
                            size_t *count, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    int64_t key = dbkey_first8(hash);
    *places = NULL;
    *count = 0;
    if (key == 0) /* stands for what has no hash */
        return ERR_OK;
    pgexec_int(&args, key);
    pgexec_int(&args, DB_DER_PLACES_MAX);
    enum err_code code = spread_whole(conn, why);
    if (code == ERR_OK)
        code = pgexec_cached(conn, places_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *places = calloc((size_t)PQntuples(res) + 1, sizeof **places);
    if (*places == NULL)
        code = err_set(why, ERR_MEMORY, "database: no memory for %d places", PQntuples(res));
    for (int i = 0; *places != NULL && i < PQntuples(res); i++)
        *count += place_get(res, i, &(*places)[*count]);
    PQclear(res);
    return code;
}

/* The members of a row that begin with `key`. */
static bool row_look(struct span plain, const uint8_t sha8[8], db_der_each *each, void *arg)
{
    struct span der;
    while (derchunk_next(&plain, &der)) {
        uint8_t sha256[32];
        dbkey_sha256(der, sha256);
        if (memcmp(sha256, sha8, 8) == 0 && each(arg, der))
            return true;
    }
    return false;
}

enum err_code db_der_find(struct pgconn *conn, const uint8_t sha8[8], db_der_each *each, void *arg,
                          bool *found, struct err *why)
{
    static const char sql[] =
        "SELECT id, size, z FROM (SELECT * FROM der_chunk WHERE sha8 @> ARRAY[$1::int8] OFFSET 0) AS d"
        " ORDER BY id LIMIT $2"; /* OFFSET: or all rows are read in the order of id, in hope of a hit */
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct buf plain;
    PGresult *res;
    *found = false;
    pgexec_int(&args, dbkey_first8(sha8));
    pgexec_int(&args, ROWS_MAX);
    enum err_code code = pgexec_cached(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    buf_init(&plain, DERCHUNK_PLAIN_MAX);
    for (int i = 0; i < PQntuples(res) && !*found; i++) {
        struct err one = {0};
        enum err_code unpacked =
            derchunk_unpack(pgexec_get_bytes(res, i, 2), pgexec_get_int(res, i, 1), &plain, &one);
        if (unpacked != ERR_OK)
            code = err_set(why, unpacked, "database: row %" PRId64 " of der_chunk: %s",
                           pgexec_get_int(res, i, 0), one.text);
        else
            *found = row_look(buf_span(&plain), sha8, each, arg);
    }
    buf_fini(&plain);
    PQclear(res);
    return *found ? ERR_OK : code;
}

/* What is joined at once: the certificates of all rows, in one piece of memory. */
struct join {
    PGresult *res;
    struct buf all;
    uint8_t (*hashes)[32];
    struct derput put;
    struct copy copy;
};

/* False: the row is damaged, and nothing of it is taken. */
static bool join_row(struct join *join, int row, struct buf *plain, size_t *count)
{
    struct span rest;
    struct span der;
    if (derchunk_unpack(pgexec_get_bytes(join->res, row, 1), pgexec_get_int(join->res, row, 2), plain,
                        NULL) != ERR_OK)
        return false;
    rest = buf_span(plain);
    while (derchunk_next(&rest, &der))
        *count += 1;
    if (rest.len != 0 || *count == 0)
        return false;
    buf_put(&join->all, buf_span(plain));
    return true;
}

/* Those that can not be unpacked are called whole, so that nobody tries again: they stay for people to look
 * at. */
static enum err_code leave_damaged(struct pgconn *conn, int64_t id, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, id);
    return pgexec_do(conn, "UPDATE der_chunk SET whole = true WHERE id = $1", &args, NULL, why);
}

static enum err_code take_away(struct pgconn *conn, int64_t id, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, id);
    return pgexec_do(conn, "DELETE FROM der_chunk WHERE id = $1", &args, NULL, why);
}

static enum err_code join_forms(struct join *join, int32_t month, size_t count, struct err *why)
{
    struct span rest = buf_span(&join->all);
    struct span der;
    size_t at = 0;
    join->hashes = calloc(count + 1, sizeof *join->hashes);
    bool ok = join->hashes != NULL && buf_ok(&join->all);
    while (ok && at < count && derchunk_next(&rest, &der)) {
        dbkey_sha256(der, join->hashes[at]);
        ok = derput_add(&join->put, month, join->hashes[at], der);
        at++;
    }
    if (!ok)
        return err_set(why, ERR_MEMORY, "database: no memory to join %zu certificates", count);
    derput_sort(&join->put);
    return ERR_OK;
}

static enum err_code join_rows(struct pgconn *conn, struct join *join, struct db_der_merged *merged,
                               struct err *why)
{
    struct buf plain;
    enum err_code code = ERR_OK;
    size_t total = 0;
    buf_init(&plain, DERCHUNK_PLAIN_MAX);
    for (int i = 0; code == ERR_OK && i < PQntuples(join->res); i++) {
        size_t count = 0;
        int64_t id = pgexec_get_int(join->res, i, 0);
        bool good = join_row(join, i, &plain, &count);
        code = good ? take_away(conn, id, why) : leave_damaged(conn, id, why);
        total += good ? count : 0;
        merged->before += good;
        merged->damaged += !good;
    }
    buf_fini(&plain);
    if (code != ERR_OK || total == 0)
        return code;
    code = join_forms(join, (int32_t)pgexec_get_int(join->res, 0, 3), total, why);
    if (code != ERR_OK)
        return code;
    merged->twice = total - join->put.count;
    return derput_copy(&join->put, join->put.count, &join->copy, conn, why);
}

static enum err_code merge(struct pgconn *conn, struct join *join, uint64_t least,
                           struct db_der_merged *merged, struct err *why)
{
    static const char sql[] =
        "SELECT id, z, size, month - date '2000-01-01' FROM der_chunk WHERE NOT whole AND month ="
        " (SELECT month FROM der_chunk WHERE NOT whole GROUP BY month HAVING count(*) >= $1"
        "  ORDER BY count(*) DESC, month LIMIT 1)"
        " ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, (int64_t)least);
    pgexec_int(&args, LIMIT_DER_MERGE);
    enum err_code code = pgexec_run(conn, sql, &args, &join->res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(join->res) > 1)
        code = join_rows(conn, join, merged, why);
    PQclear(join->res);
    return code;
}

enum err_code db_der_merge(struct pgconn *conn, uint64_t least, struct db_der_merged *merged, struct err *why)
{
    struct join join = {0};
    *merged = (struct db_der_merged){0};
    enum err_code code = pgexec_begin(conn, why);
    if (code != ERR_OK)
        return code;
    buf_init(&join.all, (size_t)LIMIT_DER_MERGE * LIMIT_DER_CHUNK_BYTES);
    derput_init(&join.put);
    copy_init(&join.copy);
    code = merge(conn, &join, least, merged, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    copy_fini(&join.copy);
    derput_fini(&join.put);
    free(join.hashes);
    buf_fini(&join.all);
    return code;
}

enum err_code db_der_drop(struct pgconn *conn, uint64_t most, uint64_t *dropped, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t count = 0;
    pgexec_int(&args, (int64_t)most);
    enum err_code code = pgexec_number(conn, "SELECT der_drop($1)", &args, &count, why);
    *dropped = (uint64_t)count;
    return code;
}
