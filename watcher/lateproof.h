/* Who issued a certificate that was stored before its issuer was known: alerts that say so are held against
 * what came since (db/db_late.h). Where the bytes of every form of the certificate are kept, CA certificates
 * of its issuer's name say which keys to try; the signature alone decides. What the proven issuer is to its
 * domain, by the rules and the trust data of now, is raised before anything is taken back. A certificate
 * without a row (over before the horizon, dropped, or waiting to be put into its partition) is judged by its
 * kept bytes. */
#ifndef CTVIGIL_LATEPROOF_H
#define CTVIGIL_LATEPROOF_H

#include <stdatomic.h>

#include "base/arena.h"
#include "db/pgconn.h"
#include "model/cert.h"
#include "watcher/match.h"

struct lateproof_report {
    uint64_t refuted; /* alerts that lost a finding and have others */
    uint64_t closed;
    uint64_t raised;
};

/* How it looks: trust, blocklist and now_ms of `prove`, and who reads a certificate (ingest/examine.h,
 * examine_certificate). */
struct lateproof_reader {
    struct match_prove prove;
    bool (*read)(struct span der, struct arena *arena, struct cert *cert, struct issuance *issuance,
                 uint8_t sha256[32]);
    const atomic_bool *stop; /* ends it between two signatures; NULL: nobody does */
};

#define LATEPROOF_LOCK "late proof" /* db/db_pending.h; no domain has a space in its name */

/* One page of them, behind the alert *after, which it moves; 0: there were no more, begin anew. One that can
 * not be looked at is said, and passed over. Stopped, and while another process is at it: as if nothing had
 * come, *after stays. */
MUST_USE enum err_code lateproof_look(struct pgconn *conn, const struct lateproof_reader *reader,
                                      int64_t *after, struct lateproof_report *report, struct err *why);

#endif
