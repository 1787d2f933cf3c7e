/* More ways to the rows of db/db_renewal.h, for what is not found, or not all of it, by the key of a
 * registrable domain. */
#ifndef CTVIGIL_DB_RENEWAL_MORE_H
#define CTVIGIL_DB_RENEWAL_MORE_H

#include "db/db_renewal.h"

/* In front of a word of `names` that is no DNS name: "ip:192.0.2.7", "email:...", "uri:..." (db/others.h). No
 * stored name has such a byte. */
#define DB_RENEWAL_MORE_MARK '\x01'

/* Certificates that concern the domain, whatever by (db/db_pair.h): those that are not over, that ran out in
 * the last weeks, or that an open alert is about; over at `since` or later, at most `most`, those that end
 * last. Their addresses, e-mail addresses and URIs stand behind the DNS names. The key is 0. */
MUST_USE enum err_code db_renewal_more_hits(struct pgconn *conn, int64_t domain_id, int64_t since,
                                            size_t most, struct db_renewal_page **page, bool *full,
                                            struct err *why);

/* Of a registrable domain, or an entry, with more certificates than are looked at. */
struct db_renewal_more_narrow {
    int64_t domain_id; /* not 0: of what db_renewal_more_hits gives, and not of a key */
    int64_t key;
    struct span apex; /* the domain as text: names of others in these certificates do not count */
    int64_t since;    /* Unix seconds; what was over before is not looked at */
    int64_t over;     /* and this is what ran out lately */
    int64_t until;    /* later than that nothing is due */
    const struct db_renewal_doubt *doubts; /* certificates that renew nothing */
    size_t doubt_count;
};

/* Of those names alone whose last certificate ends from `over` to `until`, or is one of an open
 * alert: the certificates that end last, and those of the wildcard above; at most `most`, those that
 * run out first. Beside them the last one of each further name that they have, at most as many again. The
 * server goes through all certificates of the domain. At most LIMIT_EXPIRY_ROWS doubts. */
MUST_USE enum err_code db_renewal_more_narrow(struct pgconn *conn, const struct db_renewal_more_narrow *what,
                                              size_t most, struct db_renewal_page **page, bool *full,
                                              struct err *why);

/* All of the same (domain_id, or key), in the order of their ends: at most `most` behind `after`, which the
 * caller sets to the last row of a page. */
struct db_renewal_more_place {
    int64_t not_after; /* Unix seconds; at first from when on */
    uint8_t tbs_fp[32];
};
MUST_USE enum err_code db_renewal_more_page(struct pgconn *conn, const struct db_renewal_more_narrow *what,
                                            const struct db_renewal_more_place *after, size_t most,
                                            struct db_renewal_page **page, bool *full, struct err *why);

#endif
