#include "db/spread.h"

#include "base/limits.h"
#include "base/say.h"

#define STRINGIFY(x) #x
#define STRING_OF(x) STRINGIFY(x)
/* How long is waited for a lock holds on the workers as well. */
#define LOCAL_TOO    "SET citus.propagate_set_commands = 'local';"
#define SETTLE_TRIES 30 /* of LIMIT_DB_ROW_S */

#define COLUMNS                                                                                              \
    "not_after, not_before, first_seen, apex8, idx, facts, issuer, log, tbs_fp, serial, spki_sha256, names," \
    " cn, findings, others, ips, keys"

#define PARAMETERS                                                                                           \
    "WITH stage_cert AS MATERIALIZED (SELECT * FROM unnest($1)),"                                            \
    " stage_key AS MATERIALIZED (SELECT * FROM unnest($2)),"                                                 \
    " stage_ip AS MATERIALIZED (SELECT * FROM unnest($3)), "

/* The roll-up counts what went into cert; copies are not there. */
#define WHOLE                                                                                                \
    "whole AS MATERIALIZED (SELECT s.*, p.ips, s.apex8 || k.keys AS keys FROM stage_cert AS s"               \
    "  LEFT JOIN (SELECT d.tbs_fp, d.issuer, string_agg(host(d.ip), ' ' ORDER BY d.ip) AS ips"               \
    "   FROM (SELECT DISTINCT tbs_fp, issuer, ip FROM stage_ip) AS d GROUP BY 1, 2) AS p"                    \
    "   ON p.tbs_fp = s.tbs_fp AND p.issuer = s.issuer"                                                      \
    "  LEFT JOIN (SELECT d.tbs_fp, d.issuer, array_agg(d.apex8 ORDER BY d.apex8) AS keys"                    \
    "   FROM stage_key AS d GROUP BY 1, 2) AS k ON k.tbs_fp = s.tbs_fp AND k.issuer = s.issuer),"            \
    " ins AS (INSERT INTO cert (" COLUMNS ") SELECT " COLUMNS " FROM whole"                                  \
    "  WHERE not_after >= (SELECT horizon FROM cert_removal) ORDER BY tbs_fp, issuer"                        \
    "  ON CONFLICT DO NOTHING RETURNING tbs_fp, issuer, not_after, not_before, apex8),"                      \
    " keys AS (INSERT INTO cert_apex (" COLUMNS ") SELECT w.not_after, w.not_before, w.first_seen, k.apex8," \
    "  w.idx, w.facts, w.issuer, w.log, w.tbs_fp, w.serial, w.spki_sha256, w.names, w.cn, w.findings,"       \
    "  w.others, w.ips, w.keys FROM ins AS i JOIN whole AS w ON w.tbs_fp = i.tbs_fp AND w.issuer = i.issuer" \
    "  JOIN stage_key AS k ON k.tbs_fp = i.tbs_fp AND k.issuer = i.issuer"                                   \
    "  ORDER BY w.tbs_fp, w.issuer, k.apex8 ON CONFLICT DO NOTHING),"                                        \
    " ips AS (INSERT INTO cert_ip (not_after, not_before, issuer, tbs_fp, ip, apex8)"                        \
    "  SELECT i.not_after, i.not_before, i.issuer, i.tbs_fp, p.ip, i.apex8 FROM ins AS i"                    \
    "  JOIN stage_ip AS p ON p.tbs_fp = i.tbs_fp AND p.issuer = i.issuer"                                    \
    "  ORDER BY i.tbs_fp, i.issuer, p.ip ON CONFLICT DO NOTHING),"                                           \
    " roll AS (INSERT INTO issued (issuer, day, n)"                                                          \
    "  SELECT issuer, (not_before AT TIME ZONE 'UTC')::date AS day, count(*) FROM ins"                       \
    "  GROUP BY 1, 2 ORDER BY 1, 2 ON CONFLICT (issuer, day) DO UPDATE SET n = issued.n + excluded.n)"       \
    " SELECT count(*) FROM ins"

const char spread_rows_sql[] = PARAMETERS WHOLE;
const char spread_certs_sql[] = "WITH " WHOLE;

