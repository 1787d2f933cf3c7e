/* PRIVATE TO db/. The accounts of a log that contradicted itself and what is told of them. What a log does
 * once is one incident: an alert that nobody has dealt with takes all accounts of the same cause while the
 * cause lasts, and says the most exact one (sql: evidence_incident, evidence_rank). Of each log and kind only
 * LIMIT_ACCOUNTS_HOUR are kept within an hour, further ones are counted: who signs thousands of heads fills
 * neither disk nor mailbox, and hides no other kind. */
#ifndef CTVIGIL_STORE_INCIDENT_H
#define CTVIGIL_STORE_INCIDENT_H

#include "db/pgstore.h"

/* The operations `inconsistent` and `account_room` of db/store.h. */
MUST_USE enum err_code store_incident_put(struct store *store, const struct store_evidence *evidence,
                                          struct err *why);
MUST_USE enum err_code store_incident_room(struct store *store, const struct store_evidence *evidence,
                                           bool *room, struct err *why);
/* Something came that may end what accounts of the log are about: when that is so it is noted. Part of the
 * caller's transaction, if there is one. */
MUST_USE enum err_code store_incident_over(struct pgstore *pg, int32_t log_id, struct err *why);

#endif
