/* Is the tree that a log list calls final a part of the tree that we rebuilt? The final head need not be the
 * one that is served: a log may have signed a few entries more. Asks the log for the proof where the sizes
 * differ. */
#ifndef CTVIGIL_FINALHEAD_H
#define CTVIGIL_FINALHEAD_H

#include "ingest/courtesy.h"
#include "model/head.h"

/* `head` is one that our tree equalled, of at least final_size entries. ERR_OK: it is. ERR_INCONSISTENT: its
 * tree of that size is another one, by the log's own proof. ERR_PROOF, ERR_FORMAT: the log proves neither,
 * which may be its own fault and need not last. Other codes: it could not be asked. Asks what claims.c asks
 * (frontier.h), each document within the budget of its operator. Waits; `stop` (may be NULL) ends that. */
MUST_USE enum err_code finalhead_check(const struct courtesy *courtesy, const struct ctlog *log,
                                       uint64_t final_size, const uint8_t final_root[32],
                                       const struct head *head, const atomic_bool *stop, struct err *why);

#endif
