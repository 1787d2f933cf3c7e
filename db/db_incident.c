#include "db/db_incident.h"

#include "db/pgexec.h"

enum err_code db_incident_claim(struct pgconn *conn, const char *channel, int64_t lease_ms,
                                struct db_incident *incident, struct err *why)
{
    static const char sql[] =
        "WITH due AS MATERIALIZED (SELECT o.id FROM outbox AS o JOIN alert AS a ON a.id = o.alert"
        "  WHERE o.channel = $1 AND o.open_there AND o.state <> 'pending' AND o.open_next <= now()"
        "  AND (a.state IN ('acked', 'closed') OR a.kind = 'test') ORDER BY o.open_next, o.id LIMIT 1"
        "  FOR UPDATE OF o SKIP LOCKED)"
        " UPDATE outbox AS o SET open_next = clock_timestamp() + $2::int8 * interval '1 millisecond'"
        " FROM due WHERE o.id = due.id RETURNING o.id, o.alert, o.open_tries,"
        " (extract(epoch FROM o.open_next) * 1000000)::int8";
    struct pgexec_args args = {0};
    PGresult *res = NULL;
    *incident = (struct db_incident){0};
    pgexec_text(&args, channel);
    pgexec_int(&args, lease_ms);
    enum err_code code = pgexec_cached(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) != 0)
        *incident = (struct db_incident){.id = pgexec_get_int(res, 0, 0),
                                         .alert = pgexec_get_int(res, 0, 1),
                                         .tries = (int32_t)pgexec_get_int(res, 0, 2),
                                         .token = pgexec_get_int(res, 0, 3)};
    PQclear(res);
    return ERR_OK;
}

/* Opened anew it has no time yet: -infinity, which is no number. */
#define CLAIMED                                                                                              \
    "o.id = $1 AND CASE WHEN isfinite(o.open_next)"                                                          \
    " THEN (extract(epoch FROM o.open_next) * 1000000)::int8 = $2 ELSE false END"

enum err_code db_incident_ended(struct pgconn *conn, const struct db_incident *incident, struct err *why)
{
    struct pgexec_args args = {0};
    pgexec_int(&args, incident->id);
    pgexec_int(&args, incident->token);
    return pgexec_do(conn, "UPDATE outbox AS o SET open_there = false WHERE " CLAIMED, &args, NULL, why);
}

enum err_code db_incident_failed(struct pgconn *conn, const struct db_incident *incident, int64_t retry_ms,
                                 bool never, struct err *why)
{
    struct pgexec_args args = {0};
    pgexec_int(&args, incident->id);
    pgexec_int(&args, incident->token);
    pgexec_int(&args, retry_ms);
    pgexec_bool(&args, never);
    return pgexec_do(conn,
                     "UPDATE outbox AS o SET open_tries = open_tries + 1, open_there = NOT $4::bool,"
                     " open_next = clock_timestamp() + $3::int8 * interval '1 millisecond' WHERE " CLAIMED,
                     &args, NULL, why);
}
