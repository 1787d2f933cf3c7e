/* Names of CAs as they were imported (table trust_caa): domains of CAA records, and owners as "ca:NAME" in
 * normal form (trust/caatable.h). */
#ifndef CTVIGIL_DB_CAA_H
#define CTVIGIL_DB_CAA_H

#include "base/err.h"
#include "db/pgconn.h"

/* Did any import have that part ("caa", "owners")? */
MUST_USE enum err_code db_caa_imported(struct pgconn *conn, const char *part, bool *imported,
                                       struct err *why);

struct db_caa {
    uint64_t keys;
    uint64_t unknown; /* certificates that have the name, and of which no key is known */
};

/* Every key of that name, with what its owners are called ("Amazon"; "" when no import says it). */
MUST_USE enum err_code db_caa_keys(struct pgconn *conn, const char *name,
                                   void (*each)(void *arg, const uint8_t key[32], const char *owner),
                                   void *arg, struct db_caa *found, struct err *why);
/* The names that stand for a key, domains first. */
MUST_USE enum err_code db_caa_words(struct pgconn *conn, const uint8_t key[32],
                                    void (*each)(void *arg, const char *name), void *arg, struct err *why);
MUST_USE enum err_code db_caa_names(struct pgconn *conn, void (*each)(void *arg, const char *name), void *arg,
                                    struct err *why);

#endif
