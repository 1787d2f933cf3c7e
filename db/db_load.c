#include "db/db_load.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/thread.h"
#include "db/db_part.h"
#include "db/loadbad.h"
#include "db/loadfill.h"
#include "db/pgwait.h"

#define CATCH_ROWS  10000
#define SWAP_ROWS   500
#define TRIES       20
#define PAUSE_MS    100
#define HALF_MS     5
#define ROW_BYTES   250
#define WAIT_MAX_MS 600000
#define DOUBLE_ROW  "23505"                  /* unique_violation */
#define HOLD_KEY    "1668707433, 1819238756" /* our word, and "load" */

enum err_code db_load_waiting(struct pgconn *conn, int64_t *rows, struct err *why)
{
    static const char sql[] =
        "SELECT CASE WHEN EXISTS (SELECT FROM cert_load) OR EXISTS (SELECT FROM cert_load_run) THEN "
        "greatest(1, (SELECT sum(pg_table_size(i.inhrelid)) FROM pg_inherits AS i"
        " WHERE i.inhparent IN ('cert_load'::regclass, 'cert_load_run'::regclass))::int8 / $1) ELSE 0 END";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, ROW_BYTES);
    return pgexec_number(conn, sql, &args, rows, why);
}

enum err_code db_load_hold(struct pgconn *conn, struct err *why)
{
    return pgexec_do(conn, "SELECT pg_advisory_lock_shared(" HOLD_KEY ")", &PGEXEC_NO_ARGS, NULL, why);
}

enum err_code db_load_let(struct pgconn *conn, struct err *why)
{
    return pgexec_do(conn, "SELECT pg_advisory_unlock_shared(" HOLD_KEY ")", &PGEXEC_NO_ARGS, NULL, why);
}

static bool pause_for(const struct db_load_how *how, int64_t wait_ms)
{
    for (int64_t passed = 0; passed < wait_ms; passed += PAUSE_MS) {
        if (how->stop != NULL && atomic_load(how->stop))
            return false;
        clock_sleep_ms(PAUSE_MS);
    }
    return true;
}

static enum err_code ended(struct err *why)
{
    return err_set(why, ERR_CLOSED, "the program ends");
}

/* Repeats a statement whose locks others have. */
static enum err_code insist(struct pgconn *conn, const struct db_load_how *how, const char *sql,
                            const struct pgexec_args *args, int64_t *value, struct err *why)
{
    enum err_code code = ERR_DB_CONFLICT;
    for (int i = 0; i < TRIES && code == ERR_DB_CONFLICT; i++) {
        if (i != 0 && !pause_for(how, PAUSE_MS * i))
            return ended(why);
        err_clear(why);
        code = pgwait_number(conn, sql, args, how->stop, value, why);
    }
    return code;
}

static enum err_code swap(struct pgconn *conn, const struct db_load_how *how, int64_t closed, struct err *why)
{
    struct pgexec_args few = PGEXEC_NO_ARGS;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    enum err_code code = ERR_DB_CONFLICT;
    pgexec_int(&few, closed);
    pgexec_int(&few, SWAP_ROWS);
    pgexec_int(&args, CATCH_ROWS);
    for (int i = 0; i < TRIES && code == ERR_DB_CONFLICT; i++) {
        int64_t late = CATCH_ROWS;
        if (i != 0 && !pause_for(how, PAUSE_MS * i))
            return ended(why);
        err_clear(why);
        code = ERR_OK;
        while (code == ERR_OK && late > SWAP_ROWS / 2)
            code = pgwait_number(conn, "SELECT load_catch($1)", &args, how->stop, &late, why);
        if (code == ERR_OK)
            code = pgwait_do(conn, "SELECT load_exchange($1, $2)", &few, how->stop, why);
    }
    return code;
}

/* Rows of one issuance under two domains would be in the way of its unique index. */
static enum err_code index_own(struct pgconn *conn, const struct db_load_how *how, struct err *why)
{
    static const char sql[] = "SELECT partition_index_all()";
    enum err_code code = pgwait_do(conn, sql, &PGEXEC_NO_ARGS, how->stop, why);
    if (code == ERR_OK || strcmp(conn->sqlstate, DOUBLE_ROW) != 0)
        return code;
    err_clear(why);
    code = pgwait_do(conn, "SELECT load_single()", &PGEXEC_NO_ARGS, how->stop, why);
    return code == ERR_OK ? pgwait_do(conn, sql, &PGEXEC_NO_ARGS, how->stop, why) : code;
}

