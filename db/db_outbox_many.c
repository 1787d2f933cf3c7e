#include "db/db_outbox_many.h"

#include "base/buf.h"
#include "db/pgexec.h"

#define OID_INT8       20
#define OID_INT8_ARRAY 1016
#define ARRAY_BYTES    (20 + 12 * DB_OUTBOX_MANY_MAX)

static void put_int(uint8_t *at, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, value >>= 8)
        at[i] = (uint8_t)value;
}

/* PostgreSQL's binary form of int8[]. */
struct array {
    uint8_t bytes[ARRAY_BYTES];
    size_t len;
};

static void array_begin(struct array *array, size_t count)
{
    must(count <= DB_OUTBOX_MANY_MAX);
    put_int(array->bytes, 1, 4);
    put_int(array->bytes + 4, 0, 4);
    put_int(array->bytes + 8, OID_INT8, 4);
    put_int(array->bytes + 12, count, 4);
    put_int(array->bytes + 16, 1, 4);
    array->len = 20;
}

static void array_put(struct array *array, int64_t value)
{
    put_int(array->bytes + array->len, 8, 4);
    put_int(array->bytes + array->len + 4, (uint64_t)value, 8);
    array->len += 12;
}

struct claims {
    struct array id;
    struct array token;
    struct array alert;
};

static void put_claims(struct pgexec_args *args, struct claims *claims, const struct db_outbox_item *items,
                       size_t count)
{
    array_begin(&claims->id, count);
    array_begin(&claims->token, count);
    array_begin(&claims->alert, count);
    for (size_t i = 0; i < count; i++) {
        array_put(&claims->id, items[i].id);
        array_put(&claims->token, items[i].token);
        array_put(&claims->alert, items[i].alert);
    }
    pgexec_binary(args, OID_INT8_ARRAY, span_of(claims->id.bytes, claims->id.len));
    pgexec_binary(args, OID_INT8_ARRAY, span_of(claims->token.bytes, claims->token.len));
    pgexec_binary(args, OID_INT8_ARRAY, span_of(claims->alert.bytes, claims->alert.len));
}

static enum err_code run(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                         struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_cached(conn, sql, args, &res, why);
    if (code == ERR_OK)
        PQclear(res);
    return code;
}

#define CLAIM "claim AS (SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[]) AS c(id, token, alert))"
#define CLAIMED                                                                                              \
    "o.id = c.id AND o.state = 'pending'"                                                                    \
    " AND (extract(epoch FROM o.next_try_at) * 1000000)::int8 = c.token"

/* The alerts' rows are locked first and in order, as by everybody who changes both. */
enum err_code db_outbox_many_sent(struct pgconn *conn, const struct db_outbox_item *items, size_t count,
                                  const struct db_outbox_terms *terms, struct err *why)
{
    static const char sql[] =
        "WITH " CLAIM ", mine AS MATERIALIZED (SELECT id FROM alert WHERE id = ANY ($3::int8[]) ORDER BY id"
        "  FOR NO KEY UPDATE),"
        " sent AS (UPDATE outbox AS o SET state = 'sent', sent_at = now(), tries = tries + 1,"
        "  last_error = '', open_there = $5::bool, escalate_at = CASE WHEN $4::int8 > 0"
        "  THEN now() + $4::int8 * interval '1 millisecond' END"
        "  FROM claim AS c JOIN mine ON mine.id = c.alert WHERE " CLAIMED " RETURNING o.alert)"
        " UPDATE alert AS a SET state = 'notified' FROM sent WHERE a.id = sent.alert AND a.state = 'new'";
    struct pgexec_args args = {0};
    struct claims claims;
    put_claims(&args, &claims, items, count);
    pgexec_int(&args, terms->escalate_ms);
    pgexec_bool(&args, terms->open_there);
    return count == 0 ? ERR_OK : run(conn, sql, &args, why);
}

enum err_code db_outbox_many_failed(struct pgconn *conn, const struct db_outbox_item *items, size_t count,
                                    const char *error, int64_t retry_ms, int32_t tries_max, struct err *why)
{
    static const char sql[] =
        "WITH " CLAIM " UPDATE outbox AS o SET tries = tries + 1, last_error = $4::text,"
        " next_try_at = clock_timestamp() + $5::int8 * interval '1 millisecond',"
        " state = CASE WHEN tries + 1 >= $6::int8 THEN 'dead' ELSE 'pending' END FROM claim AS c"
        " WHERE " CLAIMED;
    struct pgexec_args args = {0};
    struct claims claims;
    put_claims(&args, &claims, items, count);
    pgexec_text(&args, error);
    pgexec_int(&args, retry_ms);
    pgexec_int(&args, tries_max);
    return count == 0 ? ERR_OK : run(conn, sql, &args, why);
}

