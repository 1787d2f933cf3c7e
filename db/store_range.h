/* PRIVATE TO db/. The ops of the store that change which ranges a log has. Contracts: db/store.h. */
#ifndef CTVIGIL_STORE_RANGE_H
#define CTVIGIL_STORE_RANGE_H

#include "db/pgstore.h"

enum err_code store_range_split(struct store *store, const struct store_range *range, uint64_t at, bool *cut,
                                struct err *why);
enum err_code store_range_meet(struct store *store, const struct store_range *range, bool blind,
                               enum store_meet *met, struct err *why);
/* Inside a transaction: may the log have `more` ranges? Of two that would make some at once the second one
 * may not, or there would be one too many, and who reads it would not see the last one. */
enum err_code store_range_room(struct pgstore *pg, int32_t log_id, unsigned more, bool *room,
                               struct err *why);

#endif
