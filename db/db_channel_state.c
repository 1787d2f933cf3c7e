#include "db/db_channel_state.h"

#include <stdio.h>

#include "base/limits.h"
#include "db/logalert.h"
#include "db/pgexec.h"

static const char failed_sql[] =
    "UPDATE channel SET failures = least(failures + 1, 1000000000), failing_since = coalesce(failing_since, "
    "now()),"
    " last_error = $2 WHERE name = $1"
    " RETURNING failures, extract(epoch FROM now() - failing_since)::int8, alert IS NOT NULL,"
    " (extract(epoch FROM failing_since) * 1000000)::int8, to_char(failing_since AT TIME ZONE 'UTC',"
    " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";

/* Told through the others; alone it has to tell of itself, when it works again. */
static const char noted_sql[] =
    "WITH noted AS (UPDATE channel SET alert = $2::int8 WHERE name = $1)"
    " UPDATE outbox AS o SET state = 'withdrawn' WHERE o.alert = $2::int8 AND o.channel = $1 AND EXISTS"
    " (SELECT FROM outbox AS p WHERE p.alert = $2::int8 AND p.channel <> $1)";

static enum err_code raise_one(struct pgconn *conn, const char *name, const char *error, const PGresult *res,
                               struct err *why)
{
    char found[1024];
    char expected[160];
    char dedup[120];
    int64_t id = 0;
    struct pgexec_args args = {0};
    (void)snprintf(expected, sizeof expected, "that channel %s takes what it is sent", name);
    (void)snprintf(found, sizeof found,
                   "nothing since %s, %" PRId64 " tries in a row: %s. Its alerts wait; see that the receiver"
                   " works, then send what was given up again with 'ctvigil alert retry'",
                   pgexec_get_text(res, 0, 4), pgexec_get_int(res, 0, 0), error);
    (void)snprintf(dedup, sizeof dedup, "channel_failing:%s:%" PRId64, name, pgexec_get_int(res, 0, 3));
    const struct alert_finding finding = {.kind = ALERT_KIND_CHANNEL_FAILING,
                                          .severity = alert_kind_severity(ALERT_KIND_CHANNEL_FAILING),
                                          .rule = "channel",
                                          .expected = span_str(expected),
                                          .found = span_str(found)};
    enum err_code code = logalert_raise(conn, 0, &finding, dedup, &id, why);
    pgexec_text(&args, name);
    pgexec_int(&args, id);
    return code == ERR_OK ? pgexec_do(conn, noted_sql, &args, NULL, why) : code;
}

enum err_code db_channel_state_failed(struct pgconn *conn, const char *name, const char *error, bool *raised,
                                      struct err *why)
{
    struct pgexec_args args = {0};
    PGresult *res = NULL;
    *raised = false;
    enum err_code code = pgexec_begin(conn, why);
    if (code != ERR_OK)
        return code;
    pgexec_text(&args, name);
    pgexec_text(&args, error);
    code = pgexec_run(conn, failed_sql, &args, &res, why);
    if (code == ERR_OK && PQntuples(res) == 1 && !pgexec_get_bool(res, 0, 2))
        *raised = pgexec_get_int(res, 0, 0) >= LIMIT_CHANNEL_FAILURES &&
                  pgexec_get_int(res, 0, 1) >= LIMIT_CHANNEL_FAILING_S;
    if (*raised)
        code = raise_one(conn, name, error, res, why);
    if (res != NULL)
        PQclear(res);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    else
        pgexec_rollback(conn);
    *raised = *raised && code == ERR_OK;
    return code;
}

enum err_code db_channel_state_worked(struct pgconn *conn, const char *name, bool *over, struct err *why)
{
    static const char look_sql[] = "SELECT 1 FROM channel WHERE name = $1 AND failing_since IS NOT NULL";
    static const char sql[] =
        "WITH was AS (SELECT name, alert FROM channel WHERE name = $1 AND failing_since IS NOT NULL FOR "
        "UPDATE),"
        " well AS (UPDATE channel AS c SET failing_since = NULL, failures = 0, last_error = '', alert = NULL"
        "  FROM was WHERE c.name = was.name),"
        " shut AS (UPDATE alert AS a SET state = 'closed', reason = 'the channel takes alerts again',"
        "  history = alert_history(a) FROM was WHERE a.id = was.alert AND a.state <> 'closed' RETURNING "
        "a.id),"
        " gone AS (UPDATE outbox AS o SET state = 'withdrawn' FROM shut WHERE o.alert = shut.id"
        "  AND o.state = 'pending')"
        " SELECT id FROM shut";
    struct pgexec_args args = {0};
    PGresult *res = NULL;
    *over = false;
    pgexec_text(&args, name);
    enum err_code code = pgexec_cached(conn, look_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    bool failing = PQntuples(res) != 0;
    PQclear(res);
    if (!failing)
        return ERR_OK;
    code = pgexec_run(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *over = PQntuples(res) != 0;
    PQclear(res);
    return ERR_OK;
}

enum err_code db_channel_state_count(struct pgconn *conn, int64_t *count, struct err *why)
{
    return pgexec_number(conn, "SELECT count(*) FROM channel WHERE enabled AND alert IS NOT NULL",
                         &PGEXEC_NO_ARGS, count, why);
}

enum err_code db_channel_state_hours(struct pgconn *conn, const struct db_channel_hours *hours,
                                     int64_t *quiet_ms, int64_t *digest_ms, struct err *why)
{
    static const char sql[] = "SELECT (extract(epoch FROM CASE WHEN $2::int8 >= 0 THEN quiet_end($1::text, "
                              "$2::int4, $3::int4, now()) END"
                              "  - now()) * 1000)::int8,"
                              " (extract(epoch FROM CASE WHEN $4::int8 >= 0 THEN local_next($1::text, "
                              "$4::int4, now()) WHEN $5::int8 > 0"
                              "  THEN to_timestamp((floor(extract(epoch FROM now()) / (60 * $5)) + 1) * 60 * "
                              "$5) END - now()) * 1000)::int8";
    struct pgexec_args args = {0};
    PGresult *res = NULL;
    struct err own = {0};
    pgexec_text(&args, hours->zone);
    pgexec_int(&args, hours->quiet_first);
    pgexec_int(&args, hours->quiet_last);
    pgexec_int(&args, hours->digest_at);
    pgexec_int(&args, hours->digest_every);
    enum err_code code = pgexec_run(conn, sql, &args, &res, &own);
    if (code != ERR_OK && strcmp(conn->sqlstate, "22023") == 0)
        return err_set(why, ERR_CONFIG, "time_zone: '%s' is no time zone that the database knows",
                       hours->zone);
    if (code != ERR_OK)
        return err_set(why, code, "%s", own.text);
    /* Never 0 where there is something to wait for. */
    *quiet_ms = pgexec_is_null(res, 0, 0) ? 0 : pgexec_get_int(res, 0, 0) + 1;
    *digest_ms = pgexec_is_null(res, 0, 1) ? 0 : pgexec_get_int(res, 0, 1) + 1;
    PQclear(res);
    return ERR_OK;
}
