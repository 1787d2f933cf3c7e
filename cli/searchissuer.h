/* Whom --issuer, issuer: and ca: mean, in the forms that other commands take for a CA (cli/allow.h). */
#ifndef CTVIGIL_SEARCHISSUER_H
#define CTVIGIL_SEARCHISSUER_H

#include "base/err.h"
#include "db/query.h"

/* Keys that a name stands for; all zero at first. */
struct searchissuer {
    uint8_t (*keys)[32];
    size_t count;
};

/* What needs no database, and a cursor is bound to: "cert:FILE" in query->issuer becomes the SHA-256 of the
 * certificate's key. *warning says what looks wrong with it. */
MUST_USE enum err_code searchissuer_read(struct query *query, struct err *warning, struct err *why);
/* The keys of "ca:OWNER", which are all that is meant then (ERR_USAGE: no such owner is known), and of a
 * domain as in CAA records, which may be a part of a name as well. Asks the open database, or else what the
 * program was born with. The keys must live as long as the query. */
MUST_USE enum err_code searchissuer_find(struct searchissuer *issuer, struct query *query,
                                         struct err *warning, struct err *why);
void searchissuer_free(struct searchissuer *issuer);

#endif
