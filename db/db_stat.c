#include "db/db_stat.h"

#include <stdio.h>

#include "base/limits.h"
#include "db/pgexec.h"

static const char parts_sql[] =
    "WITH rel AS ("
    "  SELECT coalesce(r.relname, t.relname)::text AS base, c.oid, c.relkind, greatest(c.reltuples, 0) AS "
    "rows"
    "  FROM pg_class AS c LEFT JOIN pg_index AS x ON x.indexrelid = c.oid"
    "  JOIN pg_class AS t ON t.oid = coalesce(x.indrelid, c.oid)"
    "  LEFT JOIN pg_class AS r ON r.oid = pg_partition_root(t.oid)"
    "  WHERE t.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i')"
    " ), part AS ("
    "  SELECT CASE WHEN base IN ('cert', 'cert_apex', 'cert_ip', 'log_tile', 'place_block') THEN base ||"
    "    CASE WHEN relkind = 'i' THEN ': ' || regexp_replace(regexp_replace(pg_get_indexdef(oid), '^.* USING "
    "', ''),"
    " 'SUBSTRING\\((\\w+) [^)]*\\)', '\\1') ELSE '' "
    "END"
    "   WHEN base IN ('der_chunk', 'cert_sha256') THEN 'der'"
    "   WHEN base IN ('alert', 'alert_sighting', 'outbox', 'channel') THEN 'alerts'"
    "   ELSE 'other' END AS name,"
    "   CASE WHEN relkind = 'i' THEN pg_relation_size(oid) ELSE pg_table_size(oid) END AS bytes,"
    "   CASE WHEN relkind = 'r' AND base IN ('cert_apex', 'cert_ip', 'log_tile', 'place_block', 'der_chunk', "
    "'alert')"
    "    THEN rows END AS rows FROM rel"
    " )"
    " SELECT name, coalesce(sum(bytes), 0)::int8,"
    "  CASE name WHEN 'cert' THEN (SELECT sum(l.rows) FROM partition_leaf AS l)::int8"
    "   ELSE coalesce(sum(rows)::int8, -1) END,"
    "  pg_database_size(current_database()) FROM part GROUP BY name ORDER BY 2 DESC, 1";

static const char leaves_sql[] =
    "SELECT count(*), to_char(min(upper), 'YYYY-MM-DD'), to_char(max(lower), 'YYYY-MM-DD'), x.next,"
    " x.next - interval '16 months', coalesce(extract(year FROM age(x.next, now())) * 12"
    "  + extract(month FROM age(x.next, now())), 999)::int8"
    " FROM partition_leaf CROSS JOIN (SELECT min(y.lower) AS next FROM partition_leaf AS y"
    "  WHERE y.suffix ~ '^\\d{4}$' AND y.upper > now()) AS x GROUP BY x.next";

/* Of a log only its first and its last tile: whatever lies between was logged between. */
static const char ages_sql[] =
    "SELECT i.low::timestamp AT TIME ZONE 'UTC', i.high::timestamp AT TIME ZONE 'UTC', to_timestamp(s.low / "
    "1000.0),"
    " to_timestamp(s.high / 1000.0)"
    " FROM (SELECT min(day) AS low, max(day) AS high FROM issued WHERE n > 0) AS i"
    " CROSS JOIN (SELECT min(m.ms) AS low, max(m.ms) AS high FROM log AS l CROSS JOIN LATERAL ("
    "   (SELECT t.info FROM log_tile AS t WHERE t.log = l.id ORDER BY t.tile LIMIT 1) UNION ALL"
    "   (SELECT t.info FROM log_tile AS t WHERE t.log = l.id ORDER BY t.tile DESC LIMIT 1)) AS e (info)"
    "  CROSS JOIN LATERAL generate_series(0, length(e.info) / 9 - 1) AS n (at)"
    "  CROSS JOIN LATERAL (SELECT ('x' || encode(substring(e.info FROM n.at * 9 + 1 FOR 6), "
    "'hex'))::bit(48)::int8 AS ms"
    "   WHERE get_byte(e.info, n.at * 9 + 6) <> 3) AS m) AS s";

/* On a cluster it would be a question to every shard for each log. */
static const char spread_ages_sql[] = "SELECT min(day)::timestamp AT TIME ZONE 'UTC', max(day)::timestamp AT "
                                      "TIME ZONE 'UTC', NULL::timestamptz,"
                                      " NULL::timestamptz FROM issued WHERE n > 0";

static const char statements_sql[] =
    "SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 160), mean_exec_time::float8, calls"
    " FROM public.pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = "
    "current_database())"
    " ORDER BY total_exec_time DESC LIMIT 5";

