/* Raised alerts as people and receivers see them (tables alert, alert_sighting, outbox). Raising one outside
 * of ingest: db/db_alert_raise.h. */
#ifndef CTVIGIL_DB_ALERT_H
#define CTVIGIL_DB_ALERT_H

#include "base/err.h"
#include "db/pgconn.h"

struct db_alert_sighting {
    const char *log; /* name */
    const char *log_url;
    uint64_t index;
    const char *form; /* "final", "precert", "poisoned", "unparsed" */
    int64_t timestamp_ms;
    bool verified;
};

struct db_alert_delivery {
    const char *channel;
    const char *state; /* "pending", "sent", "dead", "withdrawn" */
    int32_t tries;
    int64_t next_try_ms;
    int64_t sent_ms; /* 0: not sent */
    const char *last_error;
};

/* One alert. The strings live during the call it was handed to. */
struct db_alert_row {
    int64_t id;
    const char *kind;
    const char *severity;
    const char *domain; /* NULL: about a log, or a placeholder that could be anybody's */
    const char *log;    /* set when domain is not: what it is about, or where it was first seen */
    const char *name;   /* NULL: none */
    const char *tags;   /* JSON array, of the domain as it is now; NULL: none */
    const char *owner;  /* the same; NULL: none */
    bool has_fp;
    uint8_t tbs_fp[32];
    const char *findings; /* JSON array as stored: [{kind, rule, severity, expected, found}] */
    const char *issuance; /* JSON object as stored (db/alertjson.h), NULL: none */
    const char *state;    /* "new", "notified", "acked", "closed" */
    const char *reason;
    const char *event;    /* what its message says: "new", "escalated", "seen_again", "withdrawn" */
    const char *history;  /* JSON array of the states before: [{at, state, reason, kind, severity, event}] */
    const char *evidence; /* file with the account of an inconsistency; "": only the database has it;
                             NULL: the alert is about none */
    const char *accounts; /* JSON array of the accounts of an inconsistency that it rests on, the one that
                             shows the most first: [{id, kind, path, proof, over_at, over_by}]; NULL: none */
    int64_t first_seen_ms;
    int64_t created_ms;
    const struct db_alert_sighting *sightings; /* by timestamp, then log and index */
    size_t sighting_count;
    const struct db_alert_delivery *deliveries; /* by channel; db_alert_show only */
    size_t delivery_count;
    bool has_entry; /* leaf and extra are those of the first sighting, which was kept raw; db_alert_show only
                     */
    struct span leaf;
    struct span extra;
    uint8_t leaf_hash[32]; /* RFC 6962 section 2.1 */
    struct span der; /* the certificate whose SHA-256 the issuance names, if it is kept (der_chunk), compared
                        by its hash; db_alert_show only */
};

struct db_alert_filter {
    const char *domain;   /* that registered domain; NULL: any */
    const char *state;    /* NULL: any */
    const char *severity; /* this one or graver; NULL: any */
    int64_t since_ms;     /* created at or after; 0: any */
    int64_t after;  /* keyset cursor: only alerts with a smaller id (the list runs newest first); 0: from the
                       top */
    uint32_t limit; /* most rows to hand out */
};

typedef enum err_code db_alert_each(void *arg, const struct db_alert_row *row, struct err *why);

/* Newest first. *next is the cursor for the following page, 0 when there is none. */
MUST_USE enum err_code db_alert_list(struct pgconn *conn, const struct db_alert_filter *filter,
                                     db_alert_each *each, void *arg, int64_t *next, struct err *why);
/* One alert with its deliveries; ERR_NOT_FOUND. */
MUST_USE enum err_code db_alert_show(struct pgconn *conn, int64_t id, db_alert_each *each, void *arg,
                                     struct err *why);
/* Those of the alerts that there are, by id, at most DB_ALERT_SOME_MAX; without deliveries, entry and
 * certificate: few statements, whatever their number. */
#define DB_ALERT_SOME_MAX 256
MUST_USE enum err_code db_alert_some(struct pgconn *conn, const int64_t *ids, size_t count,
                                     db_alert_each *each, void *arg, struct err *why);
/* State acked, with who or why as text; what still waits in the outbox is withdrawn. Of one that is acked
 * already an empty text leaves the former. ERR_NOT_FOUND. */
MUST_USE enum err_code db_alert_ack(struct pgconn *conn, int64_t id, const char *reason, struct err *why);

#endif
