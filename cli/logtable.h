/* CT logs as `log list` and `log status` show them: tables for people, one JSON object a log for programs. */
#ifndef CTVIGIL_LOGTABLE_H
#define CTVIGIL_LOGTABLE_H

#include <jansson.h>

#include "cli/coverview.h"
#include "db/db_loglist.h"
#include "db/db_pace.h"

/* What is known of logs beside their own rows. */
struct logtable_more {
    struct coverview_parts parts;
    struct db_pace pace;
};

/* "ctvigil.log.1". */
json_t *logtable_json(const struct db_log_status *row, const struct logtable_more *more);
/* "ctvigil.log.list.error.1": the last line when something is wrong with the log list. */
bool logtable_list_wrong(const struct db_loglist *list, int64_t now_ms);
json_t *logtable_list_json(const struct db_loglist *list, int64_t now_ms);
/* One line a log: what it is and whether it is followed, or why not. */
void logtable_list(const struct db_log_status *rows, size_t count, size_t columns);
/* One line a log: how far it is read, at what pace; below it what is wrong, and what of it was not read.
 * Narrower when the terminal is (`columns`; 0: it is none). */
void logtable_status(const struct db_log_status *rows, size_t count, const struct logtable_more *more,
                     size_t columns);
/* Where the logs come from, how old that is and what is wrong with it; "" lines: nothing for revision 0
 * without an error. */
void logtable_source(const struct db_loglist *list, int64_t now_ms);

/* One word: inconsistent, complete, ended, lost, pending, by hand, left, leaving, waiting, or the state of
 * the list (usable, readonly ...); "active" for a log added by hand. */
const char *logtable_state(const struct db_log_status *row);
/* Seconds until the backlog is read at the pace of the last minutes; -1: not to be said, or never. */
int64_t logtable_eta_s(const struct db_log_status *row);
/* Seconds since its largest head was signed; 0 for one of the future, -1: none was seen. */
int64_t logtable_head_age_s(const struct db_log_status *row, int64_t now_ms);
/* "45 s", "12 min", "7 h", "3 days", "2 years"; "-" for -1. Returns out[24]. */
char *logtable_duration(int64_t seconds, char out[24]);

/* Is its largest head signed for a time that has not come (beyond LIMIT_HEAD_FUTURE_MS)? */
bool logtable_in_future(const struct db_log_status *row, int64_t now_ms);
/* Is the list refused, or older than browsers would take it. */
bool logtable_list_stale(const struct db_loglist *list, int64_t now_ms);

#endif
