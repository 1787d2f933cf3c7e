/* What must be looked after of the log list while logs are read: fetching it, applying it, finding out where
 * new logs begin, and ending the logs that end. For `run` and `ingest`; of any number of processes over one
 * database one does it at a time, and all see what it did (roles_ingest_refresh). `log update` does one round
 * by hand. */
#ifndef CTVIGIL_LISTKEEPER_H
#define CTVIGIL_LISTKEEPER_H

#include "base/conf.h"
#include "db/db_loglist.h"

struct listkeeper;

/* Looks at the keys of the configuration that concern the list, without network: ERR_CONFIG names the key. */
MUST_USE enum err_code listkeeper_check(const struct conf *conf, struct err *why);

/* A thread that looks at once and every few seconds. `conf` must live until listkeeper_stop. */
MUST_USE enum err_code listkeeper_start(const struct conf *conf, const char *dsn, struct listkeeper **keeper,
                                        struct err *why);
/* Ends what is under way, too. NULL is fine. */
void listkeeper_stop(struct listkeeper *keeper);

struct listkeeper_report {
    bool none;              /* no list is followed */
    bool unchanged;         /* it is the one that is kept */
    struct db_loglist list; /* as it is kept now */
    struct db_loglist_change change;
    uint32_t refused;   /* entries of the list that are of no use */
    uint32_t unstarted; /* logs that do not say yet where they are, */
    uint32_t unasked;   /* of these: because there is no contact (cli/contact.h) */
};

/* One round now over `conn`, whether the list is due or not; `dsn` is the same database. ERR_DB_CONFLICT:
 * another process is at it. */
MUST_USE enum err_code listkeeper_update(const struct conf *conf, const char *dsn, struct pgconn *conn,
                                         struct listkeeper_report *report, struct err *why);

/* Which list is followed? *named NULL: none, because the configuration says so, or because it says nothing
 * and logs were added by hand before. Otherwise what listfetch_source takes. */
MUST_USE enum err_code listkeeper_named(const struct conf *conf, struct pgconn *conn, const char **named,
                                        struct err *why);

#endif
