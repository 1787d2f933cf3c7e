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
        " FROM due WHERE o.id = due.id RETURNING o.id, o.alert, o.open_tries";
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
                                         .tries = (int32_t)pgexec_get_int(res, 0, 2)};
    PQclear(res);
    return ERR_OK;
}

enum err_code db_incident_ended(struct pgconn *conn, int64_t id, struct err *why)
{
    struct pgexec_args args = {0};
    pgexec_int(&args, id);
    return pgexec_do(conn, "UPDATE outbox SET open_there = false WHERE id = $1", &args, NULL, why);
}

enum err_code db_incident_failed(struct pgconn *conn, int64_t id, int64_t retry_ms, bool never,
                                 struct err *why)
{
    struct pgexec_args args = {0};
    pgexec_int(&args, id);
    pgexec_int(&args, retry_ms);
    pgexec_bool(&args, never);
    return pgexec_do(conn,
                     "UPDATE outbox SET open_tries = open_tries + 1, open_there = NOT $3::bool,"
                     " open_next = clock_timestamp() + $2::int8 * interval '1 millisecond' WHERE id = $1",
                     &args, NULL, why);
}