/* The other half of the indexes, over a connection of its own. */
struct half {
    struct pgconn *conn;
    struct thread thread;
    atomic_bool halt;
    atomic_bool done;
    enum err_code code;
    struct err why;
};

static void index_half(void *arg)
{
    struct half *half = arg;
    half->code = pgwait_do(half->conn, "SELECT load_index_half(0)", &PGEXEC_NO_ARGS, &half->halt, &half->why);
    atomic_store(&half->done, true);
}

static enum err_code note_halved(struct pgconn *conn, bool halved, const struct db_load_how *how,
                                 struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, halved);
    return pgwait_do(conn, "UPDATE partition_job SET halved = ($1::int = 1)", &args, how->stop, why);
}

/* *halved false: there is no second connection to be had, or no thread; all is one's own. */
static enum err_code half_begin(struct half *half, struct pgconn *conn, const struct db_load_how *how,
                                bool *halved, struct err *why)
{
    *halved = false;
    half->conn = loadfill_second(conn, 0);
    if (half->conn == NULL)
        return ERR_OK;
    enum err_code code = note_halved(conn, true, how, why);
    *halved = code == ERR_OK && thread_start(&half->thread, "loadindex", index_half, half);
    if (code == ERR_OK && !*halved)
        code = note_halved(conn, false, how, why);
    if (!*halved)
        pgconn_free(half->conn);
    return code;
}

static enum err_code half_end(struct half *half, struct pgconn *conn, const struct db_load_how *how,
                              enum err_code code, struct err *why)
{
    while (code == ERR_OK && !atomic_load(&half->done)) {
        if (how->stop != NULL && atomic_load(how->stop))
            code = ended(why);
        clock_sleep_ms(HALF_MS);
    }
    if (code != ERR_OK)
        atomic_store(&half->halt, true);
    thread_join(&half->thread);
    pgconn_free(half->conn);
    if (code == ERR_OK && half->code != ERR_OK)
        code = loadfill_second_failed(conn, &half->why, why);
    return code;
}

static enum err_code make_indexes(struct pgconn *conn, const struct db_load_how *how, struct err *why)
{
    struct half half = {0};
    bool halved;
    enum err_code code = half_begin(&half, conn, how, &halved, why);
    if (code == ERR_OK)
        code = index_own(conn, how, why);
    return halved ? half_end(&half, conn, how, code, why) : code;
}

/* What is damaged is put aside, one after the other, until all that is left can be read. */
static enum err_code fill_leaf(struct pgconn *conn, const struct db_load_how *how, int64_t closed,
                               const char *suffix, struct err *why)
{
    struct loadbad bad = {0};
    const struct loadfill_how filling = {
        .closed = closed, .most = LIMIT_LOAD_SORT, .stop = how->stop, .bad = &bad};
    enum err_code code = ERR_OK;
    bool aside = true;
    while (aside) {
        size_t peak;
        err_clear(why);
        bad.found = false;
        code = loadfill_run(conn, &filling, &peak, why);
        if (code != ERR_DB)
            return code;
        struct err told = *why;
        err_clear(why);
        code = bad.found ? ERR_OK : loadbad_look(conn, closed, how->stop, &bad, why);
        if (code == ERR_OK)
            code = loadbad_aside(conn, &bad, suffix, how->stop, &aside, why);
        if (code == ERR_OK && !aside)
            code = err_set(why, told.code, "%s", told.text);
        if (code != ERR_OK)
            return code;
    }
    return code;
}

/* One partition, from its beginning: what somebody else left half done is of no use. Its rows are written
 * frozen, so that there is nothing to vacuum. */
static enum err_code seal_leaf(struct pgconn *conn, const struct db_load_how *how, int64_t closed,
                               const char *suffix, struct err *why)
{
    static const char begin_sql[] = "SELECT partition_begin('load', ARRAY[l.suffix], ARRAY[l.lower, "
                                    "l.upper])::int FROM partition_leaf AS l"
                                    " WHERE l.suffix = $1::text";
    struct pgexec_args leaf = PGEXEC_NO_ARGS;
    int64_t begun = 0;
    pgexec_text(&leaf, suffix);
    enum err_code code = insist(conn, how, begin_sql, &leaf, &begun, why);
    if (code == ERR_OK && begun == 0)
        code = err_set(why, ERR_DB_CONFLICT, "database: partition %s is no more; it is tried again", suffix);
    if (code == ERR_OK)
        code = fill_leaf(conn, how, closed, suffix, why);
    if (code == ERR_OK)
        code = make_indexes(conn, how, why);
    if (code == ERR_OK)
        code = pgwait_do(conn, "ANALYZE cert_build_1, cert_apex_build_1, cert_ip_build_1", &PGEXEC_NO_ARGS,
                         how->stop, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, "UPDATE partition_job SET step = 'frozen', step_at = now()", &PGEXEC_NO_ARGS,
                         NULL, why);
    return code == ERR_OK ? swap(conn, how, closed, why) : code;
}

