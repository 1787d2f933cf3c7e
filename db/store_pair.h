/* PRIVATE TO db/: the writer's part of db_pair.h. */
#ifndef CTVIGIL_STORE_PAIR_H
#define CTVIGIL_STORE_PAIR_H

#include "db/pgstore.h"

/* Notes every certificate of the batches that concerns a domain, expected or not, within the transaction that
 * stores it; during a repair into stage_pair. Nothing is done where none does. */
MUST_USE enum err_code store_pair_write(struct pgstore *pg, struct batch *const *batches, size_t count,
                                        struct err *why);

#endif