const char spread_hold_sql[] =
    "SELECT g.generation, r.removals, nullif(r.horizon, '-infinity'), r.lists,"
    " (SELECT max(version) FROM schema_migration)::int8, (SELECT count(*) FROM schema_migration)"
    " FROM domain_generation AS g, cert_removal AS r, scale_out AS s WHERE s.state = 'spread'"
    " FOR SHARE OF g, r";

const char spread_hashes_sql[] =
    "DELETE FROM cert_sha256 AS h USING stage_entry AS e WHERE e.old_sha8 <> e.sha8"
    " AND substring(h.sha256 FOR 8) = int8send(e.old_sha8)"
    " AND NOT EXISTS (SELECT FROM spread_tile AS t CROSS JOIN LATERAL unnest(t.sha8) AS u (sha8)"
    " WHERE t.fp8 @> ARRAY[e.old_fp8] AND u.sha8 = e.old_sha8)";

/* What a worker that came back has to be told, is told now and not within the next minute. Who may not do so
 * waits for it. */
static void recover(struct pgconn *conn)
{
    if (pgexec_do(conn, "SELECT recover_prepared_transactions()", &PGEXEC_NO_ARGS, NULL, NULL) != ERR_OK)
        say_debug("db", "transactions of a cluster are left to its own maintenance");
}

enum err_code spread_turn(struct pgconn *conn, struct err *why)
{
    return conn->spread ? pgexec_script(conn, "UPDATE scale_out_turn SET turns = turns + 1", why) : ERR_OK;
}

enum err_code spread_whole(struct pgconn *conn, struct err *why)
{
    static const char sql[] = "SELECT count(*) FROM scale_out WHERE state = 'moving'";
    int64_t moving = 0;
    if (!conn->spread || conn->whole)
        return ERR_OK;
    enum err_code code = pgexec_number(conn, sql, &PGEXEC_NO_ARGS, &moving, why);
    if (code == ERR_OK && moving != 0)
        return err_set(
            why, ERR_DB_CONFLICT,
            "database: it is being spread over a Citus cluster, and a part of what it holds is not "
            "copied yet: ask again when `ctvigil db migrate --citus` has ended");
    conn->whole = code == ERR_OK;
    return code;
}

enum err_code spread_left(struct pgconn *conn, struct err *why)
{
    static const char sql[] = "SELECT CASE WHEN to_regclass('public.scale_out') IS NULL THEN 0"
                              " ELSE pg_terminate_backend(pg_backend_pid())::int4 END";
    int64_t none = 0;
    if (conn->spread || pgexec_number(conn, sql, &PGEXEC_NO_ARGS, &none, NULL) == ERR_OK)
        return ERR_OK;
    return err_set(why, ERR_DB_DOWN,
                   "database: it was spread over a Citus cluster meanwhile: connecting again");
}

enum err_code spread_settle(struct pgconn *conn, struct err *why)
{
    enum err_code code = spread_whole(conn, why);
    if (code != ERR_OK)
        return code;
    code = ERR_DB_CONFLICT;
    for (int i = 0; conn->spread && code == ERR_DB_CONFLICT && i < SETTLE_TRIES; i++) {
        struct err one = {0};
        if (i != 0)
            recover(conn);
        code = pgexec_script(
            conn, LOCAL_TOO "BEGIN;SET LOCAL lock_timeout = '" STRING_OF(LIMIT_DB_ROW_S) "s'", &one);
        if (code == ERR_OK)
            code = spread_turn(conn, &one);
        pgexec_rollback(conn);
        if (code != ERR_OK && (code != ERR_DB_CONFLICT || i + 1 == SETTLE_TRIES))
            return err_set(why, code, "%s", one.text);
    }
    return conn->spread ? code : ERR_OK;
}

enum err_code spread_session(struct pgconn *conn, struct err *why)
{
    static const char sql[] = LOCAL_TOO
        "CREATE TEMP TABLE IF NOT EXISTS spread_cert (not_after timestamptz, not_before timestamptz, issuer "
        "int4,"
        " log int2, idx int8, tbs_fp bytea) ON COMMIT DELETE ROWS;"
        "CREATE TEMP TABLE IF NOT EXISTS spread_tile (log int2, tile int8, first_index int8, last_index int8,"
        " fp8 int8[], sha8 int8[], info bytea) ON COMMIT DELETE ROWS;";
    if (!conn->spread)
        return ERR_OK;
    recover(conn);
    return pgexec_script(conn, sql, why);
}

