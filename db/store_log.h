/* PRIVATE TO db/. The part of the store's ops that is about a log rather than its entries: ranges,
 * evidence, issuer certificates. Contracts: db/store.h. */
#ifndef CTVIGIL_STORE_LOG_H
#define CTVIGIL_STORE_LOG_H

#include "db/pgstore.h"

enum err_code store_log_ranges(struct store *store, int32_t log_id, struct store_range *out, size_t max,
                               size_t *count, struct err *why);
enum err_code store_log_take(struct store *store, struct store_range *range, bool *taken, struct err *why);
void store_log_drop(struct store *store, const struct store_range *range);
enum err_code store_log_frontier(struct store *store, struct store_range *range,
                                 const struct compact *frontier, struct err *why);
/* Columns of a range as every statement of db/ gives them, and back into the struct. */
#define STORE_LOG_COLUMNS                                                                                    \
    "id, log, range_begin, range_end, next, epoch, frontier, verified, verified_frontier, begin_frontier"
enum err_code store_log_load(const PGresult *res, int row, struct store_range *range, struct err *why);
enum err_code store_log_note(struct store *store, int32_t log_id, const char *last_error, struct err *why);
enum err_code store_log_cert_get(struct store *store, const uint8_t sha256[32], struct arena *arena,
                                 struct span *der, struct err *why);
enum err_code store_log_cert_put(struct store *store, const struct store_ca *ca, struct err *why);

#endif
