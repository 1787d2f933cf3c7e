/* Registered domains (tables domain, domain_allow, domain_generation) and what has been stored before they
 * came. */
#ifndef CTVIGIL_DB_DOMAIN_H
#define CTVIGIL_DB_DOMAIN_H

#include <stdatomic.h>

#include "base/err.h"
#include "db/db_history_size.h"
#include "db/pgconn.h"
#include "model/alert.h"
#include "model/watch.h"

/* Adds the domain under the generation lock and returns its id and the new generation; ERR_EXISTS when
 * registered. Alerts of a domain of that name that was removed belong to it again, in the state they had. */
MUST_USE enum err_code db_domain_add(struct pgconn *conn, const struct watch *watch,
                                     const char *const *channels, size_t channel_count, int64_t *id,
                                     uint64_t *generation, struct err *why);

enum db_domain_change { DB_DOMAIN_SAME, DB_DOMAIN_ADDED, DB_DOMAIN_CHANGED };

/* What db_domain_apply is to do, and what it did. */
struct db_domain_apply {
    struct watch *watches; /* ids are filled, and allowed CAs are sorted */
    size_t count;
    bool prune;                                 /* registered ones that are not among them are removed */
    bool dry_run;                               /* nothing is written */
    void (*other)(void *arg, const char *name); /* called for each of those, removed or not; may be NULL */
    void *arg;
    enum db_domain_change *changes; /* of each watch; the caller has room for them */
};

/* Makes the registered domains those watches, in one transaction under the generation lock. A domain whose
 * rules or items changed is as one that was added: its history is still to be scanned. Nothing to do leaves
 * the generation as it is. */
MUST_USE enum err_code db_domain_apply(struct pgconn *conn, struct db_domain_apply *apply, struct err *why);

/* Changes to rules of registered domains that follow from what they are now. */
struct db_domain_edit {
    bool (*each)(void *arg, struct watch *watch); /* true: it changed the rules */
    void *arg;
    bool milder;           /* no change makes a rule stricter: the history needs no scan */
    bool dry_run;          /* nothing is written */
    struct watch *watches; /* out: all domains, those that changed first; watch_free with `count` */
    size_t count;
    size_t changed;
};

/* One transaction under the generation lock, so that nobody's change in between is lost. */
MUST_USE enum err_code db_domain_edit(struct pgconn *conn, struct db_domain_edit *edit, struct err *why);
MUST_USE enum err_code db_domain_remove(struct pgconn *conn, const char *name, struct err *why);
/* All domains, by name; the caller frees with watch_free. `generation` is the one they belong to (same
 * snapshot). */
MUST_USE enum err_code db_domain_load(struct pgconn *conn, struct watch **watches, size_t *count,
                                      uint64_t *generation, struct err *why);
/* Those that are still registered of `ids`, by name. */
MUST_USE enum err_code db_domain_load_some(struct pgconn *conn, const int64_t *ids, size_t id_count,
                                           struct watch **watches, size_t *count, struct err *why);
/* All, within a transaction of the caller. */
MUST_USE enum err_code db_domain_load_within(struct pgconn *conn, struct watch **watches, size_t *count,
                                             struct err *why);
MUST_USE enum err_code db_domain_generation(struct pgconn *conn, uint64_t *generation, struct err *why);

/* Calls `each` for every stored issuance that could concern the domain (superset: the matcher decides), with
 * its sightings (sha256 zero: not stored); the spans live during the call. Its issuer counts as proven also
 * where a precertificate of it commits to the key that a log claimed. Names with placeholders and
 * certificates without a registrable domain are included. What is stored under the keys is counted first, so
 * that many of them that have nothing cost little; there is no order. `stop` (may be NULL) ends only the wait
 * for what a backfill has put down (db_load_settle); `each` ends the rest by an error. ERR_DB_PART: some of
 * that could not be put in its place; `each` was called for everything else. */
MUST_USE enum err_code db_domain_history(struct pgconn *conn, const struct watch *watch,
                                         enum err_code (*each)(void *arg, const struct issuance *issuance,
                                                               const struct sighting *sightings, size_t count,
                                                               struct err *why),
                                         void *arg, const atomic_bool *stop, struct err *why);

/* How far one came who does not do it in one go; all zeros: at the beginning. */
struct db_domain_history_place {
    uint32_t part; /* of the parts of the whole, which depend on the watch and the public suffix list alone */
    bool begun;    /* that part, as far as the following say */
    int64_t not_before_ms;
    uint8_t tbs_fp[32];
    int32_t issuer;
    uint8_t state[32]; /* of the rules it is a place for: of db_pending_place, for db_pending_keep */
    /* in: no further page from this time on (clock_mono_ms); 0, and set to 0 with ERR_DB_PART: to the end */
    int64_t until_ms;
    bool more; /* out: that time came before the end */
};
/* The same from a place on, which it moves with every row that `each` took. */
MUST_USE enum err_code db_domain_history_from(
    struct pgconn *conn, const struct watch *watch, struct db_domain_history_place *place,
    enum err_code (*each)(void *arg, const struct issuance *issuance, const struct sighting *sightings,
                          size_t count, struct err *why),
    void *arg, const atomic_bool *stop, struct err *why);
/* The same by sizes that were counted (db_history_size_load) after the domain was committed, for its keys and
 * maybe others: keys without anything are passed over, those with little are read many at once. */
MUST_USE enum err_code db_domain_history_counted(
    struct pgconn *conn, const struct watch *watch, const struct db_history_size *size,
    enum err_code (*each)(void *arg, const struct issuance *issuance, const struct sighting *sightings,
                          size_t count, struct err *why),
    void *arg, struct err *why);
/* Unless its rules are others by now than those of the watch (`rules`), or it is gone: *done (may be NULL) is
 * false then, and the domain as pending as it is. */
MUST_USE enum err_code db_domain_history_done(struct pgconn *conn, int64_t id, int64_t rules, bool *done,
                                              struct err *why);

#endif
