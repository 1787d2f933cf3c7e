/* The policy of a newly registered domain over what is stored already. Together with the generation lock of
 * ingest (db/db_domain.h) nothing is missed: what is committed before the domain's generation is found here,
 * what comes later is matched by the writer. Both are judged by match_batch (watcher/match.h), so both say
 * the same. It may run again at any time: an alert that exists is only added to. */
#ifndef CTVIGIL_HISTORY_H
#define CTVIGIL_HISTORY_H

#include <stdatomic.h>

#include "db/db_domain.h"
#include "db/db_malformed.h"
#include "model/entry.h"
#include "model/watch.h"
#include "watcher/match.h"
#include "watcher/together.h"

struct history_result {
    uint64_t concerned; /* stored issuances and unreadable entries that concern the domain */
    uint64_t raised;    /* new alerts of the domain */
    uint64_t nobody;    /* new alerts of no domain: what could be anybody's, met on the way */
    /* An allowed CA is said to have issued them, but only by the log: no precertificate commits to the key,
     * and the certificate's bytes are no longer there to check the signature with. Each has an alert that
     * says so.
     */
    uint64_t claimed;
    bool outdated; /* its rules changed meanwhile, or it was removed: it was not marked as done */
};

/* How the bytes of an entry become what ingest made of them when they came: the watcher knows no log. */
struct history_reader {
    /* Fills `entry` (zeroed, but for index, timestamp_ms and sighting.log_id) from row->leaf and row->extra;
     * memory from `arena`. */
    enum err_code (*read)(void *arg, const struct db_malformed_row *row, struct arena *arena,
                          struct entry *entry, struct err *why);
    void *arg;
    struct match_prove prove; /* of entries that were read again */
    /* A dry run: every alert goes here instead of the database, the domain stays as pending as it is, and
     * what could be anybody's is left out. NULL: no dry run. */
    void (*dry)(void *arg, const struct alert *alert, const struct sighting *sightings, size_t count);
    /* In a dry run, each stored issuance that concerns a domain and is as expected (finding_count 0); NULL:
     * nobody asks. */
    void (*kept)(void *arg, const struct alert *alert, const struct sighting *sightings, size_t count);
    void *dry_arg;
    /* Begin here, and leave off when its time has come: `more` then, and no domain is marked as done. NULL:
     * from the beginning to the end. */
    struct db_domain_history_place *place;
    /* Of the keys of all the watches, counted after they were committed; NULL: it is counted here. Not with
     * `place`. */
    const struct db_history_size *size;
    /* Every registered domain, loaded when it is needed and kept for the next scan; NULL: for none. */
    struct history_all *all;
    const atomic_bool *stop; /* ends the scan with ERR_CLOSED when it turns true; NULL: never */
};

/* All zeros: nothing is loaded. */
struct history_all {
    struct watchset *set;
};
void history_all_free(struct history_all *all);

/* `read` and `write` are two connections: rows are written while others are still being read. Marks the
 * domain as done at the end, if its rules are still those of the watch. */
MUST_USE enum err_code history_run(struct pgconn *read, struct pgconn *write, const struct watch *watch,
                                   const struct history_reader *reader, struct history_result *result,
                                   struct err *why);

#define HISTORY_TOGETHER_MAX 4096

/* The same for several domains in one pass; results[i] is that of watches[i]. What could be anybody's is
 * counted with the first one (nobody), and not in `concerned`, because of several nobody can say whom. An
 * error is that of all: none is marked as done then. ERR_DB_PART: everything was looked at and raised but
 * what a backfill put down and nobody can put in its place. */
MUST_USE enum err_code history_run_all(struct pgconn *read, struct pgconn *write,
                                       const struct watch *const *watches, size_t count,
                                       const struct history_reader *reader, struct history_result *results,
                                       struct err *why);

#endif
