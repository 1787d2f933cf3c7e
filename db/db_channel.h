/* Channels that nobody serves any more (table channel): left behind by a configuration that was changed, they
 * would gather deliveries for ever, and an alert that waits for such a channel alone would be heard by
 * nobody. */
#ifndef CTVIGIL_DB_CHANNEL_H
#define CTVIGIL_DB_CHANNEL_H

#include "base/err.h"
#include "db/pgconn.h"

/* The channel is served by this program right now: noted once an hour at most. One that was given up
 * meanwhile is enabled again; one that was disabled on purpose is not. */
MUST_USE enum err_code db_channel_heard(struct pgconn *conn, const char *name, struct err *why);

/* Gives up channels that nobody has served for LIMIT_CHANNEL_DAYS: they are disabled, and what waited for
 * them is forgotten, so that alerts which nobody was told of are offered to the channels there are
 * (db_outbox_adopt). *retired: how many channels. */
MUST_USE enum err_code db_channel_retire(struct pgconn *conn, uint64_t *retired, struct err *why);

#endif
