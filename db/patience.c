#include "db/patience.h"

#include "base/limits.h"
#include "base/say.h"
#include "db/pgstore.h"

#define STRINGIFY(x) #x
#define STRING_OF(x) STRINGIFY(x)
#define SHORT_SQL    "SET LOCAL lock_timeout = '" STRING_OF(LIMIT_DB_ROW_S) "s'"

enum err_code patience_session(struct pgconn *conn, struct err *why)
{
    /* The tcp settings are the server's half; ours is in pgconn.c. Over a unix socket they are nothing. */
    static const char sql[] = "SET idle_session_timeout = '" STRING_OF(
        LIMIT_DB_IDLE_S) "s';"
                         "SET idle_in_transaction_session_timeout = '" STRING_OF(
                             LIMIT_DB_TX_IDLE_S) "s';"
                                                 "SET lock_timeout = '" STRING_OF(
                                                     LIMIT_DB_LOCK_S) "s';"
                                                                      "SET tcp_keepalives_idle = 3;"
                                                                      "SET tcp_keepalives_interval = 1;"
                                                                      "SET tcp_keepalives_count = 4;"
                                                                      "SET tcp_user_timeout = '7s'";
    conn->answer_ms = LIMIT_DB_ANSWER_S * INT64_C(1000);
    return pgexec_script(conn, sql, why);
}

enum err_code patience_begin(struct pgconn *conn, struct err *why)
{
    return pgexec_script(conn, "BEGIN;" SHORT_SQL, why);
}

enum err_code patience_short(struct pgconn *conn, struct err *why)
{
    return pgexec_script(conn, SHORT_SQL, why);
}

enum err_code patience_lock(struct pgconn *conn, int64_t id, uint64_t next, uint64_t epoch, struct err *why)
{
    /* What is around the locking sees its row only once it is locked. */
    static const char sql[] =
        "WITH held AS MATERIALIZED (SELECT id FROM log_range WHERE id = $1 AND next = $2 AND epoch = $3 FOR "
        "UPDATE)"
        " SELECT set_config('lock_timeout', '" STRING_OF(LIMIT_DB_LOCK_S) "s', true) FROM held";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint64_t found = 0;
    pgexec_int(&args, id);
    pgexec_int(&args, (int64_t)next);
    pgexec_int(&args, (int64_t)epoch);
    enum err_code code = pgexec_do(conn, sql, &args, &found, why);
    if (code == ERR_OK && found == 0)
        code = err_set(why, ERR_DB_CONFLICT, "database: another process moved range %" PRId64, id);
    return code;
}

enum err_code patience_silent(struct pgconn *conn, unsigned silent_s, struct err *why)
{
    static const char sql[] =
        "SELECT set_config('idle_in_transaction_session_timeout', (1000 * $1::int8)::text, true)";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, silent_s);
    return pgexec_do(conn, sql, &args, NULL, why);
}

void patience_end(struct pgconn *conn, int64_t id, unsigned silent_s)
{
    /* The stretches of a COPY are the only ones in which a session is at work and waits for its client. */
    static const char sql[] =
        "SELECT pg_terminate_backend(a.pid) FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND (l.classid::int8 << 32 | l.objid::int8) = " PGSTORE_LOCK_KEY
        " AND a.usename = current_user AND a.state = 'active' AND a.wait_event = 'ClientRead'"
        " AND a.query_start < now() - $2 * interval '1 s'";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct err why = {0};
    uint64_t ended = 0;
    pgexec_int(&args, id);
    pgexec_int(&args, silent_s);
    if (pgexec_do(conn, sql, &args, &ended, &why) == ERR_OK && ended != 0)
        say_warn("db",
                 "the process that has range %" PRId64 " is silent in the middle of a transaction; its "
                 "session is ended",
                 id);
}
