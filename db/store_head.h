/* PRIVATE TO db/. The part of the store's ops that is about signed heads. Contracts: db/store.h. */
#ifndef CTVIGIL_STORE_HEAD_H
#define CTVIGIL_STORE_HEAD_H

#include "db/pgstore.h"

enum err_code store_head_put(struct store *store, int32_t log_id, const struct head *head, bool *fork,
                             struct head *other, struct err *why);
enum err_code store_head_list(struct store *store, int32_t log_id, uint64_t above, struct head *out,
                              size_t max, size_t *count, struct err *why);
enum err_code store_head_claims(struct store *store, int32_t log_id, uint64_t below, struct head *out,
                                size_t max, size_t *count, struct err *why);
enum err_code store_head_judged(struct store *store, int32_t log_id, const struct head *head, bool fits,
                                struct err *why);
enum err_code store_head_since(struct store *store, int32_t log_id, const struct head *head, int64_t *seen_ms,
                               struct err *why);
enum err_code store_head_refuted(struct store *store, int32_t log_id, const struct head *head, bool *refuted,
                                 struct err *why);
enum err_code store_head_others(struct store *store, const struct batch *batch, bool *others,
                                struct err *why);

#endif
