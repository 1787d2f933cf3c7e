#include "db/db_letter.h"

#include <stdio.h>

#include "db/logalert.h"
#include "db/pgexec.h"

/* The channel's row is locked first: whoever raises or settles waits for the other, and then sees what it
 * did. Order of locks: channel, alert, outbox. */
static const char lock_sql[] = "SELECT 1 FROM channel WHERE name = $1 FOR NO KEY UPDATE";

static const char said_sql[] = "SELECT count(*) FROM channel AS c JOIN alert AS a ON a.id = c.letters"
                               " WHERE c.name = $1 AND a.state IN ('new', 'notified')";

/* Told through the others; alone it has to tell of itself, when it works again. */
static const char noted_sql[] =
    "WITH noted AS (UPDATE channel SET letters = $2::int8 WHERE name = $1)"
    " UPDATE outbox AS o SET state = 'withdrawn' WHERE o.alert = $2::int8 AND o.channel = $1 AND EXISTS"
    " (SELECT FROM outbox AS p WHERE p.alert = $2::int8 AND p.channel <> $1)";

static enum err_code tell(struct pgconn *conn, const char *channel, const struct db_outbox_refusal *refusal,
                          struct err *why)
{
    char expected[160];
    char found[1024];
    char dedup[160];
    int64_t id = 0;
    int64_t now_us = 0;
    struct pgexec_args args = {0};
    enum err_code code = pgexec_number(conn, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8",
                                       &PGEXEC_NO_ARGS, &now_us, why);
    (void)snprintf(expected, sizeof expected, "that channel %s takes what it is sent, at last", channel);
    (void)snprintf(
        found, sizeof found,
        "after %d tries deliveries were given up: %.600s. Who reads channel %s has not been told of"
        " these alerts. See that the receiver works, then send them again with 'ctvigil alert"
        " retry', or acknowledge them; until then this alert stays open",
        (int)refusal->tries_max, refusal->error, channel);
    (void)snprintf(dedup, sizeof dedup, "channel_failing:%s:letters:%" PRId64, channel, now_us);
    const struct alert_finding finding = {.kind = ALERT_KIND_CHANNEL_FAILING,
                                          .severity = alert_kind_severity(ALERT_KIND_CHANNEL_FAILING),
                                          .rule = "dead_letter",
                                          .expected = span_str(expected),
                                          .found = span_str(found)};
    if (code == ERR_OK)
        code = logalert_raise(conn, 0, &finding, dedup, &id, why);
    pgexec_text(&args, channel);
    pgexec_int(&args, id);
    return code == ERR_OK ? pgexec_do(conn, noted_sql, &args, NULL, why) : code;
}

static enum err_code fail_and_tell(struct pgconn *conn, const struct db_outbox_item *items, size_t count,
                                   const struct db_outbox_refusal *refusal, bool *raised, struct err *why)
{
    struct pgexec_args args = {0};
    int64_t said = 0;
    pgexec_text(&args, items[0].channel);
    enum err_code code = pgexec_do(conn, lock_sql, &args, NULL, why);
    if (code == ERR_OK)
        code = db_outbox_many_failed(conn, items, count, refusal, why);
    if (code == ERR_OK)
        code = pgexec_number(conn, said_sql, &args, &said, why);
    if (code != ERR_OK || said != 0)
        return code;
    *raised = true;
    return tell(conn, items[0].channel, refusal, why);
}

static enum err_code end(struct pgconn *conn, enum err_code code, struct err *why)
{
    if (code == ERR_OK)
        return pgexec_commit(conn, why);
    pgexec_rollback(conn);
    return code;
}

enum err_code db_letter_failed(struct pgconn *conn, const struct db_outbox_item *items, size_t count,
                               const struct db_outbox_refusal *refusal, bool *raised, struct err *why)
{
    bool dead = false;
    *raised = false;
    for (size_t i = 0; i < count; i++)
        dead = dead || items[i].tries + 1 >= refusal->tries_max;
    if (!dead)
        return db_outbox_many_failed(conn, items, count, refusal, why);
    enum err_code code = pgexec_begin(conn, why);
    if (code != ERR_OK)
        return code;
    code = end(conn, fail_and_tell(conn, items, count, refusal, raised, why), why);
    *raised = *raised && code == ERR_OK;
    return code;
}

static const char waiting_sql[] =
    "SELECT 1 FROM channel WHERE letters IS NOT NULL AND ($1::text IS NULL OR name = $1) LIMIT 1";

static const char lock_letters_sql[] =
    "SELECT 1 FROM channel WHERE letters IS NOT NULL AND ($1::text IS NULL OR name = $1) ORDER BY name"
    " FOR NO KEY UPDATE";

static const char settle_sql[] =
    "WITH was AS MATERIALIZED (SELECT c.name, c.letters FROM channel AS c WHERE c.letters IS NOT NULL"
    "  AND ($1::text IS NULL OR c.name = $1) AND NOT EXISTS (SELECT FROM outbox AS o JOIN alert AS a"
    "   ON a.id = o.alert WHERE o.channel = c.name AND o.state = 'dead' AND a.state IN ('new', 'notified'))),"
    " well AS (UPDATE channel AS c SET letters = NULL FROM was WHERE c.name = was.name),"
    /* As everybody does: by number, so that no two wait for each other. */
    " held AS MATERIALIZED (SELECT x.id FROM alert AS x JOIN was ON was.letters = x.id"
    "  ORDER BY x.id FOR NO KEY UPDATE OF x),"
    " shut AS (UPDATE alert AS a SET state = 'closed', history = alert_history(a),"
    "  reason = 'what was given up there is being sent again or was acknowledged'"
    "  FROM held WHERE a.id = held.id AND a.state IN ('new', 'notified') RETURNING a.id),"
    " gone AS (UPDATE outbox AS o SET state = 'withdrawn' FROM shut WHERE o.alert = shut.id"
    "  AND o.state = 'pending')"
    " SELECT count(*) FROM shut";

enum err_code db_letter_settle(struct pgconn *conn, const char *channel, uint64_t *closed, struct err *why)
{
    struct pgexec_args args = {0};
    PGresult *res = NULL;
    int64_t count = 0;
    *closed = 0;
    pgexec_text(&args, channel);
    enum err_code code = pgexec_cached(conn, waiting_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    bool waiting = PQntuples(res) != 0;
    PQclear(res);
    if (!waiting)
        return ERR_OK;
    code = pgexec_begin(conn, why);
    if (code != ERR_OK)
        return code;
    code = pgexec_do(conn, lock_letters_sql, &args, NULL, why);
    if (code == ERR_OK)
        code = pgexec_number(conn, settle_sql, &args, &count, why);
    code = end(conn, code, why);
    *closed = code == ERR_OK ? (uint64_t)count : 0;
    return code;
}
