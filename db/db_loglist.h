/* The log list in force (tables log_list, log): keeping it, applying it to the registered logs, and how logs
 * end. Fetching, signature and form are the business of others; here it is only decided what a list may
 * change:
 *  - a log that was added by hand is never touched, nor is one that was removed by hand followed again;
 *  - a log is the same one by its log id, whatever the list calls it or wherever it moved;
 *  - nothing is ever taken away: a log that is no longer listed is read to its end (db_loglist_ends). */
#ifndef CTVIGIL_DB_LOGLIST_H
#define CTVIGIL_DB_LOGLIST_H

#include "base/err.h"
#include "base/span.h"
#include "db/pgconn.h"
#include "model/head.h"
#include "model/listed.h"

#define DB_LOGLIST_SOURCE_MAX  1024
#define DB_LOGLIST_VERSION_MAX 32
#define DB_LOGLIST_ETAG_MAX    256

/* One source as it is kept. */
struct db_loglist {
    char source[DB_LOGLIST_SOURCE_MAX];
    int64_t revision; /* 0: no list of it was ever applied */
    char version[DB_LOGLIST_VERSION_MAX];
    int64_t made_ms; /* as the list says; 0: it does not */
    char etag[DB_LOGLIST_ETAG_MAX];
    uint32_t logs;
    int64_t fetched_ms; /* 0: never */
    int64_t tried_ms;
    int64_t next_ms;
    uint32_t failures;
    bool refused;
    char last_error[ERR_TEXT_MAX];
};

/* *found false: that source was never asked for; the other members are then empty. */
MUST_USE enum err_code db_loglist_load(struct pgconn *conn, const char *source, struct db_loglist *list,
                                       bool *found, struct err *why);
/* The source whose list was applied last, for people. */
MUST_USE enum err_code db_loglist_last(struct pgconn *conn, struct db_loglist *list, bool *found,
                                       struct err *why);
/* Was any list ever applied; was any log added by hand (and not removed)? */
MUST_USE enum err_code db_loglist_any(struct pgconn *conn, bool *applied, bool *by_hand, struct err *why);

/* The lock of who fetches: one process at a time; it lives as long as the connection or db_loglist_unlock. */
MUST_USE enum err_code db_loglist_lock(struct pgconn *conn, bool *taken, struct err *why);
MUST_USE enum err_code db_loglist_unlock(struct pgconn *conn, struct err *why);

/* It could not be had, or (`refused`) came and was not taken. */
MUST_USE enum err_code db_loglist_failed(struct pgconn *conn, const char *source, const char *text,
                                         bool refused, int64_t next_ms, struct err *why);
/* It is the one that is kept. */
MUST_USE enum err_code db_loglist_unchanged(struct pgconn *conn, const char *source, int64_t next_ms,
                                            struct err *why);

struct db_loglist_news {
    const char *source;
    const char *version;
    int64_t made_ms;
    const char *etag;
    struct span bytes;
    int64_t next_ms;
    uint32_t unusable;   /* entries of the list that are of no use */
    bool all_logs;       /* a log without a state is in nobody's programme */
    bool follow_pending; /* also logs that are pending are read */
    const char *from; /* where logs of the very first list begin: from_spec of table log; later ones at 0 */
};

struct db_loglist_change {
    uint32_t added;
    uint32_t changed;  /* URL, protocol, state, interval, operator, mmd, final head or description */
    uint32_t left;     /* no longer listed */
    uint32_t by_hand;  /* listed, and registered by hand already */
    uint32_t followed; /* logs of the list that are read now */
    /* Operators that stood in no list before, by name; "": none, and always for the first list. Lists have
     * been seen to name logs that only some are shown. */
    char new_operators[512];
};

/* All in one transaction. `logs` as parsed; refused ones with an id count as still listed and change nothing.
 */
MUST_USE enum err_code db_loglist_apply(struct pgconn *conn, const struct db_loglist_news *news,
                                        const struct listed *logs, size_t count,
                                        struct db_loglist_change *change, struct err *why);

/* Operators that came with a later list than the first within the last DB_LOGLIST_NEW_DAYS, by name. */
#define DB_LOGLIST_NEW_DAYS 30
MUST_USE enum err_code db_loglist_newcomers(struct pgconn *conn, char *out, size_t out_cap, struct err *why);

/* Which of the logs of the list are followed may change without a new list: one was added by hand, or pending
 * ones are wanted now. db_loglist_apply does this too. */
MUST_USE enum err_code db_loglist_follow(struct pgconn *conn, bool follow_pending, struct err *why);

/* Logs that are followed and have no range yet: where they begin is to be found out. from[i] is their
 * from_spec
 * ("now", "0", an index or a time). The caller frees *logs and *from with free(). */
struct db_loglist_from {
    char spec[64];
    int64_t added_ms; /* when it was registered: where "now" is */
};
MUST_USE enum err_code db_loglist_unstarted(struct pgconn *conn, struct ctlog **logs,
                                            struct db_loglist_from **from, size_t *count, struct err *why);
/* Gives it its first range, begin..open; nothing when it has one by now. */
MUST_USE enum err_code db_loglist_begin(struct pgconn *conn, int32_t log_id, uint64_t begin, struct err *why);
/* What a person sees of a log that can not be begun. */
MUST_USE enum err_code db_loglist_note(struct pgconn *conn, int32_t log_id, const char *text,
                                       struct err *why);

/* The head of that size which our tree equalled, without raw. */
MUST_USE enum err_code db_loglist_head(struct pgconn *conn, int32_t log_id, uint64_t size, struct head *head,
                                       bool *found, struct err *why);
/* The final tree head of the list is not known to be a part of what was read; people see `text`. `certain`:
 * it can not be one, which is the alert log_inconsistent, once per log and size. */
MUST_USE enum err_code db_loglist_doubt(struct pgconn *conn, int32_t log_id, uint64_t final_size,
                                        const char *text, bool certain, struct err *why);

enum db_loglist_end { DB_LOGLIST_COMPLETE, DB_LOGLIST_ENDED, DB_LOGLIST_LOST };

/* The log is not followed any more. LOST: in the same transaction the alert log_stale about [begin, end),
 * once per log and begin; `text` says what happened. */
MUST_USE enum err_code db_loglist_ended(struct pgconn *conn, int32_t log_id, enum db_loglist_end end,
                                        uint64_t begin, uint64_t until, const char *text, struct err *why);

#endif
