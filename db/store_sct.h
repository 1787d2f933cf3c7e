/* PRIVATE TO db/: the writer's part of db_sct.h. */
#ifndef CTVIGIL_STORE_SCT_H
#define CTVIGIL_STORE_SCT_H

#include "db/pgstore.h"

/* Notes every final certificate of the batches that concerns a domain, has SCTs and is not over yet, within
 * the transaction that stores it; during a repair into stage_sct. Nothing is done where there is none. */
MUST_USE enum err_code store_sct_write(struct pgstore *pg, struct batch *const *batches, size_t count,
                                       struct err *why);

#endif