static const char running_sql[] =
    "SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 160),"
    " (extract(epoch FROM clock_timestamp() - query_start) * 1000)::float8, 1::int8 FROM pg_stat_activity"
    " WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()"
    " AND query_start < clock_timestamp() - interval '1 s' ORDER BY query_start LIMIT 5";

static const char vacuum_sql[] =
    "SELECT current_setting('autovacuum')::bool, current_setting('fsync')::bool, age(d.datfrozenxid)::int8,"
    " current_setting('autovacuum_freeze_max_age')::int8, t.dead, coalesce(t.worst, ''), t.at,"
    " (SELECT count(*) FROM pg_index AS i WHERE NOT i.indisvalid)"
    " FROM pg_database AS d CROSS JOIN (SELECT coalesce(sum(n_dead_tup), 0)::int8 AS dead, "
    "max(last_autovacuum) AS at,"
    "  (array_agg(relname::text ORDER BY n_dead_tup DESC) FILTER (WHERE n_dead_tup > 100000"
    "   AND n_dead_tup > n_live_tup / 4))[1] AS worst FROM pg_stat_user_tables) AS t"
    " WHERE d.datname = current_database()";

static const char sessions_sql[] =
    "SELECT count(*), current_setting('max_connections')::int8 - "
    "current_setting('superuser_reserved_connections')::int8,"
    " count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE state LIKE 'idle in transaction%'),"
    " coalesce(max(extract(epoch FROM clock_timestamp() - xact_start) * 1000)"
    "  FILTER (WHERE pid <> pg_backend_pid()), 0)::int8, pg_is_in_recovery()"
    " FROM pg_stat_activity WHERE backend_type = 'client backend'";

static const char replicas_sql[] =
    "SELECT coalesce(nullif(application_name, ''), '?'), coalesce(state, 'not to be seen'),"
    " coalesce(CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) END, "
    "-1)::int8,"
    " coalesce(extract(epoch FROM replay_lag) * 1000, -1)::int8"
    " FROM pg_stat_replication WHERE application_name <> 'pg_basebackup' ORDER BY 1 LIMIT 16";

static const char slots_sql[] = "SELECT count(*), coalesce(max(CASE WHEN NOT pg_is_in_recovery()"
                                " THEN pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) END), 0)::int8"
                                " FROM pg_replication_slots WHERE NOT active";

static void copy_text(const PGresult *res, int row, int col, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%s", pgexec_get_text(res, row, col));
}

static int64_t time_or_none(const PGresult *res, int col)
{
    return pgexec_is_null(res, 0, col) ? DB_STAT_NO_TIME : pgexec_get_time(res, 0, col);
}

/* What is not ours: catalogues, and what other schemas hold. */
static void add_rest(struct db_stat *stat)
{
    int64_t rest = stat->bytes;
    for (size_t i = 0; i < stat->part_count; i++)
        rest -= stat->parts[i].bytes;
    if (stat->part_count == 0 || stat->part_count == DB_STAT_PARTS_MAX || rest <= 0)
        return;
    struct db_stat_part *part = &stat->parts[stat->part_count++];
    *part = (struct db_stat_part){.bytes = rest, .rows = -1};
    (void)snprintf(part->name, sizeof part->name, "the server's catalogues");
}

static void take_parts(const PGresult *res, struct db_stat *stat)
{
    for (int row = 0; row < PQntuples(res) && stat->part_count < DB_STAT_PARTS_MAX; row++) {
        struct db_stat_part *part = &stat->parts[stat->part_count++];
        copy_text(res, row, 0, part->name, sizeof part->name);
        part->bytes = pgexec_get_int(res, row, 1);
        part->rows = pgexec_get_int(res, row, 2);
        stat->bytes = pgexec_get_int(res, row, 3);
        if (strcmp(part->name, "cert") == 0)
            stat->certs = part->rows;
    }
    add_rest(stat);
}

static void take_leaves(const PGresult *res, struct db_stat *stat)
{
    if (PQntuples(res) == 0)
        return;
    stat->leaves = pgexec_get_int(res, 0, 0);
    copy_text(res, 0, 1, stat->first, sizeof stat->first);
    copy_text(res, 0, 2, stat->last, sizeof stat->last);
    stat->months_until_ms = time_or_none(res, 3);
    stat->next_make_ms = time_or_none(res, 4);
    stat->months_left = pgexec_get_int(res, 0, 5);
}

static void take_ages(const PGresult *res, struct db_stat *stat)
{
    stat->issued_from_ms = time_or_none(res, 0);
    stat->issued_to_ms = time_or_none(res, 1);
    stat->seen_from_ms = time_or_none(res, 2);
    stat->seen_to_ms = time_or_none(res, 3);
}

