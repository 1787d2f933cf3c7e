/* PRIVATE TO db/. What is stored of single places of a log. */
#ifndef CTVIGIL_STORE_PLACE_H
#define CTVIGIL_STORE_PLACE_H

#include "db/store.h"

/* The operation `places` of db/store.h. */
MUST_USE enum err_code store_place_list(struct store *store, int32_t log_id, uint64_t begin,
                                        struct store_place *out, size_t count, struct err *why);

#endif
