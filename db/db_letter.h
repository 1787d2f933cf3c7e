/* Dead letters: deliveries that were given up. One alert channel_failing says so for all of a channel's,
 * through the other channels. That the channel works again does not end it, because nobody has been told of
 * what was given up: it is over when all of that was sent again (db_outbox_retry) or its alerts were
 * answered. Once it is acknowledged itself, the next delivery that is given up raises another one. */
#ifndef CTVIGIL_DB_LETTER_H
#define CTVIGIL_DB_LETTER_H

#include "db/db_outbox_many.h"

/* As db_outbox_many_failed; what is dead by that is told of in the same transaction. *raised: a new alert. */
MUST_USE enum err_code db_letter_failed(struct pgconn *conn, const struct db_outbox_item *items, size_t count,
                                        const struct db_outbox_refusal *refusal, bool *raised,
                                        struct err *why);

/* Closes that alert when nothing given up is left; NULL: of every channel. *closed: how many. */
MUST_USE enum err_code db_letter_settle(struct pgconn *conn, const char *channel, uint64_t *closed,
                                        struct err *why);

#endif
