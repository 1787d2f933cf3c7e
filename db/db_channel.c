#include "db/db_channel.h"

#include "base/limits.h"
#include "db/db_letter.h"
#include "db/pgexec.h"

enum err_code db_channel_heard(struct pgconn *conn, const char *name, struct err *why)
{
    static const char sql[] = "UPDATE channel SET heard_at = now(), enabled = enabled OR heard_at < now() - "
                              "$2::int8 * interval '1 day'"
                              " WHERE name = $1 AND heard_at < now() - interval '1 hour'";
    struct pgexec_args args = {0};
    pgexec_text(&args, name);
    pgexec_int(&args, LIMIT_CHANNEL_DAYS);
    return pgexec_do(conn, sql, &args, NULL, why);
}

enum err_code db_channel_retire(struct pgconn *conn, uint64_t *retired, struct err *why)
{
    static const char disable_sql[] =
        "UPDATE channel SET enabled = false WHERE enabled AND heard_at < now() - $1::int8 * interval '1 day'";
    /* By another statement, because a writer that saw the channel enabled may have added to it meanwhile. */
    static const char forget_sql[] =
        "WITH gone AS MATERIALIZED (SELECT o.id, o.alert FROM outbox AS o JOIN channel AS c ON c.name = "
        "o.channel"
        "  WHERE o.state IN ('pending', 'dead') AND NOT c.enabled"
        "  AND c.heard_at < now() - $1::int8 * interval '1 day'),"
        " mine AS MATERIALIZED (SELECT a.id FROM alert AS a WHERE a.id IN (SELECT alert FROM gone) ORDER BY "
        "a.id"
        "  FOR NO KEY UPDATE)"
        " DELETE FROM outbox AS o USING gone, mine WHERE o.id = gone.id AND mine.id = o.alert"
        " AND o.state IN ('pending', 'dead')";
    uint64_t closed = 0;
    struct pgexec_args args = {0};
    *retired = 0;
    pgexec_int(&args, LIMIT_CHANNEL_DAYS);
    enum err_code code = pgexec_do(conn, disable_sql, &args, retired, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, forget_sql, &args, NULL, why);
    if (code == ERR_OK)
        code = db_letter_settle(conn, NULL, &closed, why);
    return code;
}
