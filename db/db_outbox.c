#include "db/db_outbox.h"

#include <stdio.h>

#include "base/limits.h"
#include "db/pgexec.h"

enum err_code db_outbox_channel(struct pgconn *conn, const char *name, struct err *why)
{
    struct pgexec_args args = {0};
    if (name[0] == '\0' || strlen(name) >= DB_OUTBOX_CHANNEL_MAX)
        return err_set(why, ERR_CONFIG, "channel '%s': its name must have 1 to %d bytes", name,
                       DB_OUTBOX_CHANNEL_MAX - 1);
    pgexec_text(&args, name);
    return pgexec_do(conn,
                     "INSERT INTO channel (name) VALUES ($1)"
                     " ON CONFLICT (name) DO UPDATE SET enabled = true, heard_at = now()",
                     &args, NULL, why);
}

enum err_code db_outbox_channel_disable(struct pgconn *conn, const char *name, struct err *why)
{
    struct pgexec_args args = {0};
    pgexec_text(&args, name);
    return pgexec_do(conn, "UPDATE channel SET enabled = false WHERE name = $1 AND enabled", &args, NULL,
                     why);
}

enum err_code db_outbox_adopt(struct pgconn *conn, uint64_t *adopted, struct err *why)
{
    /* Rows that nobody takes are no reason against it, nor are those that a channel did not want. What was
     * withdrawn from a failing channel, because others were to tell of it, comes back when none of them wants
     * it. */
    static const char sql[] =
        "WITH alone AS MATERIALIZED (SELECT a.id, a.domain FROM alert AS a LEFT JOIN outbox AS o ON o.alert "
        "= a.id"
        "  LEFT JOIN channel AS h ON h.name = o.channel AND h.enabled"
        "   AND h.heard_at > now() - $1::int8 * interval '1 hour'"
        "  WHERE a.state = 'new' GROUP BY a.id"
        "  HAVING bool_and(o.id IS NULL OR o.state IN ('filtered', 'withdrawn') OR (o.state = 'pending' AND "
        "h.name IS NULL))"
        "   AND bool_or(o.id IS NULL OR o.state IN ('pending', 'withdrawn')))"
        " INSERT INTO outbox (alert, channel) SELECT a.id, c.name FROM alone AS a"
        " LEFT JOIN domain AS d ON d.id = a.domain CROSS JOIN channel AS c WHERE c.enabled"
        " AND (coalesce(cardinality(d.channels), 0) = 0 OR split_part(c.name, '/', 1) = ANY (d.channels))"
        " ORDER BY a.id, c.name ON CONFLICT (alert, channel) DO UPDATE SET state = 'pending',"
        "  key = gen_random_uuid(), tries = 0, last_error = '', next_try_at = now()"
        "  WHERE outbox.state = 'withdrawn'";
    struct pgexec_args args = {0};
    *adopted = 0;
    pgexec_int(&args, LIMIT_CHANNEL_ABSENT_H);
    return pgexec_do(conn, sql, &args, adopted, why);
}

/* The time a row is leased until doubles as the name of the claim: every claim moves it. An array, because
 * plans are made without looking at the limit, and a join with a tenth of all that waits would read the whole
 * table. */
static const char claim_sql[] =
    "WITH due AS (SELECT id FROM outbox WHERE channel = $1 AND state = 'pending' AND next_try_at <= now()"
    "             ORDER BY next_try_at, id LIMIT $3 FOR UPDATE SKIP LOCKED)"
    " UPDATE outbox AS o SET next_try_at = clock_timestamp() + $2::int8 * interval '1 millisecond'"
    " WHERE o.id = ANY (ARRAY(SELECT id FROM due))"
    " RETURNING o.id, o.alert, o.key::text, o.tries, (extract(epoch FROM o.next_try_at) * 1000000)::int8,"
    " o.held IS NOT DISTINCT FROM o.key, o.handed IS NOT DISTINCT FROM o.key";

