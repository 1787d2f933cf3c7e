/* What is known of the logs that are expected to go on, and the incidents of those that do not. Judging is
 * the caller's (cli/staleness.h). All of it inside one transaction that one process at a time has. */
#ifndef CTVIGIL_DB_STALE_H
#define CTVIGIL_DB_STALE_H

#include "base/err.h"
#include "db/pgconn.h"
#include "model/ctlog.h"

#define DB_STALE_BREAK_S 300 /* nobody looked for so long: watching begins anew */

struct db_stale_log {
    int32_t id;
    char name[CTLOG_NAME_MAX];
    char last_error[512];
    int64_t mmd_s;    /* 0: not said */
    int64_t begun_ms; /* when it was added */
    int64_t head_ms;  /* signed time of the largest head; 0: none */
    int64_t head_seen_ms;
    uint64_t head_size;
    uint64_t served_size;
    bool behind;            /* it promises more than was read */
    int64_t heard_ms;       /* when any head came last; 0: never */
    int64_t clean_ms;       /* last good contact; 0: never */
    char rule[24];          /* of its open incident; "": none */
    int64_t stale_since_ms; /* of that */
};

/* Begins. *taken false: another process is at it, and nothing is to be done. Otherwise the time of the
 * database, since when there was no break in watching, the logs (*logs is freed with free()) and the open
 * incident of ourselves ("": none); db_stale_end must follow. */
struct db_stale_look {
    bool taken;
    int64_t now_ms;
    int64_t watching_ms;
    char self_rule[24];
    struct db_stale_log *logs;
    size_t count;
};
MUST_USE enum err_code db_stale_begin(struct pgconn *conn, struct db_stale_look *look, struct err *why);
/* log_id 0: ourselves. Raises log_stale; `expected` and `found` are for people. */
MUST_USE enum err_code db_stale_open(struct pgconn *conn, int32_t log_id, const char *rule,
                                     const char *expected, const char *found, struct err *why);
/* Its alert is closed, and what waits to be delivered of it is withdrawn. Nothing when there is none. */
MUST_USE enum err_code db_stale_close(struct pgconn *conn, int32_t log_id, const char *reason,
                                      struct err *why);
/* Looks at what logs took in since the last time, and counts what they took in later than their merge delay
 * allows (log.mmd_exceeded, log.merge_delay_s). `late` is called for every log with new ones: how many by
 * now, and the longest delay. */
struct db_stale_late {
    int32_t id;
    char name[CTLOG_NAME_MAX];
    int64_t mmd_s;
    uint64_t count;
    int64_t delay_s;
};
MUST_USE enum err_code db_stale_merged(struct pgconn *conn,
                                       enum err_code (*late)(void *arg, const struct db_stale_late *log,
                                                             struct err *why),
                                       void *arg, struct err *why);
/* The alert about that, once for each log: log_stale by the rule merge_delay. */
MUST_USE enum err_code db_stale_late(struct pgconn *conn, int32_t log_id, const char *expected,
                                     const char *found, struct err *why);
/* Closes the incidents of logs that are not asked about any more (ended, retired, removed), and commits. */
MUST_USE enum err_code db_stale_end(struct pgconn *conn, struct err *why);
/* How many incidents are open. */
MUST_USE enum err_code db_stale_count(struct pgconn *conn, int64_t *count, struct err *why);
/* After an error of those above, instead of db_stale_end. */
void db_stale_drop(struct pgconn *conn);

#endif
