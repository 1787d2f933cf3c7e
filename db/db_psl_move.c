#include "db/db_psl_move.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/dns.h"
#include "base/limits.h"
#include "db/copy.h"
#include "db/db_load.h"
#include "db/db_psl.h"
#include "db/dbkey.h"
#include "db/pgwait.h"
#include "db/psldiff.h"

#define LOAD_WAIT_MS 600000
#define KEYS_MAX     1000000 /* of one slice: 56 MB */

enum err_code db_psl_move_look(struct pgconn *conn, enum db_psl_move_state *state, struct err *why)
{
    int64_t number = 0;
    enum err_code code =
        pgexec_number(conn, "SELECT CASE state WHEN 'moving' THEN 1 ELSE 2 END FROM psl_move",
                      &PGEXEC_NO_ARGS, &number, why);
    *state = (enum db_psl_move_state)number;
    return code;
}

/* There is a change already. To the list that it came from it can be taken back at once; any other one waits
 * until nobody asks by that any more. */
static enum err_code move_back(struct pgconn *conn, const uint8_t sha256[32],
                               struct db_psl_move_report *report, struct err *why)
{
    static const char until_sql[] =
        "SELECT to_char((moved_at + interval '1 day') AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM psl_move"
        " WHERE state = 'moved'";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    int64_t back = 0;
    pgexec_bytes(&args, span_of(sha256, 32));
    enum err_code code = pgexec_number(conn, "SELECT psl_move_back($1)::int", &args, &back, why);
    report->back = back != 0;
    if (code != ERR_OK || report->back)
        return code;
    code = pgexec_run(conn, until_sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 0)
        code = err_set(why, ERR_EXISTS, "the last change of the public suffix list has not ended yet");
    else
        code = err_set(
            why, ERR_EXISTS,
            "the public suffix list was changed less than a day ago, and programs that run for long may "
            "still ask by the one of before; another one can follow from %s UTC on, back to that one "
            "it can be changed now",
            pgexec_get_text(res, 0, 0));
    PQclear(res);
    return code;
}

static enum err_code put_move(struct pgconn *conn, struct span list, struct span old,
                              struct db_psl_move_report *report, struct err *why)
{
    uint8_t sha256[32];
    struct buf pattern;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t begun = 0;
    dbkey_sha256(list, sha256);
    buf_init(&pattern, LIMIT_SMALL_BYTES);
    report->rules = psldiff_pattern(&pattern, old, list);
    if (report->rules == 0)
        buf_str(&pattern, "^$"); /* comments alone differ: nothing to look for */
    pgexec_bytes(&args, span_of(sha256, 32));
    pgexec_bytes(&args, list);
    pgexec_text(&args, buf_text(&pattern));
    enum err_code code =
        pgexec_number(conn, "SELECT psl_move_begin($1, convert_from($2, 'UTF8'), $3)", &args, &begun, why);
    if (code == ERR_OK && begun == 0)
        code = move_back(conn, sha256, report, why);
    if (code == ERR_OK && begun == 2)
        code =
            err_set(why, ERR_DB_CONFLICT,
                    "what an import has put down is not in its partitions yet; try again when it has ended");
    buf_fini(&pattern);
    return code;
}

enum err_code db_psl_move_begin(struct pgconn *conn, const char *file, struct db_psl_move_report *report,
                                struct err *why)
{
    struct buf list;
    PGresult *res;
    *report = (struct db_psl_move_report){0};
    if (conn->spread)
        return err_set(
            why, ERR_CONFIG,
            "this database is spread over a Citus cluster, where rows lie by the public suffix list "
            "in force when the first one came: it keeps that list");
    buf_init(&list, LIMIT_PSL_BYTES);
    enum err_code code = db_psl_read(file, &list, why);
    if (code == ERR_OK)
        code = dns_psl_load_also(buf_span(&list), why); /* it can be read */
    if (code == ERR_OK)
        code = pgexec_run(conn, "SELECT list FROM psl ORDER BY version DESC LIMIT 1", &PGEXEC_NO_ARGS, &res,
                          why);
    if (code == ERR_OK) {
        struct span old = PQntuples(res) != 0 ? pgexec_get_bytes(res, 0, 0) : SPAN_NONE;
        if (span_eq(old, buf_span(&list)))
            code = err_set(why, ERR_EXISTS, "this public suffix list is in force already");
        else
            code = put_move(conn, buf_span(&list), old, report, why);
        PQclear(res);
    }
    buf_fini(&list);
    /* What was loaded to try it goes again, or stays if it is the one beside. */
    struct err ignored = {0};
    if (db_psl_follow(conn, &ignored) != ERR_OK && code == ERR_OK)
        code = err_set(why, ignored.code, "%s", ignored.text);
    return code;
}

/* What a slice of a table gives: certificates, and the keys that they lack. */
struct lacking {
    int64_t not_after_us; /* as the server counts: microseconds since 2000 */
    int64_t apex8;
    int32_t issuer;
    uint8_t tbs_fp[32];
};