static void take_slow(const PGresult *res, struct db_stat *stat)
{
    for (int row = 0; row < PQntuples(res) && stat->slow_count < DB_STAT_SLOW_MAX; row++) {
        struct db_stat_slow *slow = &stat->slow[stat->slow_count++];
        copy_text(res, row, 0, slow->sql, sizeof slow->sql);
        slow->ms = pgexec_get_real(res, row, 1);
        slow->calls = pgexec_get_int(res, row, 2);
    }
}

static void take_vacuum(const PGresult *res, struct db_stat *stat)
{
    if (PQntuples(res) == 0)
        return;
    stat->autovacuum = pgexec_get_bool(res, 0, 0);
    stat->fsync = pgexec_get_bool(res, 0, 1);
    stat->xid_age = pgexec_get_int(res, 0, 2);
    stat->xid_vacuum = pgexec_get_int(res, 0, 3);
    stat->dead_rows = pgexec_get_int(res, 0, 4);
    copy_text(res, 0, 5, stat->dead_table, sizeof stat->dead_table);
    stat->vacuumed_ms = time_or_none(res, 6);
    stat->invalid = pgexec_get_int(res, 0, 7);
}

static void take_sessions(const PGresult *res, struct db_stat *stat)
{
    stat->sessions = pgexec_get_int(res, 0, 0);
    stat->sessions_max = pgexec_get_int(res, 0, 1);
    stat->active = pgexec_get_int(res, 0, 2);
    stat->idle_in_tx = pgexec_get_int(res, 0, 3);
    stat->oldest_tx_ms = pgexec_get_int(res, 0, 4);
    stat->replica = pgexec_get_bool(res, 0, 5);
}

static void take_replicas(const PGresult *res, struct db_stat *stat)
{
    for (int row = 0; row < PQntuples(res) && stat->replica_count < DB_STAT_REPLICAS_MAX; row++) {
        struct db_stat_replica *replica = &stat->replicas[stat->replica_count++];
        copy_text(res, row, 0, replica->name, sizeof replica->name);
        copy_text(res, row, 1, replica->state, sizeof replica->state);
        replica->lag_bytes = pgexec_get_int(res, row, 2);
        replica->lag_ms = pgexec_get_int(res, row, 3);
    }
}

static void take_slots(const PGresult *res, struct db_stat *stat)
{
    stat->slots_idle = pgexec_get_int(res, 0, 0);
    stat->slots_bytes = pgexec_get_int(res, 0, 1);
}

static enum err_code take(struct pgconn *conn, const char *sql,
                          void (*each)(const PGresult *, struct db_stat *), struct db_stat *stat,
                          struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code == ERR_OK)
        each(res, stat);
    PQclear(res);
    return code;
}

/* The extension can be there without its library being loaded; then it only gives errors. */
static enum err_code read_slow(struct pgconn *conn, struct db_stat *stat, struct err *why)
{
    struct err ignored = {0};
    int64_t there = 0;
    enum err_code code =
        pgexec_number(conn, "SELECT (to_regclass('public.pg_stat_statements') IS NOT NULL)::int4",
                      &PGEXEC_NO_ARGS, &there, why);
    if (code != ERR_OK)
        return code;
    if (there != 0 && take(conn, statements_sql, take_slow, stat, &ignored) == ERR_OK) {
        stat->statements = true;
        return ERR_OK;
    }
    return take(conn, running_sql, take_slow, stat, why);
}

enum err_code db_stat_read(struct pgconn *conn, struct db_stat *stat, struct err *why)
{
    static const struct {
        const char *sql;
        void (*each)(const PGresult *, struct db_stat *);
    } server[] = {{vacuum_sql, take_vacuum},
                  {sessions_sql, take_sessions},
                  {replicas_sql, take_replicas},
                  {slots_sql, take_slots}},
      ours[] = {{parts_sql, take_parts}, {leaves_sql, take_leaves}, {ages_sql, take_ages}};
    *stat = (struct db_stat){.months_until_ms = DB_STAT_NO_TIME,
                             .next_make_ms = DB_STAT_NO_TIME,
                             .issued_from_ms = DB_STAT_NO_TIME,
                             .issued_to_ms = DB_STAT_NO_TIME,
                             .seen_from_ms = DB_STAT_NO_TIME,
                             .seen_to_ms = DB_STAT_NO_TIME,
                             .vacuumed_ms = DB_STAT_NO_TIME,
                             .autovacuum = true,
                             .fsync = true};
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < countof(server); i++)
        code = take(conn, server[i].sql, server[i].each, stat, why);
    if (code == ERR_OK)
        code = read_slow(conn, stat, why);
    for (size_t i = 0; code == ERR_OK && i < countof(ours); i++)
        code = take(conn, conn->spread && ours[i].sql == ages_sql ? spread_ages_sql : ours[i].sql,
                    ours[i].each, stat, why);
    return code;
}
