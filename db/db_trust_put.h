/* Stores what an import took (trust/catake.h): one transaction, a new bundle, each part held against what was
 * there. The same files again change nothing. */
#ifndef CTVIGIL_DB_TRUST_PUT_H
#define CTVIGIL_DB_TRUST_PUT_H

#include "base/err.h"
#include "db/db_trust_loss.h"
#include "db/pgconn.h"
#include "trust/catake.h"

struct db_trust_put {
    int64_t bundle; /* its number; that of before when `known` */
    bool known;     /* these files were imported before, and nothing newer came since */
    uint64_t rules_new;
    uint64_t rules_gone; /* of these, blocks stay in force (sql/0040) */
    uint64_t certs_new;
    uint64_t edges_new;
    char older[DB_TRUST_LOSS_TEXT]; /* a part that is older than the one before; "": none */
};

/* `sha256` stands for the files as a whole; `report` is JSON. Certificates with their bytes go to
 * issuer_cert, where their edges are looked for. Without `force` an import that takes many roots from a
 * store is refused (db/db_trust_loss.h). */
MUST_USE enum err_code db_trust_put(struct pgconn *conn, const struct catake *take, const uint8_t sha256[32],
                                    int64_t dated_ms, const char *report, bool force,
                                    struct db_trust_put *done, struct err *why);

#endif
