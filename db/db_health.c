#include "db/db_health.h"

#include "db/pgexec.h"

enum err_code db_health_look(struct pgconn *conn, struct db_health *health, struct err *why)
{
    static const char sql[] = "SELECT (SELECT count(*) FROM log_incident),"
                              " (SELECT count(*) FROM channel WHERE enabled AND alert IS NOT NULL),"
                              " (SELECT count(*) FROM outbox WHERE state = 'pending' AND next_try_at < now() "
                              "- interval '10 minutes')";
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    *health = (struct db_health){.logs_stale = pgexec_get_int(res, 0, 0),
                                 .channels_failing = pgexec_get_int(res, 0, 1),
                                 .overdue = pgexec_get_int(res, 0, 2)};
    PQclear(res);
    return ERR_OK;
}
