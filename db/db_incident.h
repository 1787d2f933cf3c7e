/* Incidents that a receiver (PagerDuty) still has open although their alerts are acked or closed, or were
 * tests: they have to be ended there. Claimed by lease, like deliveries; one that can not be ended has a time
 * of its own for the next try and holds up no other. */
#ifndef CTVIGIL_DB_INCIDENT_H
#define CTVIGIL_DB_INCIDENT_H

#include "db/db_outbox.h"

struct db_incident {
    int64_t id; /* of the outbox row; 0: there is none */
    int64_t alert;
    int64_t token; /* names the claim */
    int32_t tries; /* that failed */
};

/* The first one that is due. It is nobody else's for lease_ms, nor ours when we lose the database. */
MUST_USE enum err_code db_incident_claim(struct pgconn *conn, const char *channel, int64_t lease_ms,
                                         struct db_incident *incident, struct err *why);
/* It is over there. Changes nothing when the incident was opened anew since it was claimed, or claimed by
 * somebody else; so does the other one. */
MUST_USE enum err_code db_incident_ended(struct pgconn *conn, const struct db_incident *incident,
                                         struct err *why);
/* It could not be ended: tried again in retry_ms, or `never`. */
MUST_USE enum err_code db_incident_failed(struct pgconn *conn, const struct db_incident *incident,
                                          int64_t retry_ms, bool never, struct err *why);

#endif
