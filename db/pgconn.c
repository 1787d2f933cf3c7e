#include "db/pgconn.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/say.h"
#include "db/pgexec.h"

#define PGCONN_MAGIC 0x5047434eu
#define STRINGIFY(x) #x
#define STRING_OF(x) STRINGIFY(x)

/* Whatever the database or the role is set to, our statements mean the same thing, and cost the same: one
 * plan for all arguments looks dear over a hundred partitions, and compiling it takes seconds where the rows
 * take milliseconds. A pooler tells its clients a process of its own invention; a session of its is not ours
 * to set. */
#define SETTINGS(local)                                                                                      \
    "concat(set_config('search_path', 'public', " local "), set_config('TimeZone', 'UTC', " local "),"       \
    " set_config('DateStyle', 'ISO', " local "), set_config('bytea_output', 'hex', " local "),"              \
    " set_config('standard_conforming_strings', 'on', " local "),"                                           \
    " set_config('plan_cache_mode', CASE WHEN to_regclass('public.scale_out') IS NULL"                       \
    "  THEN 'force_generic_plan' ELSE 'force_custom_plan' END, " local "),"                                  \
    " set_config('jit', 'off', " local "),"                                                                  \
    " set_config('default_transaction_isolation', 'read committed', " local "))"

/* Whoever is stopped in the middle of a change (a command, by Ctrl-Z) does not keep its rows for ever. */
#define NOT_FOR_EVER                                                                                         \
    " CASE WHEN p.direct AND current_setting('idle_in_transaction_session_timeout') = '0' THEN"              \
    " set_config('idle_in_transaction_session_timeout', '" STRING_OF(LIMIT_DB_ASK_S) "s', false) END"

static const char session_setup[] =
    "SELECT p.direct, pg_is_in_recovery(), to_regclass('public.scale_out') IS NOT NULL,"
    " CASE WHEN p.direct THEN " SETTINGS("false") " END," NOT_FOR_EVER
                                                  " FROM (SELECT pg_backend_pid() = $1 AS direct) AS p";
const char pgconn_local_setup[] = "SELECT " SETTINGS("true");
/* The server of a private cluster compresses pages in its log by an old method, a twelfth of its work while
 * entries are stored; where it knows a quicker one, and we may say so, it takes that for us. */
const char pgconn_wal_setup[] =
    "SELECT set_config('wal_compression', 'lz4', false) FROM pg_settings AS s, pg_roles AS r"
    " WHERE s.name = 'wal_compression' AND s.setting = 'pglz' AND 'lz4' = ANY (s.enumvals)"
    " AND r.rolname = current_user AND r.rolsuper";

static void notice(void *arg, const char *text)
{
    (void)arg;
    say_debug("db", "%s", text);
}

static void disconnect(struct pgconn *conn)
{
    PQfinish(conn->pg);
    conn->pg = NULL;
    conn->cached_count = 0;
}

/* Its own check, because libpq's message about an unreadable string quotes it, password and all. */
enum err_code pgconn_check(const char *dsn, struct err *why)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &message);
    PQfreemem(message);
    if (options == NULL)
        return err_set(why, ERR_CONFIG,
                       "db.dsn: not a connection string: write \"host=... dbname=... user=...\""
                       " or postgresql://user@host/dbname");
    PQconninfoFree(options);
    return ERR_OK;
}

static enum err_code set_up(struct pgconn *conn, struct err *why)
{
    struct pgexec_args args = {0};
    PGresult *res = NULL;
    pgexec_int(&args, PQbackendPID(conn->pg));
    enum err_code code = pgexec_run(conn, session_setup, &args, &res, why);
    if (code != ERR_OK)
        return code;
    conn->pooled = !pgexec_get_bool(res, 0, 0);
    conn->replica = pgexec_get_bool(res, 0, 1);
    conn->spread = pgexec_get_bool(res, 0, 2);
    conn->whole = false;
    conn->span_known = false;
    PQclear(res);
    if (conn->pooled && !conn->reads)
        code = err_set(why, ERR_CONFIG,
                       "db.dsn: a connection pooler (pgBouncer or the like) answers there: writing needs a "
                       "direct connection to the server, since advisory locks and temporary tables live in a "
                       "session; the pooler may serve those who only read: db.read_dsn");
    return code;
}

static enum err_code connect_now(struct pgconn *conn, struct err *why)
{
    /* What comes before dbname is a default that the DSN may overrule. */
    const char *const keys[] = {"application_name",
                                "connect_timeout",
                                "keepalives_idle",
                                "keepalives_interval",
                                "keepalives_count",
                                "tcp_user_timeout",
                                "dbname",
                                "client_encoding",
                                NULL};
    const char *const values[] = {"ctvigil", "10", "10", "5", "3", "30000", conn->dsn, "UTF8", NULL};
    disconnect(conn);
    conn->pg = PQconnectdbParams(keys, values, 1);
    if (conn->pg == NULL)
        return err_set(why, ERR_MEMORY, "database: no memory for a connection");
    conn->connects++;
    if (PQstatus(conn->pg) != CONNECTION_OK)
        return pgexec_fail(conn, NULL, why);
    (void)PQsetNoticeProcessor(conn->pg, notice, NULL);
    conn->pooled = false;
    conn->replica = false;
    if (PQserverVersion(conn->pg) < 150000)
        return err_set(why, ERR_CONFIG, "database: the server is PostgreSQL %d; 15 or newer is needed",
                       PQserverVersion(conn->pg) / 10000);
    return set_up(conn, why);
}

static enum err_code open_as(const char *dsn, bool reads, struct pgconn **out, struct err *why)
{
    *out = NULL;
    enum err_code code = pgconn_check(dsn, why);
    if (code != ERR_OK)
        return code;
    struct pgconn *conn = calloc(1, sizeof *conn);
    char *copy = strdup(dsn);
    if (conn == NULL || copy == NULL) {
        free(conn);
        free(copy);
        return err_set(why, ERR_MEMORY, "database: no memory for a connection");
    }
    conn->magic = PGCONN_MAGIC;
    conn->dsn = copy;
    conn->reads = reads;
    code = connect_now(conn, why);
    if (code != ERR_OK) {
        pgconn_free(conn);
        return code;
    }
    *out = conn;
    return ERR_OK;
}

enum err_code pgconn_open(const char *dsn, struct pgconn **conn, struct err *why)
{
    return open_as(dsn, false, conn, why);
}

enum err_code pgconn_open_reader(const char *dsn, struct pgconn **conn, struct err *why)
{
    return open_as(dsn, true, conn, why);
}

void pgconn_free(struct pgconn *conn)
{
    if (conn == NULL)
        return;
    must(conn->magic == PGCONN_MAGIC);
    disconnect(conn);
    free(conn->dsn);
    conn->magic = 0;
    free(conn);
}

enum err_code pgconn_reopen(struct pgconn *conn, struct err *why)
{
    must(conn->magic == PGCONN_MAGIC);
    return connect_now(conn, why);
}
