/* PRIVATE TO db/. Alerts of a commit: staged one row per sighting, then written by sets. One alert per
 * (domain, issuance); further sightings add what they found; outbox rows come with a new alert only. */
#ifndef CTVIGIL_STORE_ALERT_H
#define CTVIGIL_STORE_ALERT_H

#include "db/pgstore.h"

/* Fills stage_alert from the alerts of the batches that have findings; numbers them from *ord on, which is
 * moved. */
MUST_USE enum err_code store_alert_stage(struct pgstore *pg, struct batch *const *batches, size_t count,
                                         int32_t *ord, struct err *why);
/* Writes what is staged, inside the caller's transaction that holds the domains' generation. */
MUST_USE enum err_code store_alert_write(struct pgstore *pg, struct err *why);
/* One alert log_inconsistent for the evidence, once per (log, kind, begin). */
MUST_USE enum err_code store_alert_log(struct pgstore *pg, const struct store_evidence *evidence,
                                       struct err *why);

#endif
