#include "db/loadbad.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/say.h"
#include "db/logalert.h"
#include "db/pgwait.h"

#define WHAT_MAX  256
#define DEDUP_MAX 64

void loadbad_note(struct loadbad *bad, int64_t slot, int kind, int64_t bucket, const char *at)
{
    *bad = (struct loadbad){.found = true, .slot = slot, .kind = kind, .bucket = bucket};
    (void)snprintf(bad->at, sizeof bad->at, "%s", at);
}

enum err_code loadbad_look(struct pgconn *conn, int64_t closed, const atomic_bool *stop, struct loadbad *bad,
                           struct err *why)
{
    static const char sql[] = "SELECT u.slot, u.kind, u.bucket, u.at::text FROM partition_job AS j"
                              " CROSS JOIN LATERAL load_unreadable($1, j.edges[1], j.edges[2]) AS u"
                              " WHERE j.kind = 'load'";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, closed);
    enum err_code code = pgwait_run(conn, sql, &args, stop, &res, why);
    if (code != ERR_OK)
        return code;
    bad->found = false;
    if (PQntuples(res) != 0)
        loadbad_note(bad, pgexec_get_int(res, 0, 0), (int)pgexec_get_int(res, 0, 1),
                     pgexec_get_int(res, 0, 2), pgexec_get_text(res, 0, 3));
    PQclear(res);
    return ERR_OK;
}

/* One as long as entries of the log are to be read again for this. */
static enum err_code raise_one(struct pgconn *conn, int64_t event, int32_t log_id, struct err *why)
{
    static const char sql[] =
        "UPDATE log_gap SET alert = $2 WHERE log = $1 AND reason = 'damaged' AND alert = 0";
    const struct alert_finding finding = {
        .kind = ALERT_KIND_COVERAGE_GAP,
        .severity = alert_kind_severity(ALERT_KIND_COVERAGE_GAP),
        .rule = "damaged",
        .expected = SPAN_LIT("what a backfill put down can be read when it is put into its partition"),
        .found =
            SPAN_LIT("certificates that were matched and alerted on were damaged in the database and are "
                     "to be read again; view coverage, state not_stored"),
    };
    struct pgexec_args args = PGEXEC_NO_ARGS;
    char dedup[DEDUP_MAX];
    int64_t alert = 0;
    (void)snprintf(dedup, sizeof dedup, "coverage_gap:damaged:%" PRId32 ":%" PRId64, log_id, event);
    enum err_code code = logalert_raise(conn, log_id, &finding, dedup, &alert, why);
    pgexec_int(&args, log_id);
    pgexec_int(&args, alert);
    return code == ERR_OK ? pgexec_do(conn, sql, &args, NULL, why) : code;
}

static enum err_code raise_all(struct pgconn *conn, int64_t event, struct err *why)
{
    static const char sql[] = "SELECT DISTINCT log FROM log_gap WHERE reason = 'damaged' AND alert = 0";
    PGresult *res;
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    for (int i = 0; i < PQntuples(res) && code == ERR_OK; i++)
        code = raise_one(conn, event, (int32_t)pgexec_get_int(res, i, 0), why);
    PQclear(res);
    return code;
}

static enum err_code put_aside(struct pgconn *conn, const struct loadbad *bad, const char *what,
                               const atomic_bool *stop, int64_t *event, struct err *why)
{
    static const char sql[] = "SELECT load_aside($1, $2::text::tid, $3::text)";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, bad->slot);
    pgexec_text(&args, bad->at);
    pgexec_text(&args, what);
    enum err_code code = pgexec_begin(conn, why);
    if (code != ERR_OK)
        return code;
    code = pgwait_number(conn, sql, &args, stop, event, why);
    if (code == ERR_OK && *event != 0)
        code = raise_all(conn, *event, why);
    if (code == ERR_OK)
        return pgexec_commit(conn, why);
    pgexec_rollback(conn);
    return code;
}

/* It is done, whether it can be told or not. */
static void tell(struct pgconn *conn, int64_t event, const char *what)
{
    static const char sql[] = "SELECT (SELECT count(*) FROM load_bad WHERE event = $1), (SELECT "
                              "coalesce(sum(octet_length(rows)), 0)::int8"
                              " FROM load_bad WHERE event = $1), coalesce((SELECT string_agg(format('%s %s "
                              "to %s', l.name, b.range_begin,"
                              " b.range_end - 1), ', ' ORDER BY b.log, b.range_begin) FROM (SELECT * FROM "
                              "load_bad_place WHERE event = $1"
                              " ORDER BY log, range_begin LIMIT 5) AS b JOIN log AS l ON l.id = b.log), '')";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct err ignored = {0};
    PGresult *res;
    pgexec_int(&args, event);
    if (pgexec_run(conn, sql, &args, &res, &ignored) != ERR_OK) {
        say_error("db", "%s: put aside, to be read again", what);
        return;
    }
    say_error("db",
              "%s: it is put aside with what belongs to it (%" PRId64 " values, %" PRId64
              " bytes, table load_bad, event %" PRId64 "), and these entries are to be read again: %s",
              what, pgexec_get_int(res, 0, 0), pgexec_get_int(res, 0, 1), event, pgexec_get_text(res, 0, 2));
    PQclear(res);
}

enum err_code loadbad_aside(struct pgconn *conn, const struct loadbad *bad, const char *leaf,
                            const atomic_bool *stop, bool *aside, struct err *why)
{
    char what[WHAT_MAX];
    int64_t event = 0;
    *aside = false;
    if (!bad->found)
        return ERR_OK;
    (void)snprintf(what, sizeof what,
                   "partition %s: what a backfill put down was damaged: cert_load_run, slot %" PRId64
                   ", kind %d, bucket %" PRId64 ", ctid %s",
                   leaf, bad->slot, bad->kind, bad->bucket, bad->at);
    enum err_code code = put_aside(conn, bad, what, stop, &event, why);
    *aside = code == ERR_OK && event != 0;
    if (*aside)
        tell(conn, event, what);
    return code;
}
