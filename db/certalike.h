/* PRIVATE TO db/. Which places in logs are those of a certificate for certain. They are found by 64 bits of
 * tbs_fp and the day of not_after, and whoever means it makes two certificates that have these in common. So
 * where another stored one has the same, a place is that of the row that was first seen there, and any other
 * place may be of either. With db.store: watched the other one may have no row; then nobody knows. */
#ifndef CTVIGIL_CERTALIKE_H
#define CTVIGIL_CERTALIKE_H

#include "db/pgexec.h"
#include "model/issuance.h"

struct certalike {
    PGresult *res;
    bool any; /* there is such another one */
};

enum certalike_owner { CERTALIKE_DOUBT, CERTALIKE_THIS, CERTALIKE_OTHER };

/* The caller calls certalike_free, after an error, too. One question, to the index of one partition. */
MUST_USE enum err_code certalike_load(struct pgconn *conn, const struct issuance *issuance,
                                      struct certalike *alike, struct err *why);
void certalike_free(struct certalike *alike);

struct certalike_one {
    const uint8_t *tbs_fp;
    int64_t not_after; /* Unix seconds */
    bool any;          /* out: as above */
};

/* Only whether there is one, of many at once. */
MUST_USE enum err_code certalike_many(struct pgconn *conn, struct certalike_one *ones, size_t count,
                                      struct err *why);

/* Of a place that has these bits and that day. */
enum certalike_owner certalike_owner(const struct certalike *alike, const struct sighting *place);

#endif
