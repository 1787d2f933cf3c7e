/* PRIVATE TO db/. Alerts on their way into the tables: staged one row per sighting, then written by sets; by
 * a commit of ingest, and by db_alert_raise for everybody else. One alert per (domain, issuance); further
 * sightings add what they found. A new alert is told through every channel. One that is graver than when it
 * was told, or that comes back after a repair had withdrawn it, is new again and told again (alert.event). */
#ifndef CTVIGIL_STORE_ALERT_H
#define CTVIGIL_STORE_ALERT_H

#include "db/pgstore.h"

/* Fills stage_alert from the alerts of the batches that have findings; numbers them from *ord on, which is
 * moved. */
MUST_USE enum err_code store_alert_stage(struct pgstore *pg, struct batch *const *batches, size_t count,
                                         int32_t *ord, struct err *why);
/* The same by hand: begin, put, copy_end. `conn` has the staging tables (db/stage.h) and a transaction. */
struct store_alert_place {
    const char *dedup;               /* NULL: domain and tbs_fp name the alert */
    const struct sighting *sighting; /* log_id 0: none, only its time counts */
};
void store_alert_begin(struct copy *copy, struct pgconn *conn, struct err *why);
void store_alert_put(struct copy *copy, struct buf *scratch, const struct alert *alert,
                     const struct store_alert_place *place, int32_t ord);
/* Writes what is staged, inside the caller's transaction. Ingest's holds the domains' generation. */
MUST_USE enum err_code store_alert_write(struct pgconn *conn, struct err *why);

#endif
