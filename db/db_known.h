/* Certificates that others kept (table unverified_cert): for `domain learn` and reviews, never for alerts. */
#ifndef CTVIGIL_DB_KNOWN_H
#define CTVIGIL_DB_KNOWN_H

#include "base/err.h"
#include "db/pgconn.h"
#include "model/watch.h"

struct db_known {
    const char *source; /* "crtsh", "certspotter" */
    const char *ref;
    const char *serial; /* hex without leading zeros; "" */
    struct watch_words names;
    const char *issuer;      /* visible text */
    struct span issuer_spki; /* these three: 32 bytes, or absent */
    struct span spki_sha256;
    struct span tbs_fp;
    const char *key_type; /* "ec-p256"; "" */
    int64_t not_before;   /* Unix seconds */
    int64_t not_after;
    bool accepted;
};

/* Adds it, or takes the place of what was imported before under the same reference; *added false: then. */
MUST_USE enum err_code db_known_put(struct pgconn *conn, const struct db_known *known, bool *added,
                                    struct err *why);
/* Between them the puts are one transaction. */
MUST_USE enum err_code db_known_begin(struct pgconn *conn, struct err *why);
MUST_USE enum err_code db_known_end(struct pgconn *conn, enum err_code code, struct err *why);

/* Those with a name that is `name`, below it (`subtree`), or a wildcard for it, valid from `since` (Unix
 * seconds) on, oldest first. What `known` points to lives during the call. */
MUST_USE enum err_code db_known_each(struct pgconn *conn, const char *name, bool subtree, int64_t since,
                                     enum err_code (*each)(void *arg, const struct db_known *known,
                                                           struct err *why),
                                     void *arg, struct err *why);

/* All of them. */
MUST_USE enum err_code db_known_all(struct pgconn *conn,
                                    enum err_code (*each)(void *arg, const struct db_known *known,
                                                          struct err *why),
                                    void *arg, struct err *why);
/* The one of that reference, which may be in both sources; ERR_NOT_FOUND. */
MUST_USE enum err_code db_known_one(struct pgconn *conn, const char *ref,
                                    enum err_code (*each)(void *arg, const struct db_known *known,
                                                          struct err *why),
                                    void *arg, struct err *why);
/* Has a log shown it? By its fingerprint, else by its serial number together with one of its names, which is
 * a hint and no proof: anybody's CA may have issued that number for that name. With `want` (32 bytes, or
 * NULL) only the issuance of that fingerprint counts. `tbs_fp` is that of the stored issuance, of the first
 * one. */
MUST_USE enum err_code db_known_seen(struct pgconn *conn, const struct db_known *known, const uint8_t *want,
                                     bool *seen, uint8_t tbs_fp[32], struct err *why);
MUST_USE enum err_code db_known_drop(struct pgconn *conn, const char *ref, uint64_t *gone, struct err *why);
/* Those that were over, and imported, LIMIT_KNOWN_DAYS ago: nobody asks for them any more. */
MUST_USE enum err_code db_known_prune(struct pgconn *conn, uint64_t *gone, struct err *why);
/* Those of domains that are registered no longer, and of no other one that is. Within a transaction. */
MUST_USE enum err_code db_known_leave(struct pgconn *conn, const char *const *names, size_t count,
                                      struct err *why);

#endif