struct found {
    struct lacking *at;
    size_t count;
    size_t cap;
    size_t most; /* then the slice is made smaller */
    struct buf scratch;
};

static bool found_add(struct found *found, const PGresult *res, int64_t apex8)
{
    if (found->count >= found->most)
        return false;
    if (found->count == found->cap) {
        found->cap = found->cap == 0 ? 1024 : 2 * found->cap;
        found->at = realloc(found->at, found->cap * sizeof *found->at);
        must(found->at != NULL);
    }
    struct span fp = pgexec_get_bytes(res, 0, 1);
    struct lacking *one = &found->at[found->count++];
    *one = (struct lacking){.not_after_us = pgexec_get_int(res, 0, 0),
                            .apex8 = apex8,
                            .issuer = (int32_t)pgexec_get_int(res, 0, 2)};
    memcpy(one->tbs_fp, fp.at, fp.len < 32 ? fp.len : 32);
    return true;
}

/* The names of one certificate; its own first key is there already. */
static bool look_at_names(void *arg, const PGresult *res)
{
    struct found *found = arg;
    struct span names = pgexec_get_bytes(res, 0, 4);
    int64_t apex8 = pgexec_get_int(res, 0, 3);
    int64_t last = apex8;
    struct span stored;
    bool fits = true;
    while (fits && dbkey_next_name(&names, &stored)) {
        buf_clear(&found->scratch);
        dbkey_put_text(&found->scratch, stored);
        struct span by_new = dns_apex_also(buf_span(&found->scratch));
        if (by_new.len == 0 || span_eq(dns_apex(buf_span(&found->scratch)), by_new))
            continue;
        int64_t key = dbkey_apex8(by_new);
        if (key != apex8 && key != last)
            fits = found_add(found, res, key);
        last = key;
    }
    return fits;
}

struct slice {
    char suffix[24];
    int64_t leaf;
    int64_t first;
    int64_t last; /* behind it */
    int64_t blocks;
};

static enum err_code next_slice(struct pgconn *conn, int64_t most, struct slice *slice, bool *any,
                                struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, most);
    enum err_code code = pgexec_run(
        conn, "SELECT suffix, leaf::int8, first, last, blocks FROM psl_move_next($1)", &args, &res, why);
    *any = code == ERR_OK && PQntuples(res) == 1;
    if (*any) {
        int len = snprintf(slice->suffix, sizeof slice->suffix, "%s", pgexec_get_text(res, 0, 0));
        must(len > 0 && (size_t)len < sizeof slice->suffix);
        slice->leaf = pgexec_get_int(res, 0, 1);
        slice->first = pgexec_get_int(res, 0, 2);
        slice->last = pgexec_get_int(res, 0, 3);
        slice->blocks = pgexec_get_int(res, 0, 4);
    }
    PQclear(res);
    return code;
}

static enum err_code read_slice(struct pgconn *conn, const struct slice *slice, const atomic_bool *stop,
                                struct found *found, struct err *why)
{
    static const char sql[] = "SELECT r.not_after, r.tbs_fp, r.issuer, r.apex8, r.names FROM psl_move AS m"
                              " CROSS JOIN LATERAL psl_move_rows($1, $2, $3, m.pattern) AS r";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_text(&args, slice->suffix);
    pgexec_int(&args, slice->first);
    pgexec_int(&args, slice->last);
    found->count = 0;
    found->most = slice->last - slice->first > 1 ? KEYS_MAX : SIZE_MAX;
    return pgwait_rows(conn, sql, &args, stop, look_at_names, found, why);
}

static enum err_code put_keys(struct pgconn *conn, const struct found *found, int64_t *added, struct err *why)
{
    static const char sql[] =
        "WITH ins AS (INSERT INTO cert_apex (not_after, not_before, apex8, issuer, tbs_fp)"
        " SELECT c.not_after, c.not_before, k.apex8, c.issuer, c.tbs_fp FROM psl_move_key AS k"
        " CROSS JOIN LATERAL (SELECT * FROM cert AS x WHERE x.not_after = k.not_after AND x.tbs_fp = k.tbs_fp"
        "  AND x.issuer = k.issuer OFFSET 0) AS c ORDER BY k.tbs_fp, k.issuer, k.apex8"
        " ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*) FROM ins";
    struct copy copy;
    *added = 0;
    if (found->count == 0)
        return ERR_OK;
    copy_init(&copy);
    copy_begin(&copy, conn, "COPY psl_move_key FROM STDIN (FORMAT binary)", why);
    for (size_t i = 0; i < found->count; i++) {
        copy_row(&copy, 4);
        copy_int8(&copy, found->at[i].not_after_us); /* a timestamptz has the form of an int8 */
        copy_bytes(&copy, span_of(found->at[i].tbs_fp, 32));
        copy_int4(&copy, found->at[i].issuer);
        copy_int8(&copy, found->at[i].apex8);
    }
    enum err_code code = copy_end(&copy);
    copy_fini(&copy);
    return code == ERR_OK ? pgexec_number(conn, sql, &PGEXEC_NO_ARGS, added, why) : code;
}

