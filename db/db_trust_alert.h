/* Trust data and what is stored: which issuers it says something new of, and alerts whose reason is gone. */
#ifndef CTVIGIL_DB_TRUST_ALERT_H
#define CTVIGIL_DB_TRUST_ALERT_H

#include "base/err.h"
#include "db/pgconn.h"

#define DB_TRUST_RULES_MAX 16 /* rule R3 has eight */

struct db_trust_alert {
    int64_t domain_id;
    uint8_t tbs_fp[32];
    const char *rules[DB_TRUST_RULES_MAX]; /* of findings that still hold */
    size_t count;
    const char *const *kinds; /* of findings that are judged again */
    size_t kind_count;
    const struct span *texts; /* `found` of findings that still hold, where a rule has several */
    size_t text_count;
    const char *reason;
};

/* Takes findings of those kinds that hold no more out of the alert of that issuance, if there is one that is
 * open. When none is left of any rule it is closed, and whoever was told is told that (event withdrawn); the
 * same finding later makes it begin anew. One statement. */
MUST_USE enum err_code db_trust_alert_withdraw(struct pgconn *conn, const struct db_trust_alert *holds,
                                               bool *closed, struct err *why);

struct db_trust_issuer {
    int32_t id;
    uint8_t subject[32]; /* SHA-256 of its Name */
    uint8_t key[32];
    uint8_t state[32]; /* by which its certificates were judged last (trust/castate.h); zero: never */
    uint8_t next[32];  /* by which they were judged, when that does not count yet; zero: never */
};

/* Every issuer whose key is known. The caller frees *list. */
MUST_USE enum err_code db_trust_alert_issuers(struct pgconn *conn, struct db_trust_issuer **list,
                                              size_t *count, struct err *why);
/* The certificates of these were judged by these states. It counts from the second time on, two minutes
 * later: until then others may have stored some that they judged by what was known before; and not unless
 * the judging was whole: with a domain left out they are judged again. One transaction. */
MUST_USE enum err_code db_trust_alert_judged(struct pgconn *conn, const struct db_trust_issuer *list,
                                             size_t count, bool whole, struct err *why);
/* An open alert about a distrusted CA whose certificate was seen in more places than it was judged by. */
struct db_trust_seen {
    int64_t alert;
    int64_t domain_id;
    int32_t sightings;
};

/* All of them; asking changes nothing. The caller frees *list. */
MUST_USE enum err_code db_trust_alert_seen(struct pgconn *conn, struct db_trust_seen **list, size_t *count,
                                           struct err *why);
/* They were judged by these. One transaction. */
MUST_USE enum err_code db_trust_alert_seen_judged(struct pgconn *conn, const struct db_trust_seen *list,
                                                  size_t count, struct err *why);

#endif
