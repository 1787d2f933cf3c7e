/* Certificates by their hash: where logs showed them, and those that are kept whole (der_chunk). */
#ifndef CTVIGIL_DB_DER_H
#define CTVIGIL_DB_DER_H

#include "base/err.h"
#include "db/pgconn.h"
#include "model/ctlog.h"
#include "model/issuance.h"

#define DB_DER_PLACES_MAX 64

/* A log entry whose hash begins as the one that is asked for. */
struct db_der_place {
    struct ctlog log;
    uint64_t index;
    uint64_t log_size; /* of the largest head that it signed */
    enum issuance_form form;
    bool by_sha256;  /* by the hash of the certificate; else by tbs_fp */
    bool given_up;   /* nobody reads this log any more: removed, or over */
    uint8_t sha8[8]; /* of what was read there; zero: the log sent no precertificate that fits */
};

/* Entries whose certificate, or tbs_fp, begins with the first 8 bytes of `hash`, the likeliest to be had
 * first: final certificates, then precertificates, of logs that are read; at most DB_DER_PLACES_MAX. 64 bits
 * find and never decide: whoever reads one compares the whole hash. The caller frees *places with free(). */
MUST_USE enum err_code db_der_places(struct pgconn *conn, const uint8_t hash[32],
                                     struct db_der_place **places, size_t *count, struct err *why);

/* Called with each stored certificate whose SHA-256 begins with `sha8`, until it says that this is the one.
 */
typedef bool db_der_each(void *arg, struct span der);
/* *found: `each` said so. ERR_FORMAT: a row that may hold it is damaged. */
MUST_USE enum err_code db_der_find(struct pgconn *conn, const uint8_t sha8[8], db_der_each *each, void *arg,
                                   bool *found, struct err *why);

struct db_der_merged {
    uint64_t before;  /* rows that were joined; 0: there was nothing to join */
    uint64_t damaged; /* rows that can not be unpacked, and are left alone from now on */
    uint64_t twice;   /* certificates that were stored twice */
};

/* Small commits leave small rows. Joins up to LIMIT_DER_MERGE of the month that has most of them, if these
 * are at least `least`; one transaction, any number of processes. */
MUST_USE enum err_code db_der_merge(struct pgconn *conn, uint64_t least, struct db_der_merged *merged,
                                    struct err *why);

/* Takes away up to `most` rows of certificates that expired before what is stored at all
 * (cert_removal.horizon). */
MUST_USE enum err_code db_der_drop(struct pgconn *conn, uint64_t most, uint64_t *dropped, struct err *why);

#endif
