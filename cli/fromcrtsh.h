/* What crt.sh answers to an identity search with output=json: an array of certificates, of which it tells
 * issuer, names that fitted, validity and serial number, and no hash. Precertificate and certificate are two
 * members with one serial number, and become one. */
#ifndef CTVIGIL_FROMCRTSH_H
#define CTVIGIL_FROMCRTSH_H

#include "db/db_known.h"

struct fromcrtsh {
    enum err_code (*each)(void *arg, const struct db_known *known, struct err *why);
    void *arg;
    uint64_t passed; /* out: members that are no certificate of that form */
    char first[160]; /* out: what is wrong with the first of these; "" */
};

/* ERR_FORMAT names line and column where the text ends to be JSON, or says what it is instead. */
MUST_USE enum err_code fromcrtsh_read(struct span text, struct fromcrtsh *reading, struct err *why);

#endif