static int by_alert(const void *left, const void *right)
{
    const struct db_outbox_item *a = left;
    const struct db_outbox_item *b = right;
    if (a->alert != b->alert)
        return a->alert < b->alert ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

enum err_code db_outbox_claim(struct pgconn *conn, const char *channel, int64_t lease_ms,
                              struct db_outbox_item *items, size_t max, size_t *count, struct err *why)
{
    PGresult *res;
    struct pgexec_args args = {0};
    *count = 0;
    pgexec_text(&args, channel);
    pgexec_int(&args, lease_ms);
    pgexec_int(&args, (int64_t)max);
    enum err_code code = pgexec_cached(conn, claim_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; row < PQntuples(res); row++) {
        struct db_outbox_item *item = &items[(*count)++];
        *item = (struct db_outbox_item){
            .id = pgexec_get_int(res, row, 0),
            .alert = pgexec_get_int(res, row, 1),
            .tries = (int32_t)pgexec_get_int(res, row, 3),
            .token = pgexec_get_int(res, row, 4),
            .held = pgexec_get_bool(res, row, 5),
            .handed = pgexec_get_bool(res, row, 6),
        };
        (void)snprintf(item->channel, sizeof item->channel, "%s", channel);
        (void)snprintf(item->key, sizeof item->key, "%s", pgexec_get_text(res, row, 2));
    }
    PQclear(res);
    if (*count != 0)
        qsort(items, *count, sizeof *items, by_alert);
    return ERR_OK;
}

static void put_claim(struct pgexec_args *args, const struct db_outbox_item *item)
{
    pgexec_int(args, item->id);
    pgexec_int(args, item->token);
}

#define CLAIMED                                                                                              \
    "o.id = $1 AND o.state = 'pending' AND (extract(epoch FROM o.next_try_at) * 1000000)::int8 = $2"

/* The alert's row is locked first, as by everybody who changes both. */
enum err_code db_outbox_sent(struct pgconn *conn, const struct db_outbox_item *item, struct err *why)
{
    struct pgexec_args args = {0};
    put_claim(&args, item);
    pgexec_int(&args, item->alert);
    return pgexec_do(
        conn,
        "WITH mine AS MATERIALIZED (SELECT id FROM alert WHERE id = $3 FOR NO KEY UPDATE),"
        " sent AS (UPDATE outbox AS o SET state = 'sent', sent_at = now(), tries = tries + 1,"
        "  last_error = '' FROM mine WHERE o.alert = mine.id AND " CLAIMED " RETURNING o.alert)"
        " UPDATE alert AS a SET state = 'notified' FROM sent WHERE a.id = sent.alert AND a.state = 'new'",
        &args, NULL, why);
}

enum err_code db_outbox_failed(struct pgconn *conn, const struct db_outbox_item *item, const char *error,
                               int64_t retry_ms, bool dead, struct err *why)
{
    struct pgexec_args args = {0};
    put_claim(&args, item);
    pgexec_text(&args, error);
    pgexec_int(&args, retry_ms);
    pgexec_bool(&args, dead);
    return pgexec_do(conn,
                     "UPDATE outbox AS o SET tries = tries + 1, last_error = $3,"
                     " next_try_at = clock_timestamp() + $4::int8 * interval '1 millisecond',"
                     " state = CASE WHEN $5::bool THEN 'dead' ELSE 'pending' END WHERE " CLAIMED,
                     &args, NULL, why);
}

enum err_code db_outbox_release(struct pgconn *conn, const struct db_outbox_item *item, struct err *why)
{
    struct pgexec_args args = {0};
    put_claim(&args, item);
    return pgexec_do(conn, "UPDATE outbox AS o SET next_try_at = clock_timestamp() WHERE " CLAIMED, &args,
                     NULL, why);
}

/* Of one alert that is still open: the channels that came after it, too. */
static enum err_code offer_again(struct pgconn *conn, int64_t alert, uint64_t *count, struct err *why)
{
    struct pgexec_args args = {0};
    pgexec_int(&args, alert);
    return pgexec_do(
        conn,
        "INSERT INTO outbox (alert, channel) SELECT a.id, c.name FROM alert AS a"
        " LEFT JOIN domain AS d ON d.id = a.domain CROSS JOIN channel AS c"
        " WHERE a.id = $1 AND a.state IN ('new', 'notified') AND c.enabled"
        " AND (coalesce(cardinality(d.channels), 0) = 0 OR split_part(c.name, '/', 1) = ANY (d.channels))"
        " ORDER BY c.name ON CONFLICT DO NOTHING",
        &args, count, why);
}

enum err_code db_outbox_known(struct pgconn *conn, const char *channel, bool *known, struct err *why)
{
    struct pgexec_args args = {0};
    PGresult *res = NULL;
    pgexec_text(&args, channel);
    enum err_code code =
        pgexec_run(conn, "SELECT 1 FROM channel WHERE name = $1 AND enabled", &args, &res, why);
    *known = code == ERR_OK && PQntuples(res) != 0;
    if (code == ERR_OK)
        PQclear(res);
    return code;
}

enum err_code db_outbox_retry(struct pgconn *conn, int64_t alert, uint64_t *count, struct err *why)
{
    struct pgexec_args args = {0};
    uint64_t offered = 0;
    enum err_code code = alert == 0 ? ERR_OK : offer_again(conn, alert, &offered, why);
    *count = 0;
    if (code != ERR_OK)
        return code;
    pgexec_int(&args, alert);
    code = pgexec_do(conn,
                     "WITH mine AS MATERIALIZED (SELECT id FROM alert WHERE id IN (SELECT alert FROM outbox"
                     "  WHERE state = 'dead' AND ($1::int8 = 0 OR alert = $1)) ORDER BY id FOR NO KEY UPDATE)"
                     " UPDATE outbox AS o SET state = 'pending', tries = 0, next_try_at = now() FROM mine"
                     " WHERE o.alert = mine.id AND o.state = 'dead'",
                     &args, count, why);
    *count += offered;
    return code;
}

enum err_code db_outbox_due_in(struct pgconn *conn, const char *channel, int64_t *wait_ms, struct err *why)
{
    PGresult *res;
    struct pgexec_args args = {0};
    *wait_ms = -1;
    pgexec_text(&args, channel);
    enum err_code code = pgexec_run(
        conn,
        "SELECT ceil(extract(epoch FROM min(next_try_at) - clock_timestamp()) * 1000)::int8 FROM outbox"
        " WHERE channel = $1 AND state = 'pending'",
        &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (!pgexec_is_null(res, 0, 0)) {
        int64_t wait = pgexec_get_int(res, 0, 0);
        *wait_ms = wait > 0 ? wait : 0;
    }
    PQclear(res);
    return ERR_OK;
}