/* What is wrong with one partition is no reason to leave the others as they are. */
static bool may_go_on(enum err_code code)
{
    return code != ERR_CLOSED && code != ERR_DB_DOWN;
}

/* Nobody notes any longer what changes in the partition; where that fails the next job does it. */
static void give_up(struct pgconn *conn, const struct db_load_how *how)
{
    struct err ignored = {0};
    (void)!pgwait_do(conn, "SELECT partition_abandon()", &PGEXEC_NO_ARGS, how->stop, &ignored);
}

/* Each partition that rows of closed slots are to go into; the first error. To find them all rows are looked
 * at, so it is done once; nobody else rewrites partitions meanwhile. */
static enum err_code seal_leaves(struct pgconn *conn, const struct db_load_how *how, int64_t closed,
                                 struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct err first = {0};
    PGresult *res;
    pgexec_int(&args, closed);
    enum err_code code = pgexec_run(conn, "SELECT suffix, rows FROM load_leaves($1)", &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int i = 0; i < PQntuples(res) && may_go_on(code); i++) {
        struct err here = {0};
        if (how->told != NULL)
            how->told(how->told_arg, pgexec_get_text(res, i, 0), pgexec_get_int(res, i, 1));
        code = seal_leaf(conn, how, closed, pgexec_get_text(res, i, 0), &here);
        if (code == ERR_OK)
            continue;
        (void)err_set(&first, code, "%s", here.text);
        if (may_go_on(code))
            give_up(conn, how);
    }
    PQclear(res);
    return first.code == ERR_OK ? ERR_OK : err_set(why, first.code, "%s", first.text);
}

static enum err_code seal_all(struct pgconn *conn, const struct db_load_how *how, struct err *why)
{
    int64_t closed = 0;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    enum err_code code = insist(conn, how, "SELECT load_close()", &PGEXEC_NO_ARGS, &closed, why);
    pgexec_int(&args, closed);
    if (code == ERR_OK)
        code = pgwait_do(conn, "SELECT load_index($1)", &args, how->stop, why);
    if (code == ERR_OK)
        code = seal_leaves(conn, how, closed, why);
    int64_t none;
    return code == ERR_OK ? insist(conn, how, "SELECT 0::int8 FROM load_end($1)", &args, &none, why) : code;
}

/* False and ERR_OK: somebody puts rows down, nobody waits for them, and nothing is to be done meanwhile. */
static enum err_code may_begin(struct pgconn *conn, const struct db_load_how *how, bool *may, struct err *why)
{
    int64_t wanted = 1;
    int64_t alone = 1;
    enum err_code code = ERR_OK;
    if (how->idle_only)
        code = pgexec_number(conn, "SELECT count(*) FROM load_wanted", &PGEXEC_NO_ARGS, &wanted, why);
    *may = wanted != 0;
    if (code != ERR_OK || *may)
        return code;
    /* Outside of a transaction it is let go with the statement: whoever is stopped now is in nobody's way. */
    code = pgexec_number(conn, "SELECT pg_try_advisory_xact_lock(" HOLD_KEY ")::int", &PGEXEC_NO_ARGS, &alone,
                         why);
    *may = alone != 0;
    return code;
}

enum err_code db_load_seal(struct pgconn *conn, const struct db_load_how *how, struct err *why)
{
    int64_t rows = 0;
    bool may = false;
    bool taken = false;
    enum err_code code = db_load_waiting(conn, &rows, why);
    if (code == ERR_OK && rows != 0)
        code = may_begin(conn, how, &may, why);
    if (code != ERR_OK || !may)
        return code;
    for (int64_t until_ms = clock_mono_ms() + how->wait_ms; code == ERR_OK && !taken;) {
        code = db_part_lock(conn, &taken, why);
        if (code != ERR_OK || taken)
            break;
        if (clock_mono_ms() >= until_ms)
            return err_set(why, ERR_DB_CONFLICT,
                           "database: another process rewrites partitions; try again later");
        if (!pause_for(how, PAUSE_MS))
            return ended(why);
    }
    if (code != ERR_OK)
        return code;
    code = seal_all(conn, how, why);
    enum err_code back = db_part_unlock(conn, code == ERR_OK ? why : NULL);
    return code == ERR_OK ? back : code;
}

