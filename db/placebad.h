/* PRIVATE TO db/. What a row of place_block may have held that is none any more (sql/0075_place_bad.sql). */
#ifndef CTVIGIL_PLACEBAD_H
#define CTVIGIL_PLACEBAD_H

#include "db/pgexec.h"

/* Where the row said that it stands. */
struct placebad {
    int64_t kind;
    int64_t level;
    int64_t bucket;
};

/* Notes that keys of its bucket are missing now, in the transaction that takes the row out; what was made
 * anew of the bucket so far does not count. A row that can not say where it stood may have held any key. */
MUST_USE enum err_code placebad_note(struct pgconn *conn, const struct placebad *row, struct span keys,
                                     struct span places, struct err *why);

#endif
