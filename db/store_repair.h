/* PRIVATE TO db/. Writing a suspect range again (contract: repair_begin, repair, repair_end of db/store.h).
 *
 * Everything read anew waits in the session's staging tables, and is applied in repair_end, so that no other
 * writer waits while a log is read; only the tiles, which nobody else writes, are replaced at once. What
 * goes: an issuance that was first seen at a place where the log really holds something else, and whose
 * fingerprint no tile holds any more; an alert sighting at such a place; an alert that has no sighting left
 * (closed, with the reason; what was not delivered yet is withdrawn). Findings that a wrong sighting added to
 * an alert that stays are kept. */
#ifndef CTVIGIL_STORE_REPAIR_H
#define CTVIGIL_STORE_REPAIR_H

#include "db/pgstore.h"

enum err_code store_repair_begin(struct store *store, struct store_range *range, struct err *why);
enum err_code store_repair_batch(struct store *store, struct batch *batch, uint64_t *changed,
                                 struct err *why);
enum err_code store_repair_differs(struct store *store, struct batch *batch, bool *differs, struct err *why);
enum err_code store_repair_end(struct store *store, struct store_settle *settle, bool keep, struct err *why);

#endif
