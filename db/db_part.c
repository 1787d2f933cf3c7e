#include "db/db_part.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "db/pgwait.h"
#include "db/spread.h"

/* Rows that are late and copied at once; what is left when the lock is asked for takes some milliseconds. */
#define CATCH_ROWS 10000
#define SWAP_ROWS  200
/* With pauses that grow to two seconds: half a minute for those who read to come to an end. */
#define BEGIN_TRIES  5
#define SWAP_TRIES   20
#define SWAP_WAIT_MS 2000
#define DER_ROWS     1000 /* of 64 certificates each, in one transaction */
/* Rows may come as fast as they are caught up with. */
#define CATCH_ROUNDS 1000

#define STRINGIFY(x) #x
#define STRING_OF(x) STRINGIFY(x)

const char *db_part_act_name(enum db_part_act act)
{
    static const char *const names[] = {[DB_PART_DROP] = "drop",
                                        [DB_PART_SPLIT] = "split",
                                        [DB_PART_MERGE] = "merge",
                                        [DB_PART_SEAL] = "seal"};
    must((size_t)act < countof(names));
    return names[act];
}

static enum err_code ask_bool(struct pgconn *conn, const char *sql, bool *answer, struct err *why)
{
    PGresult *res;
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    *answer = code == ERR_OK && PQntuples(res) == 1 && pgexec_get_bool(res, 0, 0);
    PQclear(res);
    return code;
}

enum err_code db_part_lock(struct pgconn *conn, bool *taken, struct err *why)
{
    /* The sort of a large leaf goes to disk; this decides in how many pieces. */
    static const char session_sql[] = "SET statement_timeout = 0; SET work_mem = '" STRING_OF(
        LIMIT_PART_SORT_MB) "MB';"
                            " SET maintenance_work_mem = '" STRING_OF(LIMIT_PART_INDEX_MB) "MB'";
    *taken = false;
    enum err_code code = spread_whole(conn, why);
    if (code == ERR_OK)
        code = ask_bool(conn, "SELECT partition_lock()", taken, why);
    if (code == ERR_OK && *taken)
        code = pgexec_script(conn, session_sql, why);
    return code == ERR_OK && *taken ? pgexec_script(conn, pgconn_wal_setup, why) : code;
}

enum err_code db_part_unlock(struct pgconn *conn, struct err *why)
{
    bool ours;
    enum err_code code = ask_bool(conn, "SELECT partition_unlock()", &ours, why);
    return code == ERR_OK
               ? pgexec_script(conn, "RESET statement_timeout; RESET work_mem; RESET maintenance_work_mem",
                               why)
               : code;
}

static void copy_text(char *out, size_t out_cap, const PGresult *res, int row, int col)
{
    int len = snprintf(out, out_cap, "%s", pgexec_get_text(res, row, col));
    must(len >= 0 && (size_t)len < out_cap);
}

static void read_todo(const PGresult *res, int row, struct db_part_todo *todo)
{
    const char *act = pgexec_get_text(res, row, 0);
    *todo = (struct db_part_todo){.rows = pgexec_get_int(res, row, 7), .bytes = pgexec_get_int(res, row, 8)};
    while (strcmp(db_part_act_name(todo->act), act) != 0)
        todo->act++;
    copy_text(todo->first, sizeof todo->first, res, row, 1);
    copy_text(todo->last, sizeof todo->last, res, row, 2);
    copy_text(todo->begin, sizeof todo->begin, res, row, 3);
    copy_text(todo->end, sizeof todo->end, res, row, 4);
    copy_text(todo->leaves, sizeof todo->leaves, res, row, 5);
    copy_text(todo->edges, sizeof todo->edges, res, row, 6);
}

