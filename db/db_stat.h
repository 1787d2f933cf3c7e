/* How the database is doing, for `ctvigil db status`: what takes the room, how old what lies in it is, and
 * what the server says of itself. Read-only and bounded: catalogues, `issued`, and the first and last tile of
 * each log; no certificate is read. What the role may not see (sessions and replicas are for pg_monitor) is
 * said as unknown, never as none. */
#ifndef CTVIGIL_DB_STAT_H
#define CTVIGIL_DB_STAT_H

#include "base/err.h"
#include "db/pgconn.h"

#define DB_STAT_PARTS_MAX    64
#define DB_STAT_NAME_MAX     96
#define DB_STAT_SLOW_MAX     5
#define DB_STAT_SQL_MAX      240
#define DB_STAT_REPLICAS_MAX 16
#define DB_STAT_DATE_MAX     16
#define DB_STAT_NO_TIME      INT64_MIN

struct db_stat_part {
    char name[DB_STAT_NAME_MAX]; /* "cert", "cert: btree (tbs_fp, issuer)", "alerts" */
    int64_t bytes;
    int64_t rows; /* the server's estimate; -1: an index, or not estimated yet */
};

struct db_stat_slow {
    char sql[DB_STAT_SQL_MAX]; /* cut off */
    double ms;                 /* of one on the average; of one that runs now: so far */
    int64_t calls;
};

struct db_stat_replica {
    char name[DB_STAT_NAME_MAX];
    char state[DB_STAT_DATE_MAX]; /* "streaming" */
    int64_t lag_bytes;            /* -1: not known */
    int64_t lag_ms;               /* the same */
};

struct db_stat {
    struct db_stat_part parts[DB_STAT_PARTS_MAX]; /* the largest first */
    size_t part_count;
    int64_t bytes;                        /* of the whole database */
    int64_t certs;                        /* estimate */
    int64_t leaves;                       /* partitions of cert */
    char first[DB_STAT_DATE_MAX];         /* day until which the first one goes, */
    char last[DB_STAT_DATE_MAX];          /* and from which the last one does */
    int64_t months_until_ms;              /* months are there for what expires before; */
    int64_t next_make_ms;                 /* the next year is cut into months then */
    int64_t months_left;                  /* whole months from now until months_until */
    int64_t issued_from_ms, issued_to_ms; /* days of not_before; DB_STAT_NO_TIME: nothing is stored */
    int64_t seen_from_ms, seen_to_ms;     /* timestamps of log entries; the same */
    bool statements; /* slow queries are pg_stat_statements'; else what runs now for a second */
    struct db_stat_slow slow[DB_STAT_SLOW_MAX];
    size_t slow_count;
    bool autovacuum, fsync;
    int64_t xid_age,
        xid_vacuum; /* transactions since the oldest row that is not frozen; from when on vacuum is forced */
    int64_t dead_rows;
    char dead_table[DB_STAT_NAME_MAX]; /* that has most of those in need of a vacuum; "": none */
    int64_t vacuumed_ms; /* by autovacuum, any table; DB_STAT_NO_TIME: never, or forgotten in a crash */
    int64_t invalid;     /* indexes that are not used */
    int64_t sessions, sessions_max, active, idle_in_tx;
    int64_t oldest_tx_ms; /* how long the oldest transaction is open; 0: none but ours */
    bool replica;         /* this server copies another one */
    struct db_stat_replica replicas[DB_STAT_REPLICAS_MAX];
    size_t replica_count;
    int64_t slots_idle, slots_bytes; /* replication slots nobody uses, and the WAL that is kept for them */
};

/* On an error *stat holds what was read before it. */
MUST_USE enum err_code db_stat_read(struct pgconn *conn, struct db_stat *stat, struct err *why);

#endif
