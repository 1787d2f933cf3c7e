/* Whose look-alikes are told of, and which names are none: the keys lookalike and lookalike_allow of a policy
 * (db/watchjson.h), changed one by one. A change raises the generation of domains in the same transaction, so
 * that every process takes it over. */
#ifndef CTVIGIL_DB_LOOKALIKE_H
#define CTVIGIL_DB_LOOKALIKE_H

#include "base/err.h"
#include "db/pgconn.h"
#include "model/watch.h"

/* Inside the transaction that adds a domain: ERR_TOO_BIG when more than LIMIT_LOOKALIKE_BRANDS want them. */
MUST_USE enum err_code db_lookalike_room(struct pgconn *conn, const struct watch *watch, struct err *why);

/* ERR_NOT_FOUND: no such domain. */
MUST_USE enum err_code db_lookalike_set(struct pgconn *conn, const char *domain, enum watch_lookalike level,
                                        struct err *why);
/* `name` in normal form. Alerts about it that are open are acknowledged, with that as the reason, and
 * counted; what is still to be delivered of them is withdrawn. Allowing twice is no error. */
MUST_USE enum err_code db_lookalike_allow(struct pgconn *conn, const char *domain, const char *name,
                                          uint64_t *acked, struct err *why);
/* ERR_NOT_FOUND: the domain, or the name in its list, is not there. */
MUST_USE enum err_code db_lookalike_forbid(struct pgconn *conn, const char *domain, const char *name,
                                           struct err *why);

#endif
