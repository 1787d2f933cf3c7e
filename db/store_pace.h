/* PRIVATE TO db/: how fast operators are asked (store.h: pace, page). */
#ifndef CTVIGIL_STORE_PACE_H
#define CTVIGIL_STORE_PACE_H

#include "db/pgstore.h"

MUST_USE enum err_code store_pace_move(struct store *store, const char *operator_key, const char *source,
                                       void (*step)(void *arg, struct pace *pace, bool found, int64_t now_ms),
                                       void *arg, struct err *why);
MUST_USE enum err_code store_pace_page(struct store *store, int32_t log_id, uint32_t page, uint32_t align,
                                       struct err *why);

#endif