enum err_code db_load_settle(struct pgconn *conn, const atomic_bool *stop, struct err *why)
{
    const struct db_load_how how = {.stop = stop, .wait_ms = WAIT_MAX_MS};
    struct pgconn *own = NULL;
    int64_t rows = 0;
    enum err_code code = db_load_waiting(conn, &rows, why);
    if (code != ERR_OK || rows == 0)
        return code;
    code = pgconn_open(conn->dsn, &own, why);
    if (code == ERR_OK)
        code = db_load_seal(own, &how, why);
    pgconn_free(own);
    return code;
}

enum err_code db_load_settle_most(struct pgconn *conn, const atomic_bool *stop, struct err *left,
                                  struct err *why)
{
    struct err one = {0};
    enum err_code code = db_load_settle(conn, stop, &one);
    if (code == ERR_OK)
        return ERR_OK;
    if (!may_go_on(code) || code == ERR_DB_CONFLICT || code == ERR_DB_LATER || code == ERR_DB_SCHEMA)
        return err_set(why, code, "%s", one.text);
    *left = one;
    return ERR_OK;
}

enum err_code db_load_left(const struct err *left, struct err *why)
{
    if (left->code == ERR_OK)
        return ERR_OK;
    return err_set(why, ERR_DB_PART,
                   "what a backfill put down can not all be put in its place and was not looked at, but all "
                   "else was: %s",
                   left->text);
}

enum err_code db_load_bad(struct pgconn *conn, int64_t *values, int64_t *entries, struct err *why)
{
    static const char sql[] =
        "SELECT (SELECT count(*) FROM load_bad AS b WHERE b.damaged AND b.event IN (SELECT l.event FROM "
        "load_bad_left AS l)),"
        " (SELECT coalesce(sum(u.range_end - u.range_begin), 0)::int8 FROM (SELECT DISTINCT log, "
        "range_begin, range_end"
        " FROM load_bad_left) AS u)";
    PGresult *res;
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    *values = pgexec_get_int(res, 0, 0);
    *entries = pgexec_get_int(res, 0, 1);
    PQclear(res);
    return ERR_OK;
}

enum err_code db_load_gap(struct pgconn *conn, int32_t log_id, uint64_t at, uint64_t *begin, uint64_t *end,
                          struct err *why)
{
    static const char sql[] =
        "SELECT range_begin, range_end FROM log_gap WHERE log = $1 AND reason = 'damaged'"
        " AND range_begin >= $2 ORDER BY range_begin LIMIT 1";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)at);
    enum err_code code = pgexec_run(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    bool found = PQntuples(res) != 0;
    *begin = found ? (uint64_t)pgexec_get_int(res, 0, 0) : 0;
    *end = found ? (uint64_t)pgexec_get_int(res, 0, 1) : 0;
    PQclear(res);
    return ERR_OK;
}

enum err_code db_load_tidy(struct pgconn *conn, struct err *why)
{
    return pgexec_do(conn, "SELECT load_bad_tidy()", &PGEXEC_NO_ARGS, NULL, why);
}

enum err_code db_load_past(struct pgconn *conn, int32_t log_id, uint64_t begin, uint64_t end, struct err *why)
{
    static const char sql[] =
        "SELECT count(*) FROM (SELECT FROM load_place WHERE log = $1 AND last_index >= $2"
        " AND first_index < $3 LIMIT 1) AS p";
    /* It waits for nobody who is about to take the row away. */
    static const char want_sql[] = "INSERT INTO load_wanted SELECT true WHERE NOT EXISTS (SELECT FROM "
                                   "load_wanted) ON CONFLICT DO NOTHING";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t waiting = 0;
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)begin);
    pgexec_int(&args, (int64_t)end);
    enum err_code code = pgexec_number(conn, sql, &args, &waiting, why);
    if (code != ERR_OK || waiting == 0)
        return code;
    code = pgexec_do(conn, want_sql, &PGEXEC_NO_ARGS, NULL, why);
    if (code != ERR_OK)
        return code;
    return err_set(why, ERR_DB_LATER,
                   "database: entries of the log that a backfill put down are not in their "
                   "partitions yet");
}
