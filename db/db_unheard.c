#include "db/db_unheard.h"

#include <stdio.h>

#include "db/pgexec.h"

#define STRINGIFY(x) #x
#define STRING_OF(x) STRINGIFY(x)

static const char look_sql[] =
    "WITH silent AS (SELECT a.id, coalesce(a.domain_name, '-') AS domain,"
    "  coalesce(nullif(array_to_string(d.channels, ','), ''), 'any') AS wanted"
    "  FROM alert AS a LEFT JOIN domain AS d ON d.id = a.domain"
    "  WHERE a.state = 'new' AND NOT EXISTS (SELECT FROM outbox AS o WHERE o.alert = a.id)),"
    " late AS (SELECT channel, next_try_at FROM outbox WHERE state = 'pending'"
    "  AND next_try_at < now() - interval '" STRING_OF(
        DB_UNHEARD_MINUTES) " minutes')"
                            " SELECT (SELECT count(*) FROM silent), (SELECT domain FROM silent ORDER BY id "
                            "DESC LIMIT 1),"
                            " (SELECT wanted FROM silent ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM "
                            "late),"
                            " (SELECT channel FROM late ORDER BY next_try_at LIMIT 1)";

enum err_code db_unheard_look(struct pgconn *conn, struct db_unheard *unheard, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn, look_sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    unheard->without_row = (uint64_t)pgexec_get_int(res, 0, 0);
    unheard->overdue = (uint64_t)pgexec_get_int(res, 0, 3);
    (void)snprintf(unheard->domain, sizeof unheard->domain, "%s", pgexec_get_text(res, 0, 1));
    (void)snprintf(unheard->wanted, sizeof unheard->wanted, "%s", pgexec_get_text(res, 0, 2));
    (void)snprintf(unheard->channel, sizeof unheard->channel, "%s", pgexec_get_text(res, 0, 4));
    PQclear(res);
    return ERR_OK;
}
