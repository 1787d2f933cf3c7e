/* What is stored of the certificates of registered domains, as far as it says when they run out and how they
 * were renewed; and the alerts about that, which are told apart by their dedup:
 * "expiry:DOMAIN:NAMES:CERTIFICATE". */
#ifndef CTVIGIL_DB_RENEWAL_H
#define CTVIGIL_DB_RENEWAL_H

#include "base/arena.h"
#include "base/err.h"
#include "db/pgconn.h"
#include "model/alert.h"

/* One issuance that is found by `key` (db/dbkey.h, of a registrable domain). */
struct db_renewal_row {
    int64_t key;
    int64_t not_before; /* Unix seconds */
    int64_t not_after;
    uint8_t tbs_fp[32];
    uint8_t name_set[32]; /* SHA-256 of the names, each once, sorted, parted by blanks */
    uint8_t spki[32];
    struct span names;  /* as stored (db/dbkey.h); valid until the page is freed */
    struct span issuer; /* the organisation of its name, or all of it */
};

struct db_renewal_page; /* rows in the order of their keys */

/* Those of certificates (not of CAs) that are over at `since` (Unix seconds) or later, at most `most`, those
 * that end last. *full: there may be more. One statement, by the index of cert and cert_apex. */
MUST_USE enum err_code db_renewal_load(struct pgconn *conn, const int64_t *keys, size_t key_count,
                                       int64_t since, size_t most, struct db_renewal_page **page, bool *full,
                                       struct err *why);
size_t db_renewal_count(const struct db_renewal_page *page);
void db_renewal_get(const struct db_renewal_page *page, size_t at, struct db_renewal_row *row);
void db_renewal_free(struct db_renewal_page *page); /* NULL: nothing */

/* Seconds since 1970 by the clock of the database. */
MUST_USE enum err_code db_renewal_now(struct pgconn *conn, int64_t *now, struct err *why);

/* Another one: what is registered, or expected of it, has changed. */
MUST_USE enum err_code db_renewal_generation(struct pgconn *conn, int64_t *generation, struct err *why);

/* Issuances that may be somebody else's: an alert of severity high or critical that says so is open, and the
 * domain says which CAs it expects. By domain and tbs_fp; the caller frees. */
struct db_renewal_doubt {
    int64_t domain_id;
    uint8_t tbs_fp[32];
};
MUST_USE enum err_code db_renewal_doubts(struct pgconn *conn, struct db_renewal_doubt **list, size_t *count,
                                         struct err *why);

/* Open alerts, acknowledged ones as well. */
struct db_renewal_alert {
    int64_t id;
    int64_t domain_id; /* 0: it is registered no more */
    uint8_t tbs_fp[32];
    char dedup[128];
    char rules[256]; /* of its findings, each with a blank behind it */
    bool acked;
};
/* By domain_id, then tbs_fp; of two about one certificate the one that is acknowledged, then the older. */
MUST_USE enum err_code db_renewal_alerts(struct pgconn *conn, struct db_renewal_alert **list, size_t *count,
                                         struct err *why);
/* Closes it, takes back what waits to be delivered, and tells whoever was told (event withdrawn). */
MUST_USE enum err_code db_renewal_close(struct pgconn *conn, int64_t alert, const char *reason,
                                        struct err *why);

/* Has an alert of that domain and issuance, in whatever state, a finding of this rule? */
MUST_USE enum err_code db_renewal_has(struct pgconn *conn, int64_t domain_id, const uint8_t tbs_fp[32],
                                      const char *rule, bool *has, struct err *why);

struct db_renewal_cert {
    struct issuance issuance;
    struct sighting *seen;
    size_t seen_count;
    struct db_renewal_page *held; /* what the spans point into, beside the arena */
};
/* The whole row, for an alert about it; the caller frees `held`, also after an error. *found false: it is
 * gone. */
MUST_USE enum err_code db_renewal_cert(struct pgconn *conn, const uint8_t tbs_fp[32], int64_t not_after,
                                       struct arena *arena, struct db_renewal_cert *cert, bool *found,
                                       struct err *why);

#endif
