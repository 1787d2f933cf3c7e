/* Keys that become known by being used (struct watch_learning): how far that has come is a part of the
 * domain's policy. */
#ifndef CTVIGIL_DB_KEYLEARN_H
#define CTVIGIL_DB_KEYLEARN_H

#include "base/err.h"
#include "db/pgconn.h"
#include "model/watch.h"

/* What a policy does not say of learning, because who wrote it does not know: it goes on as in `old` (NULL:
 * there is none) where it asks for the same days, and begins at `now` (Unix seconds) where not; what was
 * learned before stays. False: out of memory. */
MUST_USE bool db_keylearn_carry(const struct watch *old, struct watch *watch, int64_t now);
/* Forgets what was learned and begins at `now`. */
void db_keylearn_begin(struct watch *watch, int64_t now);

/* Names of the domains whose learning time ended `grace_s` ago and is not over yet, or has no end yet; at
 * most `most`, by name. Freed by watch_free: no member but id and name is set. */
MUST_USE enum err_code db_keylearn_due(struct pgconn *conn, int64_t grace_s, size_t most,
                                       struct watch **watches, size_t *count, struct err *why);

/* Which of these keys (one after the other in `keys`, 32 bytes each) an alert of the domain is about that
 * says more than that a certificate runs out; closed ones and those of severity info do not count. hit[i] is
 * that of key i. */
MUST_USE enum err_code db_keylearn_alerted(struct pgconn *conn, int64_t domain_id, const uint8_t *keys,
                                           size_t count, bool *hit, struct err *why);

#endif
