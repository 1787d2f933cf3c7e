/* Claiming the delivery of one alert out of turn: a test alert must not wait behind, or set off, all the
 * others. */
#ifndef CTVIGIL_DB_OUTBOX_ONE_H
#define CTVIGIL_DB_OUTBOX_ONE_H

#include "db/db_outbox.h"

/* As db_outbox_claim, for the row of (alert, channel). *claimed false: it is not due, or another notifier has
 * it. */
MUST_USE enum err_code db_outbox_one(struct pgconn *conn, int64_t alert, const char *channel,
                                     int64_t lease_ms, struct db_outbox_item *item, bool *claimed,
                                     struct err *why);

#endif