enum err_code spread_fetch_tiles(struct pgconn *conn, const struct pgexec_args *stretch, struct err *why)
{
    static const char sql[] =
        "INSERT INTO spread_tile SELECT log, tile, first_index, last_index, fp8, sha8, info"
        " FROM log_tile WHERE log = $1 AND tile BETWEEN $2::int8 / 256 AND ($3::int8 - 1) / 256";
    if (!conn->spread)
        return ERR_OK;
    enum err_code code = pgexec_do(conn, "DELETE FROM spread_tile", &PGEXEC_NO_ARGS, NULL, why);
    return code == ERR_OK ? pgexec_do(conn, sql, stretch, NULL, why) : code;
}

enum err_code spread_fetch_certs(struct pgconn *conn, const struct pgexec_args *log, struct err *why)
{
    static const char certs_sql[] =
        "WITH e AS MATERIALIZED (SELECT DISTINCT int8send(u.fp8) AS fp FROM stage_entry AS s"
        "  CROSS JOIN LATERAL (VALUES (s.old_fp8), (s.fp8)) AS u (fp8) WHERE u.fp8 IS NOT NULL)"
        " INSERT INTO spread_cert SELECT c.not_after, c.not_before, c.issuer, c.log, c.idx, c.tbs_fp FROM e"
        " JOIN cert AS c ON c.tbs_fp >= e.fp AND c.tbs_fp <= e.fp || decode(repeat('ff', 24), 'hex')";
    static const char tiles_sql[] =
        "WITH k AS MATERIALIZED (SELECT array_agg(DISTINCT s.old_fp8) AS keys FROM stage_entry AS s"
        "  WHERE s.old_fp8 IS NOT NULL)"
        " INSERT INTO spread_tile SELECT t.log, t.tile, t.first_index, t.last_index, t.fp8, t.sha8, t.info"
        " FROM log_tile AS t, k WHERE t.fp8 && k.keys";
    if (!conn->spread)
        return ERR_OK;
    enum err_code code = pgexec_do(conn, "DELETE FROM spread_cert", &PGEXEC_NO_ARGS, NULL, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, certs_sql, &PGEXEC_NO_ARGS, NULL, why);
    if (code == ERR_OK && log->count != 0)
        code = pgexec_do(conn, "DELETE FROM spread_tile", &PGEXEC_NO_ARGS, NULL, why);
    return code == ERR_OK && log->count != 0 ? pgexec_do(conn, tiles_sql, &PGEXEC_NO_ARGS, NULL, why) : code;
}

enum err_code spread_move_copies(struct pgconn *conn, struct err *why)
{
    static const char sql[] =
        "UPDATE cert_apex AS c SET log = w.log, idx = w.idx, first_seen = w.seen FROM stage_wrong AS w"
        " WHERE w.idx IS NOT NULL AND c.tbs_fp = w.tbs_fp AND c.issuer = w.issuer AND c.not_after = "
        "w.not_after";
    return conn->spread ? pgexec_do(conn, sql, &PGEXEC_NO_ARGS, NULL, why) : ERR_OK;
}

enum err_code spread_first_copies(struct pgconn *conn, struct err *why)
{
    static const char sql[] =
        "UPDATE cert_apex AS c SET idx = s.idx, first_seen = s.first_seen FROM (SELECT DISTINCT ON (tbs_fp,"
        " issuer) * FROM stage_cert ORDER BY tbs_fp, issuer, idx) AS s WHERE c.tbs_fp = s.tbs_fp"
        " AND c.issuer = s.issuer AND c.not_after = s.not_after AND c.log = s.log AND (c.idx > s.idx"
        " OR (c.idx = s.idx AND c.first_seen <> s.first_seen))";
    return conn->spread ? pgexec_do(conn, sql, &PGEXEC_NO_ARGS, NULL, why) : ERR_OK;
}
