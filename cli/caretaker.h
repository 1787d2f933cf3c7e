/* What must be looked after while the program runs, whoever began it: domains whose history was never scanned
 * to its end, alerts that wait for a channel that nobody runs, and logs that are out of date. For `run`,
 * `watch` and `ingest`; any number of processes may do it over one database. */
#ifndef CTVIGIL_CARETAKER_H
#define CTVIGIL_CARETAKER_H

#include "watcher/history.h"

/* The history scan of one registered domain, as watcher/history.h; waits while another process is at it. A
 * caller that registers a domain takes the lock (caretaker_claim) on `conn` before, so that nobody else
 * begins between the two. */
MUST_USE enum err_code caretaker_claim(struct pgconn *conn, const char *name, struct err *why);
MUST_USE enum err_code caretaker_scan(const char *dsn, struct pgconn *conn, const struct watch *watch,
                                      struct history_result *result, struct err *why);
/* Several in one pass, at most HISTORY_TOGETHER_MAX. Who registers many takes DB_PENDING_MANY before, as
 * above; here it is taken once more and given back. `all` as in struct history_reader. After an error none is
 * done; results[i].outdated: that one is not. */
MUST_USE enum err_code caretaker_scan_all(const char *dsn, struct pgconn *conn,
                                          const struct watch *const *watches, size_t count,
                                          struct history_all *all, struct history_result *results,
                                          struct err *why);

/* Who is told in a dry run of what would be raised, and of what is as expected (may be NULL). */
struct caretaker_dry {
    void (*would)(void *arg, const struct alert *alert, const struct sighting *sightings, size_t count);
    void (*kept)(void *arg, const struct alert *alert, const struct sighting *sightings, size_t count);
    void *arg;
    const atomic_bool *stop; /* NULL: never */
};

/* The same without a trace: nothing is written (watcher/history.h), and no lock is taken. */
MUST_USE enum err_code caretaker_try(const char *dsn, struct pgconn *conn, const struct watch *const *watches,
                                     size_t count, const struct caretaker_dry *dry,
                                     struct history_result *results, struct err *why);

/* One look: scans every pending domain that no other process is at, says which alerts nobody will deliver.
 * A domain that fails is said and stays pending; the code is that of the first failure. Once *stop is true
 * (NULL: never) what is under way is ended, and the rest is left to the next look: ERR_CLOSED. */
MUST_USE enum err_code caretaker_look(const char *dsn, const atomic_bool *stop, struct err *why);

struct caretaker;

/* A thread that looks at once and every minute; of a process that reads logs (`reads`) it also looks whether
 * one is out of date. */
MUST_USE enum err_code caretaker_start(const char *dsn, bool reads, struct caretaker **caretaker,
                                       struct err *why);
/* Ends a scan that is under way, too: the domain stays pending. NULL is fine. */
void caretaker_stop(struct caretaker *caretaker);

#endif
