#include "db/db_outbox_one.h"

#include <stdio.h>

#include "db/pgexec.h"

static const char sql_claim[] =
    "WITH due AS (SELECT id FROM outbox WHERE alert = $1::int8 AND channel = $2::text AND state = 'pending'"
    "  AND next_try_at <= now() FOR UPDATE SKIP LOCKED)"
    " UPDATE outbox AS o SET next_try_at = clock_timestamp() + $3::int8 * interval '1 millisecond'"
    " FROM due WHERE o.id = due.id"
    " RETURNING o.id, o.key::text, o.tries, (extract(epoch FROM o.next_try_at) * 1000000)::int8";

enum err_code db_outbox_one(struct pgconn *conn, int64_t alert, const char *channel, int64_t lease_ms,
                            struct db_outbox_item *item, bool *claimed, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_int(&args, alert);
    pgexec_text(&args, channel);
    pgexec_int(&args, lease_ms);
    enum err_code code = pgexec_run(conn, sql_claim, &args, &res, why);
    *claimed = code == ERR_OK && PQntuples(res) == 1;
    if (*claimed) {
        *item = (struct db_outbox_item){.id = pgexec_get_int(res, 0, 0),
                                        .alert = alert,
                                        .tries = (int32_t)pgexec_get_int(res, 0, 2),
                                        .token = pgexec_get_int(res, 0, 3)};
        (void)snprintf(item->channel, sizeof item->channel, "%s", channel);
        (void)snprintf(item->key, sizeof item->key, "%s", pgexec_get_text(res, 0, 1));
    }
    if (code == ERR_OK)
        PQclear(res);
    return code;
}
