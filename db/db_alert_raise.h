/* Raises an alert outside of the ingest transaction: from the history scan, from `alert test`, from the
 * watcher about its own channels. What ingest finds is written by its own commit, by the same statements
 * (db/store_alert.h): one row per (domain, issuance), sightings added, outbox rows for a new alert, or one
 * that is graver than before, and only for enabled channels. */
#ifndef CTVIGIL_DB_ALERT_RAISE_H
#define CTVIGIL_DB_ALERT_RAISE_H

#include "base/err.h"
#include "db/pgconn.h"
#include "model/alert.h"

/* Writes `alert` (finding_count > 0) with `sightings`. `dedup` names an alert that is not about one domain
 * and one issuance ("malformed:<fp>", "test:<random>"); NULL otherwise. *raised false: it was there already
 * and was only added to, or its domain is gone (id 0). `id` may be NULL. One transaction. */
MUST_USE enum err_code db_alert_raise(struct pgconn *conn, const struct alert *alert,
                                      const struct sighting *sightings, size_t sighting_count,
                                      const char *dedup, int64_t *id, bool *raised, struct err *why);

#endif
