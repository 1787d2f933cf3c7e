/* The certificates that a look at expiry is about (cli/expirykeeper.h), as watcher/renewal.h wants them. */
#ifndef CTVIGIL_EXPIRYROWS_H
#define CTVIGIL_EXPIRYROWS_H

#include "db/db_renewal.h"
#include "db/db_renewal_more.h"
#include "watcher/blocklist.h"
#include "watcher/renewal.h"

#define EXPIRYROWS_PAGES 2

/* Spans point into the pages, and into words. */
struct expiryrows {
    struct db_renewal_page *pages[EXPIRYROWS_PAGES];
    struct renewal_cert *certs;
    size_t count;
    uint8_t *words; /* names that were taken out of a page */
    bool full;      /* there are more, and they were not looked at */
};

/* Not all that concerns the entry has the key of its registrable domain: addresses, e-mail addresses and
 * URIs, and names below a public suffix that is or lies below its own, each of which is a registrable domain
 * of its own. */
bool expiryrows_wide(const struct watch *watch);

/* An entry under one of its keys. */
struct expiryrows_place {
    int64_t key;
    const struct watch *watch;
};
/* Those of all entries that are not wide, by key, none twice; the caller frees. */
struct expiryrows_place *expiryrows_places(const struct watch *watches, size_t watch_count, size_t *count);

/* All of a wide entry: by its keys, whose certificates of before show habits, and by what is noted as
 * concerning it. Words of names that are no DNS names and do not concern it are left out. `full` speaks of
 * what is noted: all that is not over is among that, and the rest shows habits alone. */
MUST_USE enum err_code expiryrows_load(struct pgconn *conn, const struct watch *watch, int64_t since,
                                       struct expiryrows *rows, struct err *why);

/* Of one registrable domain, or one wide entry, with more certificates than LIMIT_EXPIRY_ROWS: those that
 * count for names that run out. */
struct expiryrows_narrow {
    const struct expiryrows_place *places; /* as expiryrows_places has them; a wide one alone, its key is 0 */
    size_t place_count;
    int64_t now;
    const struct db_renewal_doubt *doubts; /* of all entries, by domain */
    size_t doubt_count;
};
MUST_USE enum err_code expiryrows_narrow(struct pgconn *conn, const struct expiryrows_narrow *what,
                                         struct expiryrows *rows, struct err *why);

/* Of the same, those of the next page whose key is listed, and which are valid at `after` (at first: now, and
 * no fingerprint); `full`: another page follows. */
MUST_USE enum err_code expiryrows_listed(struct pgconn *conn, const struct expiryrows_place *place,
                                         const struct blocklist *list, struct db_renewal_more_place *after,
                                         struct expiryrows *rows, struct err *why);

/* Row `at` of a page. */
struct renewal_cert expiryrows_cert(const struct db_renewal_row *row);
void expiryrows_free(struct expiryrows *rows);

#endif
