/* PRIVATE TO db/. The ops of the store about CA certificates that are looked for (table issuer_want).
 * Contracts: db/store.h. */
#ifndef CTVIGIL_STORE_WANT_H
#define CTVIGIL_STORE_WANT_H

#include "db/pgstore.h"

enum err_code store_want_put(struct store *store, int32_t log_id, const uint8_t sha256[32], int64_t absent_ms,
                             struct err *why);
enum err_code store_want_list(struct store *store, int32_t log_id, struct store_want *out, size_t max,
                              size_t *count, struct err *why);

#endif
