#include "cli/dbill.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"

#define DBILL_XID_END     INT64_C(2147483648)
#define DBILL_TX_MS       INT64_C(3600000)
#define DBILL_LAG_MS      INT64_C(60000)
#define DBILL_LAG_BYTES   INT64_C(1000000000)
#define DBILL_MONTHS_LEFT 2

static bool dbill_say(char out[DBILL_TEXT_MAX], const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool dbill_say(char out[DBILL_TEXT_MAX], const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(out, DBILL_TEXT_MAX, fmt, args);
    va_end(args);
    return true;
}

static bool dbill_fsync(const struct db_stat *stat, struct dbill *ill)
{
    return !stat->fsync && dbill_say(ill->what, "fsync is off: a power failure destroys the database") &&
           dbill_say(ill->remedy, "set fsync = on in postgresql.conf and reload the server");
}

static bool dbill_autovacuum(const struct db_stat *stat, struct dbill *ill)
{
    return !stat->autovacuum &&
           dbill_say(ill->what,
                     "autovacuum is off: queries get slower, and after 2,100 million transactions the "
                     "server takes no more rows") &&
           dbill_say(ill->remedy, "set autovacuum = on in postgresql.conf and reload the server");
}

static bool dbill_xid(const struct db_stat *stat, struct dbill *ill)
{
    return stat->xid_age > DBILL_XID_END / 2 &&
           dbill_say(ill->what,
                     "the oldest row that is not frozen is %" PRId64
                     " million transactions old; at 2,147 the server takes no more rows",
                     stat->xid_age / 1000000) &&
           dbill_say(ill->remedy, "end old transactions, prepared ones and idle replication slots, then "
                                  "VACUUM (FREEZE) in this database");
}

static bool dbill_dead(const struct db_stat *stat, struct dbill *ill)
{
    return stat->dead_table[0] != '\0' &&
           dbill_say(ill->what, "more than a fifth of the rows of %s are dead", stat->dead_table) &&
           dbill_say(ill->remedy, "VACUUM (ANALYZE) %s; when it comes back look for old transactions",
                     stat->dead_table);
}

static bool dbill_invalid(const struct db_stat *stat, struct dbill *ill)
{
    return stat->invalid != 0 &&
           dbill_say(ill->what, "%" PRId64 " indexes are broken off and not used", stat->invalid) &&
           dbill_say(ill->remedy, "pg_index names them (indisvalid is false): REINDEX INDEX for each");
}

static bool dbill_sessions(const struct db_stat *stat, struct dbill *ill)
{
    return stat->sessions_max > 0 && stat->sessions * 5 >= stat->sessions_max * 4 &&
           dbill_say(ill->what, "%" PRId64 " of %" PRId64 " connections are taken", stat->sessions,
                     stat->sessions_max) &&
           dbill_say(ill->remedy,
                     "put pgBouncer in front of those who read (db.read_dsn), or raise max_connections");
}

static bool dbill_old_tx(const struct db_stat *stat, struct dbill *ill)
{
    return stat->oldest_tx_ms > DBILL_TX_MS &&
           dbill_say(ill->what,
                     "a transaction is open for %" PRId64 " minutes: what is deleted meanwhile is not "
                     "cleaned up",
                     stat->oldest_tx_ms / 60000) &&
           dbill_say(ill->remedy,
                     "pg_stat_activity shows whose it is (xact_start); pg_terminate_backend(pid) ends it");
}

static bool dbill_replica(const struct db_stat *stat, struct dbill *ill)
{
    for (size_t i = 0; i < stat->replica_count; i++) {
        const struct db_stat_replica *replica = &stat->replicas[i];
        if (replica->lag_ms > DBILL_LAG_MS || replica->lag_bytes > DBILL_LAG_BYTES)
            return dbill_say(ill->what, "the replica %s is %" PRId64 " seconds and %" PRId64 " MB behind",
                             replica->name, replica->lag_ms > 0 ? replica->lag_ms / 1000 : 0,
                             replica->lag_bytes > 0 ? replica->lag_bytes / 1000000 : 0) &&
                   dbill_say(ill->remedy, "look at its disk and its log; long queries there hold it up "
                                          "(max_standby_streaming_delay)");
    }
    return false;
}

static bool dbill_slots(const struct db_stat *stat, struct dbill *ill)
{
    return stat->slots_idle != 0 && stat->slots_bytes > DBILL_LAG_BYTES &&
           dbill_say(ill->what,
                     "a replication slot that nobody uses keeps %" PRId64 " MB of WAL, and more all the time",
                     stat->slots_bytes / 1000000) &&
           dbill_say(ill->remedy, "start its replica again, or drop the slot: pg_replication_slots names it, "
                                  "pg_drop_replication_slot(slot_name) drops it");
}

static bool dbill_months(const struct db_stat *stat, struct dbill *ill)
{
    return stat->months_until_ms != DB_STAT_NO_TIME && stat->months_left < DBILL_MONTHS_LEFT &&
           dbill_say(ill->what,
                     "no months are made ahead: what is issued now goes into partitions of a year") &&
           dbill_say(ill->remedy, "ctvigil db prune; `run` and `ingest` do it by themselves");
}

bool dbill_next(const struct db_stat *stat, const struct replica_state *replica, unsigned *at,
                struct dbill *ill)
{
    static bool (*const checks[])(const struct db_stat *, struct dbill *) = {
        dbill_fsync,    dbill_autovacuum, dbill_xid,    dbill_dead,    dbill_invalid,
        dbill_sessions, dbill_old_tx,     dbill_months, dbill_replica, dbill_slots,
    };
    while (*at < countof(checks)) {
        if (checks[(*at)++](stat, ill))
            return true;
    }
    if ((*at)++ != countof(checks) || replica == NULL || !replica->replica)
        return false;
    if (!replica->connected)
        return dbill_say(ill->what, "this replica gets nothing from its primary") &&
               dbill_say(ill->remedy, "look at its log and at primary_conninfo; what it shows gets older");
    if (replica->lag_ms < 0)
        return dbill_say(ill->what, "this replica has not replayed what it received, and can not say how old "
                                    "its data is") &&
               dbill_say(ill->remedy,
                         "look at its log, and whether replay is paused (pg_wal_replay_resume())");
    return replica->lag_ms > LIMIT_REPLICA_LAG_S * INT64_C(1000) &&
           dbill_say(ill->what, "this replica is %" PRId64 " seconds behind", replica->lag_ms / 1000) &&
           dbill_say(ill->remedy,
                     "look at its disk; long queries here hold it up (max_standby_streaming_delay)");
}
