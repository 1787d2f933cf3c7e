/* CT logs as registered (tables log, log_range, log_head): the command line's and the pipeline's list of
 * logs. */
#ifndef CTVIGIL_DB_LOG_H
#define CTVIGIL_DB_LOG_H

#include "base/err.h"
#include "base/limits.h"
#include "db/pgconn.h"
#include "model/listed.h"

/* Registers the log (log->id is filled) with its first range: begin..open. `from_spec` is kept as the user
 * gave it. ERR_EXISTS: a log of that name is there. */
MUST_USE enum err_code db_log_add(struct pgconn *conn, struct ctlog *log, const char *from_spec,
                                  uint64_t begin, struct err *why);
/* The next entry that is read at the head of a log: one that was removed and is registered again goes on
 * where it stopped. */
MUST_USE enum err_code db_log_next(struct pgconn *conn, const struct ctlog *log, uint64_t *next,
                                   struct err *why);
/* Stops following it: state becomes 'removed', what was read stays. ERR_NOT_FOUND when there is none of that
 * name. */
MUST_USE enum err_code db_log_remove(struct pgconn *conn, const char *name, struct err *why);
/* Logs that are followed and begun (not removed, not ended, not merely known of), by id; the caller frees
 * *logs with free(). */
MUST_USE enum err_code db_log_load(struct pgconn *conn, struct ctlog **logs, size_t *count, struct err *why);

#define DB_LOG_RANGES_MAX LIMIT_RANGES
#define DB_LOG_TEXT_MAX   512
#define DB_LOG_PATH_MAX   4352 /* a state directory and the name of a file in it */

struct db_log_range {
    uint64_t begin;
    uint64_t end; /* UINT64_MAX: follows the head */
    uint64_t next;
    uint64_t verified;
};

struct db_log_status {
    int32_t id;
    char name[CTLOG_NAME_MAX];
    char protocol[16];
    char url[CTLOG_URL_MAX];
    char state[16]; /* active, inconsistent, removed */
    char last_error[DB_LOG_TEXT_MAX];
    char from_spec[64];
    uint64_t position;      /* end of the contiguous part that began at --from */
    uint64_t verified_size; /* the same part: its root equalled a signed one, or one that the log proved */
    uint64_t head_size;     /* largest signed head */
    int64_t head_time_ms;   /* its timestamp, as signed; 0: none seen yet */
    int64_t head_since_ms;  /* when it came first, */
    int64_t head_seen_ms;   /* and last, to half a minute */
    uint64_t served_size;   /* of the head that came last: smaller, when the log went back */
    uint64_t unproven; /* signed heads below verified_size that nobody has found to fit or to contradict */
    uint64_t mmd_exceeded;   /* entries that it took in later than its merge delay allows */
    int64_t merge_delay_s;   /* the longest delay seen; the true one may be longer */
    int64_t last_contact_ms; /* 0: never */
    uint64_t backlog;        /* entries below the head that are not read, wherever they are */
    uint64_t due_size;       /* largest head known for LIMIT_HEAD_DUE_S; 0: none */
    uint64_t overdue;        /* entries below that which are not read */
    uint64_t entries;        /* read */
    uint64_t not_stored;     /* of these: matched, and not stored for want of room */
    uint64_t malformed;
    bool put_down; /* entries that a backfill put down are in no partition yet: no search finds them */
    char reason[DB_LOG_TEXT_MAX];   /* of the state inconsistent: the newest evidence's sentence; else "" */
    char evidence[DB_LOG_PATH_MAX]; /* file with its account; "": none */
    struct db_log_range ranges[DB_LOG_RANGES_MAX];
    size_t range_count;
    /* From here on what a log list says of it (model/listed.h); a log added by hand has empty values. */
    bool listed;
    char operator_name[LISTED_TEXT_MAX];
    char description[LISTED_TEXT_MAX];
    char list_state[16];
    int64_t list_state_ms;
    int64_t left_ms; /* when it was no longer in the list; 0: it is in it */
    int64_t mmd_s;
    int64_t begin_ms; /* of the interval; both 0: none */
    int64_t end_ms;
    bool has_final;
    uint64_t final_size;
    uint8_t final_root[32];
    char final_error[DB_LOG_TEXT_MAX]; /* why that is not known to be a part of what was read */
    bool followed;
    char unfollowed[16]; /* why not: pending, by hand, left, complete, ended, lost */
    char ended[16];      /* complete, ended, lost; "": it goes on */
    int64_t ended_ms;
    int64_t added_ms;
    bool has_rate; /* of the last ten minutes, as far as somebody was reading */
    double rate;   /* entries stored per second */
    double growth; /* entries per second by which its head grew */
};

/* Notes where every followed log stands now, for rate and ETA; at most once in ten seconds, by any number of
 * processes. */
MUST_USE enum err_code db_log_pace(struct pgconn *conn, struct err *why);
/* Status of every log that is not removed, by name; the caller frees *rows with free(). */
MUST_USE enum err_code db_log_status(struct pgconn *conn, struct db_log_status **rows, size_t *count,
                                     struct err *why);

#endif
