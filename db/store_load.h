/* PRIVATE TO db/. The first half of a backfill: what expired is put down in the order it comes, without any
 * index, in the transaction that stores its places (db_load.h puts it into its partitions). Streams of COPY:
 * as an INSERT of the same rows it costs three times as much. */
#ifndef CTVIGIL_STORE_LOAD_H
#define CTVIGIL_STORE_LOAD_H

#include "db/pgstore.h"

/* Puts down what was collected and expires before pg->load_before_ms. What stage_certs takes afterwards is
 * the rest, until store_load_all. Inside the transaction. */
MUST_USE enum err_code store_load_put(struct pgstore *pg, const struct store_settle *settle, struct err *why);
/* The range was compared with a signed head, and what was computed of it until now was wrong: so is what was
 * noted of the tree behind what is verified. Inside the transaction. */
MUST_USE enum err_code store_load_doubt(struct pgstore *pg, const struct store_settle *settle,
                                        struct err *why);
/* From here on stage_certs takes everything again. */
void store_load_all(struct pgstore *pg);

#endif