static void put_rules(struct pgexec_args *args, const struct db_part_rules *rules)
{
    if (rules->at_ms == 0)
        pgexec_null(args);
    else
        pgexec_time(args, rules->at_ms);
    pgexec_int(args, rules->keep_days);
    pgexec_int(args, rules->rows_max);
    pgexec_bool(args, rules->patient);
    pgexec_bool(args, rules->ahead);
}

enum err_code db_part_plan(struct pgconn *conn, const struct db_part_rules *rules, struct db_part_todo **todo,
                           size_t *count, struct err *why)
{
    static const char sql[] =
        "SELECT t.act, t.suffixes[1], t.suffixes[cardinality(t.suffixes)],"
        " CASE WHEN t.edges[1] > '-infinity' THEN to_char(t.edges[1], 'YYYY-MM-DD') ELSE '' END,"
        " CASE WHEN t.edges[cardinality(t.edges)] < 'infinity'"
        "  THEN to_char(t.edges[cardinality(t.edges)], 'YYYY-MM-DD') ELSE '' END,"
        " t.suffixes::text, t.edges::text, t.rows, t.bytes"
        " FROM partition_todo(coalesce($1::timestamptz, now()), $2, $3, $4) AS t"
        " WHERE NOT $5 OR (t.act = 'split' AND t.suffixes[1] NOT LIKE '%w%')";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    *todo = NULL;
    *count = 0;
    put_rules(&args, rules);
    enum err_code code = pgexec_run(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *todo = calloc((size_t)PQntuples(res) + 1, sizeof **todo);
    must(*todo != NULL);
    for (int row = 0; row < PQntuples(res); row++)
        read_todo(res, row, &(*todo)[(*count)++]);
    PQclear(res);
    return ERR_OK;
}

enum err_code db_part_note(struct pgconn *conn, struct err *why)
{
    enum err_code code = pgexec_do(conn, "SELECT partition_note(now())", &PGEXEC_NO_ARGS, NULL, why);
    return code == ERR_OK ? pgexec_do(conn, "SELECT span_look()", &PGEXEC_NO_ARGS, NULL, why) : code;
}

/* How far the job is; "": there is none. One that somebody else fills is left to him. */
static enum err_code job_step(struct pgconn *conn, char step[16], int64_t *rows, struct err *why)
{
    PGresult *res;
    enum err_code code = pgexec_run(conn, "SELECT step, rows FROM partition_job WHERE kind <> 'load'",
                                    &PGEXEC_NO_ARGS, &res, why);
    step[0] = '\0';
    if (code == ERR_OK && PQntuples(res) == 1) {
        copy_text(step, 16, res, 0, 0);
        *rows = pgexec_get_int(res, 0, 1);
    }
    PQclear(res);
    return code;
}

static bool pause_ms(int64_t wait_ms, const atomic_bool *stop)
{
    for (int64_t passed = 0; passed < wait_ms; passed += 50) {
        if (stop != NULL && atomic_load(stop))
            return false;
        clock_sleep_ms(50);
    }
    return true;
}

static enum err_code catch_up(struct pgconn *conn, const atomic_bool *stop, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t late = CATCH_ROWS;
    enum err_code code = ERR_OK;
    pgexec_int(&args, CATCH_ROWS);
    for (int i = 0; i < CATCH_ROUNDS && code == ERR_OK && late > SWAP_ROWS / 2; i++)
        code = pgwait_number(conn, "SELECT partition_catch($1)", &args, stop, &late, why);
    return code;
}

static enum err_code swap_once(struct pgconn *conn, const atomic_bool *stop, bool *swapped, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t answer = 0;
    pgexec_int(&args, SWAP_ROWS);
    enum err_code code = catch_up(conn, stop, why);
    if (code == ERR_OK)
        code = pgwait_number(conn, "SELECT partition_swap($1)::int", &args, stop, &answer, why);
    *swapped = answer != 0;
    return code;
}

/* Whoever reads these tables is waited for only for a fifth of a second at a time, because those who come
 * later wait with us. */
static enum err_code swap(struct pgconn *conn, const atomic_bool *stop, struct db_part_done *done,
                          struct err *why)
{
    enum err_code code = ERR_DB_CONFLICT;
    bool swapped = false;
    for (int i = 0; i < SWAP_TRIES && !swapped; i++) {
        struct err one = {0};
        int64_t began_ms = clock_mono_ms();
        if (i != 0 && !pause_ms(i < 10 ? SWAP_WAIT_MS * i / 10 : SWAP_WAIT_MS, stop))
            return err_set(why, ERR_CLOSED, "the program ends");
        code = swap_once(conn, stop, &swapped, &one);
        done->swap_ms = clock_mono_ms() - began_ms;
        if (code != ERR_OK && code != ERR_DB_CONFLICT)
            return err_set(why, code, "%s", one.text);
        done->refused += !swapped;
    }
    return swapped
               ? ERR_OK
               : err_set(why, ERR_DB_CONFLICT,
                         "others read or write these tables without a pause; what was built is kept, and is "
                         "put in its place next time");
}

static enum err_code freeze(struct pgconn *conn, const atomic_bool *stop, struct err *why)
{
    enum err_code code =
        pgwait_do(conn, "VACUUM (FREEZE, ANALYZE) cert_build, cert_apex_build, cert_ip_build",
                  &PGEXEC_NO_ARGS, stop, why);
    return code == ERR_OK
               ? pgexec_do(conn,
                           "UPDATE partition_job SET step = 'frozen', step_at = now() WHERE step = "
                           "'indexed'",
                           &PGEXEC_NO_ARGS, NULL, why)
               : code;
}

static enum err_code next_step(struct pgconn *conn, const char *step, const atomic_bool *stop,
                               struct db_part_done *done, struct err *why)
{
    if (strcmp(step, "begun") == 0)
        return pgwait_do(conn, "SELECT partition_fill()", &PGEXEC_NO_ARGS, stop, why);
    if (strcmp(step, "filled") == 0)
        return pgwait_do(conn, "SELECT partition_index_all()", &PGEXEC_NO_ARGS, stop, why);
    if (strcmp(step, "indexed") == 0)
        return freeze(conn, stop, why);
    return swap(conn, stop, done, why);
}

/* Goes on with the job until there is none. A person who truncates a leaf ends it, too. */
static enum err_code run_job(struct pgconn *conn, const atomic_bool *stop, struct db_part_done *done,
                             struct err *why)
{
    char step[16];
    enum err_code code = job_step(conn, step, &done->rows, why);
    while (code == ERR_OK && step[0] != '\0') {
        bool last = strcmp(step, "frozen") == 0;
        code = next_step(conn, step, stop, done, why);
        if (code == ERR_OK && last)
            return ERR_OK;
        if (code == ERR_OK)
            code = job_step(conn, step, &done->rows, why);
    }
    if (code == ERR_OK)
        done->nothing = true;
    return code;
}

enum err_code db_part_resume(struct pgconn *conn, const atomic_bool *stop, bool *found,
                             struct db_part_done *done, struct err *why)
{
    char step[16];
    *done = (struct db_part_done){0};
    enum err_code code = job_step(conn, step, &done->rows, why);
    *found = code == ERR_OK && step[0] != '\0';
    return *found ? run_job(conn, stop, done, why) : code;
}

/* Their bytes, where they are kept. Whoever is stopped here goes on with the next leaf that is dropped. */
static enum err_code drop_der(struct pgconn *conn, const atomic_bool *stop, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t gone = DER_ROWS;
    enum err_code code = ERR_OK;
    pgexec_int(&args, DER_ROWS);
    while (code == ERR_OK && gone == DER_ROWS)
        code = pgwait_number(conn, "SELECT der_drop($1)", &args, stop, &gone, why);
    return code;
}

static enum err_code drop(struct pgconn *conn, const struct db_part_todo *todo, const atomic_bool *stop,
                          struct db_part_done *done, struct err *why)
{
    struct pgexec_args until = PGEXEC_NO_ARGS;
    struct pgexec_args leaf = PGEXEC_NO_ARGS;
    pgexec_text(&until, todo->end);
    pgexec_text(&leaf, todo->first);
    enum err_code code =
        pgwait_do(conn, "SELECT partition_forget($1::text::date::timestamptz)", &until, stop, why);
    for (int i = 0; code == ERR_OK && i < SWAP_TRIES; i++) {
        struct err one = {0};
        int64_t began_ms = clock_mono_ms();
        code = pgwait_do(conn, "SELECT partition_drop($1)", &leaf, stop, &one);
        done->swap_ms = clock_mono_ms() - began_ms;
        if (code == ERR_OK)
            return drop_der(conn, stop, why);
        if (code != ERR_DB_CONFLICT)
            return err_set(why, code, "%s", one.text);
        done->refused++;
        code = pause_ms(i < 10 ? SWAP_WAIT_MS * i / 10 : SWAP_WAIT_MS, stop)
                   ? ERR_OK
                   : err_set(why, ERR_CLOSED, "the program ends");
    }
    return code != ERR_OK ? code
                          : err_set(why, ERR_DB_CONFLICT,
                                    "others read or write these tables without a pause; it is tried again");
}

/* An old plan of what was cut or merged since begins nothing. Somebody may be writing into a source for long:
 * those who want to write after him wait with us, so it is tried several times. */
static enum err_code begin(struct pgconn *conn, const struct db_part_todo *todo, const atomic_bool *stop,
                           int64_t *begun, struct err *why)
{
    static const char sql[] =
        "SELECT (CASE WHEN $1 <> 'seal' AND NOT EXISTS (SELECT FROM unnest($2::text::text[]) AS s (suffix)"
        " WHERE to_regclass('cert_' || s.suffix) IS NULL) THEN false"
        " ELSE partition_begin($1, $2::text::text[], $3::text::timestamptz[]) END)::int";
    enum err_code code = ERR_DB_CONFLICT;
    for (int i = 0; i < BEGIN_TRIES && code == ERR_DB_CONFLICT; i++) {
        struct pgexec_args args = PGEXEC_NO_ARGS;
        struct err one = {0};
        if (i != 0 && !pause_ms(SWAP_WAIT_MS, stop))
            return err_set(why, ERR_CLOSED, "the program ends");
        pgexec_text(&args, db_part_act_name(todo->act));
        pgexec_text(&args, todo->leaves);
        pgexec_text(&args, todo->edges);
        code = pgwait_number(conn, sql, &args, stop, begun, &one);
        if (code != ERR_OK && (code != ERR_DB_CONFLICT || i + 1 == BEGIN_TRIES))
            return err_set(why, code, "%s", one.text);
    }
    return code;
}

static enum err_code left_bytes(struct pgconn *conn, const struct db_part_todo *todo,
                                struct db_part_done *done, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_text(&args, todo->leaves);
    return pgexec_number(conn,
                         "SELECT coalesce(sum(bytes), 0)::int8 FROM partition_leaf WHERE suffix = ANY "
                         "($1::text::text[])",
                         &args, &done->bytes, why);
}

enum err_code db_part_work(struct pgconn *conn, const struct db_part_todo *todo, const atomic_bool *stop,
                           struct db_part_done *done, struct err *why)
{
    int64_t begun = 0;
    *done = (struct db_part_done){.rows = todo->rows};
    if (todo->act == DB_PART_DROP)
        return drop(conn, todo, stop, done, why);
    enum err_code code = begin(conn, todo, stop, &begun, why);
    done->nothing = code == ERR_OK && begun == 0;
    if (code == ERR_OK && begun != 0)
        code = run_job(conn, stop, done, why);
    return code == ERR_OK ? left_bytes(conn, todo, done, why) : code;
}
