/* Are the rules of two watches the same, as the tables domain and domain_allow have them? */
#ifndef CTVIGIL_DB_WATCHSAME_H
#define CTVIGIL_DB_WATCHSAME_H

#include "base/err.h"
#include "model/watch.h"

/* Allowed CAs in one order and each once, as the table has them. */
void db_watchsame_sort(struct watch *watch);
/* Without id, version and name; sorts the allowed CAs of both. What can not be written is not the same. */
MUST_USE bool db_watchsame(struct watch *a, struct watch *b);

#endif