enum err_code db_outbox_many_filtered(struct pgconn *conn, const struct db_outbox_item *items, size_t count,
                                      const char *reason, struct err *why)
{
    static const char sql[] =
        "WITH " CLAIM " UPDATE outbox AS o SET state = 'filtered', last_error = $4::text"
        " FROM claim AS c WHERE " CLAIMED;
    struct pgexec_args args = {0};
    struct claims claims;
    put_claims(&args, &claims, items, count);
    pgexec_text(&args, reason);
    return count == 0 ? ERR_OK : run(conn, sql, &args, why);
}

enum err_code db_outbox_many_held(struct pgconn *conn, const struct db_outbox_item *items, size_t count,
                                  const char *reason, int64_t wait_ms, struct err *why)
{
    static const char sql[] = "WITH " CLAIM " UPDATE outbox AS o SET held = o.key, last_error = $4::text,"
                              " next_try_at = clock_timestamp() + $5::int8 * interval '1 millisecond' FROM "
                              "claim AS c WHERE " CLAIMED;
    struct pgexec_args args = {0};
    struct claims claims;
    put_claims(&args, &claims, items, count);
    pgexec_text(&args, reason);
    pgexec_int(&args, wait_ms);
    return count == 0 ? ERR_OK : run(conn, sql, &args, why);
}

enum err_code db_outbox_many_released(struct pgconn *conn, const struct db_outbox_item *items, size_t count,
                                      struct err *why)
{
    static const char sql[] = "WITH " CLAIM " UPDATE outbox AS o"
                              " SET next_try_at = clock_timestamp() FROM claim AS c WHERE " CLAIMED;
    struct pgexec_args args = {0};
    struct claims claims;
    put_claims(&args, &claims, items, count);
    return count == 0 ? ERR_OK : run(conn, sql, &args, why);
}

enum err_code db_outbox_many_escalate(struct pgconn *conn, const char *from, const char *to, uint64_t *count,
                                      struct err *why)
{
    static const char sql[] =
        "WITH due AS (SELECT o.id, o.alert FROM outbox AS o WHERE o.channel = $1 AND o.escalate_at <= now()"
        "  ORDER BY o.escalate_at LIMIT 256 FOR UPDATE SKIP LOCKED),"
        " done AS (UPDATE outbox AS o SET escalate_at = NULL FROM due WHERE o.id = due.id),"
        " waiting AS MATERIALIZED (SELECT a.id, gen_random_uuid() AS key FROM due JOIN alert AS a"
        "  ON a.id = due.alert WHERE a.state = 'notified' AND a.kind <> 'test' ORDER BY a.id)"
        " INSERT INTO outbox AS t (alert, channel, key, handed) SELECT w.id, $2, w.key, w.key"
        " FROM waiting AS w ON CONFLICT (alert, channel) DO UPDATE SET state = 'pending', tries = 0,"
        " next_try_at = now(), last_error = '', key = excluded.key, handed = excluded.handed"
        " WHERE t.state <> 'sent' AND (t.state <> 'pending' OR t.held = t.key)";
    struct pgexec_args args = {0};
    *count = 0;
    pgexec_text(&args, from);
    pgexec_text(&args, to);
    return pgexec_do(conn, sql, &args, count, why);
}

enum err_code db_outbox_many_over(struct pgconn *conn, const char *channel, int64_t *id, int64_t *alert,
                                  struct err *why)
{
    static const char sql[] =
        "SELECT o.id, o.alert FROM outbox AS o JOIN alert AS a ON a.id = o.alert WHERE o.channel = $1"
        " AND o.open_there AND o.state <> 'pending' AND a.state IN ('acked', 'closed') ORDER BY o.id LIMIT 1";
    struct pgexec_args args = {0};
    PGresult *res = NULL;
    pgexec_text(&args, channel);
    enum err_code code = pgexec_cached(conn, sql, &args, &res, why);
    *id = code == ERR_OK && PQntuples(res) != 0 ? pgexec_get_int(res, 0, 0) : 0;
    *alert = *id != 0 ? pgexec_get_int(res, 0, 1) : 0;
    if (code == ERR_OK)
        PQclear(res);
    return code;
}

enum err_code db_outbox_many_ended(struct pgconn *conn, int64_t id, struct err *why)
{
    struct pgexec_args args = {0};
    pgexec_int(&args, id);
    return pgexec_do(conn, "UPDATE outbox SET open_there = false WHERE id = $1", &args, NULL, why);
}