static enum err_code move_on(struct pgconn *conn, const struct slice *slice, int64_t added, struct err *why)
{
    static const char sql[] =
        "UPDATE psl_move SET leaf = $1::int8::oid, block = $3, looked = looked + $3 - $2, keys = keys + $4,"
        " done = CASE WHEN $3 < $5 THEN done ELSE done || $1::int8::oid END WHERE state = 'moving'";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint64_t changed = 0;
    pgexec_int(&args, slice->leaf);
    pgexec_int(&args, slice->first);
    pgexec_int(&args, slice->last);
    pgexec_int(&args, added);
    pgexec_int(&args, slice->blocks);
    enum err_code code = pgexec_do(conn, sql, &args, &changed, why);
    return code == ERR_OK && changed != 1 ? err_set(why, ERR_DB_CONFLICT, "database: somebody else ended it")
                                          : code;
}

static enum err_code do_slice(struct pgconn *conn, const struct slice *slice, const struct found *found,
                              struct err *why)
{
    int64_t added = 0;
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = put_keys(conn, found, &added, why);
    if (code == ERR_OK)
        code = move_on(conn, slice, added, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

static enum err_code look_how_far(struct pgconn *conn, struct db_psl_move_report *report, struct err *why)
{
    PGresult *res;
    enum err_code code =
        pgexec_run(conn,
                   "SELECT m.looked * current_setting('block_size')::int8, (SELECT "
                   "coalesce(sum(heap), 0)::int8 FROM partition_leaf), m.keys FROM psl_move AS m",
                   &PGEXEC_NO_ARGS, &res, why);
    if (code == ERR_OK && PQntuples(res) == 1) {
        report->looked = (uint64_t)pgexec_get_int(res, 0, 0);
        report->all = (uint64_t)pgexec_get_int(res, 0, 1);
        report->keys = (uint64_t)pgexec_get_int(res, 0, 2);
    }
    PQclear(res);
    return code;
}

/* Slice by slice; one that lacks too many keys is cut into smaller ones. */
static enum err_code go_through(struct pgconn *conn, const atomic_bool *stop, db_psl_move_told *told,
                                void *arg, struct db_psl_move_report *report, struct err *why)
{
    struct found found = {0};
    struct slice slice = {0};
    int64_t most = LIMIT_PSL_BLOCKS;
    bool any = true;
    buf_init(&found.scratch, LIMIT_SMALL_BYTES);
    enum err_code code = next_slice(conn, most, &slice, &any, why);
    while (code == ERR_OK && any) {
        code = read_slice(conn, &slice, stop, &found, why);
        bool full = code == ERR_OK && found.count >= found.most;
        most = full ? (slice.last - slice.first + 1) / 2 : most < LIMIT_PSL_BLOCKS ? 2 * most : most;
        if (code == ERR_OK && !full)
            code = do_slice(conn, &slice, &found, why);
        if (code == ERR_OK && !full)
            code = look_how_far(conn, report, why);
        if (code == ERR_OK && told != NULL)
            told(arg, report);
        if (code == ERR_OK)
            code = next_slice(conn, most, &slice, &any, why);
    }
    free(found.at);
    buf_fini(&found.scratch);
    return code;
}

enum err_code db_psl_move_run(struct pgconn *conn, const atomic_bool *stop, db_psl_move_told *told, void *arg,
                              struct db_psl_move_report *report, struct err *why)
{
    enum db_psl_move_state state;
    enum err_code code = db_psl_follow(conn, why);
    if (code == ERR_OK)
        code = db_psl_move_look(conn, &state, why);
    if (code != ERR_OK || state != DB_PSL_MOVE_MOVING)
        return code;
    code = pgexec_script(conn,
                         "CREATE TEMP TABLE IF NOT EXISTS psl_move_key (not_after timestamptz, tbs_fp bytea,"
                         " issuer int4, apex8 int8) ON COMMIT DELETE ROWS",
                         why);
    /* What a backfill has put down before writers made keys by both lists. */
    const struct db_load_how how = {.stop = stop, .wait_ms = LOAD_WAIT_MS};
    if (code == ERR_OK)
        code = db_load_seal(conn, &how, why);
    if (code == ERR_OK)
        code = go_through(conn, stop, told, arg, report, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, "SELECT psl_move_switch()", &PGEXEC_NO_ARGS, NULL, why);
    return code == ERR_OK ? db_psl_follow(conn, why) : code;
}

enum err_code db_psl_move_end(struct pgconn *conn, bool *ended, struct err *why)
{
    int64_t answer = 0;
    enum err_code code =
        pgexec_number(conn, "SELECT psl_move_end(interval '1 day')::int", &PGEXEC_NO_ARGS, &answer, why);
    *ended = answer != 0;
    return code == ERR_OK && *ended ? db_psl_follow(conn, why) : code;
}
