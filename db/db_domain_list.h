/* Registered domains as `domain list` shows them. */
#ifndef CTVIGIL_DB_DOMAIN_LIST_H
#define CTVIGIL_DB_DOMAIN_LIST_H

#include "base/err.h"
#include "db/pgconn.h"

struct db_domain_row {
    int64_t id;
    const char *name;
    const char *kind; /* "dns" or "ip" */
    bool exact;
    bool wildcard_allowed;
    const char *owner;    /* NULL: none */
    const char *channels; /* JSON array of names; [] means every channel */
    const char *allow;    /* JSON array of {spki_sha256, label} */
    int64_t added_ms;
    int64_t history_ms;          /* when the stored certificates were matched; 0: still to do */
    uint64_t alerts_open;        /* new or notified */
    uint64_t thin;               /* entries read before it was added, and not all stored (view domain_thin) */
    int64_t thin_until_ms;       /* when the last of them was read; 0: there are none */
    const char *lookalike;       /* "off", "on", "strict" */
    const char *lookalike_allow; /* JSON array of names */
    const char *tags;            /* JSON array of words */
};

/* By name; the strings live during the call. */
MUST_USE enum err_code db_domain_list(struct pgconn *conn,
                                      enum err_code (*each)(void *arg, const struct db_domain_row *row,
                                                            struct err *why),
                                      void *arg, struct err *why);
/* The members `thin` and `thin_until_ms` of one; id 0: the largest of all. */
MUST_USE enum err_code db_domain_list_thin(struct pgconn *conn, int64_t id, uint64_t *entries,
                                           int64_t *until_ms, struct err *why);

#endif
