/* PRIVATE TO db/. What was matched and not stored because the disk was nearly full (table log_gap; loadbad.h
 * adds what was damaged): written by the commit that moves the position over it, so that no entry is neither
 * stored nor in the table; turned into a range that is read again when there is room. */
#ifndef CTVIGIL_STORE_GAP_H
#define CTVIGIL_STORE_GAP_H

#include "db/pgstore.h"

/* The entries of the settle are not stored. The first gap of all raises the alert coverage_gap. Part of the
 * caller's transaction. */
MUST_USE enum err_code store_gap_add(struct pgstore *pg, const struct store_settle *settle, struct err *why);
/* There is room: the gaps of the log become ranges of their own, as far as the tree over them was compared
 * with a signed head. What was read is cut in front of and behind each; whoever holds the range reloads. The
 * last gap that goes closes the alert. Transactions of its own. */
MUST_USE enum err_code store_gap_reread(struct pgstore *pg, int32_t log_id, struct err *why);
/* A repair of the range stores what it read again (stage_entry), gaps among it: they are none any more. What
 * it leaves of one was computed from bytes that are verified. Before the position of the repair is written;
 * part of the caller's transaction. */
MUST_USE enum err_code store_gap_filled(struct pgstore *pg, const struct store_range *range, struct err *why);

#endif
