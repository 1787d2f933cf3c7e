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
/* The alerts' rows are locked first and in order, as by everybody who changes several rows of the outbox:
 * else two of them could wait for each other. */
#define MINE                                                                                                 \
    "mine AS MATERIALIZED (SELECT id FROM alert WHERE id = ANY ($3::int8[]) ORDER BY id FOR NO KEY UPDATE)"
#define OF_MINE "FROM claim AS c JOIN mine ON mine.id = c.alert WHERE " CLAIMED

enum err_code db_outbox_many_sent(struct pgconn *conn, const struct db_outbox_item *items, size_t count,
                                  const struct db_outbox_terms *terms, struct err *why)
{
    static const char sql[] =
        "WITH " CLAIM ", " MINE ","
        " sent AS (UPDATE outbox AS o SET state = 'sent', sent_at = now(), tries = tries + 1,"
        "  last_error = '', open_there = $5::bool, open_tries = 0, open_next = '-infinity', escalate_at = "
        "CASE WHEN $4::int8 > 0"
        "  THEN now() + $4::int8 * interval '1 millisecond' END"
        " " OF_MINE " RETURNING o.alert)"
        " UPDATE alert AS a SET state = 'notified' FROM sent WHERE a.id = sent.alert AND a.state = 'new'";
    struct pgexec_args args = {0};
    struct claims claims;
    put_claims(&args, &claims, items, count);
    pgexec_int(&args, terms->escalate_ms);
    pgexec_bool(&args, terms->open_there);
    return count == 0 ? ERR_OK : run(conn, sql, &args, why);
}

enum err_code db_outbox_many_failed(struct pgconn *conn, const struct db_outbox_item *items, size_t count,
                                    const struct db_outbox_refusal *refusal, struct err *why)
{
    static const char sql[] =
        "WITH " CLAIM ", " MINE " UPDATE outbox AS o SET tries = tries + 1, last_error = $4::text,"
        " next_try_at = clock_timestamp() + $5::int8 * interval '1 millisecond',"
        " state = CASE WHEN tries + 1 >= $6::int8 THEN 'dead' ELSE 'pending' END,"
        " escalate_at = CASE WHEN tries + 1 >= $6::int8 AND $7::bool THEN now() ELSE escalate_at "
        "END " OF_MINE;
    struct pgexec_args args = {0};
    struct claims claims;
    put_claims(&args, &claims, items, count);
    pgexec_text(&args, refusal->error);
    pgexec_int(&args, refusal->retry_ms);
    pgexec_int(&args, refusal->tries_max);
    pgexec_bool(&args, refusal->hand_on);
    return count == 0 ? ERR_OK : run(conn, sql, &args, why);
}

enum err_code db_outbox_many_filtered(struct pgconn *conn, const struct db_outbox_item *items, size_t count,
                                      const char *reason, struct err *why)
{
    static const char sql[] =
        "WITH " CLAIM ", " MINE
        " UPDATE outbox AS o SET state = CASE WHEN o.handed = o.key THEN 'pending' ELSE 'filtered' END,"
        " next_try_at = CASE WHEN o.handed = o.key THEN clock_timestamp() ELSE o.next_try_at END,"
        " last_error = $4::text " OF_MINE;
    struct pgexec_args args = {0};
    struct claims claims;
    put_claims(&args, &claims, items, count);
    pgexec_text(&args, reason);
    return count == 0 ? ERR_OK : run(conn, sql, &args, why);
}

enum err_code db_outbox_many_held(struct pgconn *conn, const struct db_outbox_item *items, size_t count,
                                  const char *reason, int64_t wait_ms, struct err *why)
{
    static const char sql[] =
        "WITH " CLAIM ", " MINE " UPDATE outbox AS o SET held = o.key, last_error = $4::text,"
        " next_try_at = CASE WHEN o.handed = o.key THEN clock_timestamp()"
        "  ELSE clock_timestamp() + $5::int8 * interval '1 millisecond' END " OF_MINE;
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
    static const char sql[] =
        "WITH " CLAIM ", " MINE " UPDATE outbox AS o SET next_try_at = clock_timestamp() " OF_MINE;
    struct pgexec_args args = {0};
    struct claims claims;
    put_claims(&args, &claims, items, count);
    return count == 0 ? ERR_OK : run(conn, sql, &args, why);
}

/* A row that waits there for its turn becomes one that was handed on: it may be under way with its key. Whose
 * alert is being changed by somebody is left for the next look. */
enum err_code db_outbox_many_escalate(struct pgconn *conn, const char *from, const char *to, uint64_t *count,
                                      struct err *why)
{
    static const char sql[] =
        "WITH goal AS MATERIALIZED (SELECT c.name FROM channel AS c WHERE c.enabled"
        "  AND (c.name = $2 OR split_part(c.name, '/', 1) = $2)),"
        " due AS MATERIALIZED (SELECT o.id, o.alert FROM outbox AS o WHERE o.channel = $1"
        "  AND o.escalate_at <= now() AND EXISTS (SELECT FROM goal) ORDER BY o.escalate_at LIMIT 256),"
        " mine AS MATERIALIZED (SELECT a.id, a.state, a.kind FROM alert AS a"
        "  WHERE a.id IN (SELECT alert FROM due) ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED),"
        " done AS (UPDATE outbox AS o SET escalate_at = NULL FROM due JOIN mine ON mine.id = due.alert"
        "  WHERE o.id = due.id AND o.escalate_at <= now() RETURNING o.alert, mine.state, mine.kind),"
        " waiting AS MATERIALIZED (SELECT d.alert, g.name, gen_random_uuid() AS key FROM done AS d"
        "  CROSS JOIN goal AS g WHERE d.state IN ('new', 'notified') AND d.kind <> 'test'"
        "  ORDER BY d.alert, g.name)"
        " INSERT INTO outbox AS t (alert, channel, key, handed) SELECT w.alert, w.name, w.key, w.key"
        " FROM waiting AS w ON CONFLICT (alert, channel) DO UPDATE SET state = 'pending',"
        " tries = CASE WHEN t.state = 'pending' THEN t.tries ELSE 0 END,"
        " next_try_at = CASE WHEN t.state = 'pending' AND t.held IS DISTINCT FROM t.key THEN t.next_try_at"
        "  ELSE now() END,"
        " last_error = CASE WHEN t.state = 'pending' AND t.held IS DISTINCT FROM t.key THEN t.last_error"
        "  ELSE '' END,"
        " key = CASE WHEN t.state = 'pending' THEN t.key ELSE excluded.key END,"
        " handed = CASE WHEN t.state = 'pending' THEN t.key ELSE excluded.handed END"
        " WHERE t.state <> 'sent'";
    struct pgexec_args args = {0};
    *count = 0;
    pgexec_text(&args, from);
    pgexec_text(&args, to);
    return pgexec_do(conn, sql, &args, count, why);
}
