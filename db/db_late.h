/* Proof that comes after the alert. An alert may say of an issuance that nobody could prove its issuer
 * (unexpected_ca of struct issuance issuer_known false, or by the word of a log). Each such finding is taken
 * out once what is stored proves who issued; other findings stay, and an alert with none left is closed.
 * Nobody is told of either. What came later and says something new opens the alert again
 * (db/store_alert.h); the same again does not. */
#ifndef CTVIGIL_DB_LATE_H
#define CTVIGIL_DB_LATE_H

#include "base/arena.h"
#include "base/err.h"
#include "db/pgconn.h"
#include "model/issuance.h"

#define DB_LATE_PAGE      64 /* alerts looked at in one go */
#define DB_LATE_FORMS_MAX 8

/* An open alert with such a finding. */
struct db_late {
    int64_t id;
    int64_t domain_id;
    uint8_t tbs_fp[32];
    /* Begin of the SHA-256 of each final certificate that it was seen as; none when there are more, or one
     * whose hash is not known. */
    uint8_t form[DB_LATE_FORMS_MAX][8];
    size_t form_count;
    bool proven; /* db_late_settle needs no proof from elsewhere */
};

/* The next ones behind the alert *after, which it moves; 0: there are no more, begin anew. */
MUST_USE enum err_code db_late_list(struct pgconn *conn, int64_t *after, struct db_late list[DB_LATE_PAGE],
                                    size_t *count, struct err *why);

/* Called with the key of each CA certificate of one name, those that the domain allows first, until it says
 * that this is the one. */
typedef bool db_late_each(void *arg, const uint8_t spki_sha256[32], struct span der);
/* `subject`: Name, DER. At most 64 of them: a name can be had by everybody. */
MUST_USE enum err_code db_late_candidates(struct pgconn *conn, int64_t domain_id, struct span subject,
                                          db_late_each *each, void *arg, struct err *why);

/* The places where the certificate of the alert was seen, by time, into `arena`;
 * their sha256 is not set. */
MUST_USE enum err_code db_late_seen(struct pgconn *conn, int64_t alert_id, struct arena *arena,
                                    struct sighting **seen, size_t *count, struct err *why);

/* By whom an issuance was signed, to the best of what was found out after it was stored. A TBS has a row for
 * each key that logs claimed for it: it holds for those of `claimed`, zero: the one without a key. */
MUST_USE enum err_code db_late_note(struct pgconn *conn, const struct issuance *issuance,
                                    const uint8_t (*claimed)[32], size_t claimed_count, struct err *why);
/* Sets the issuer of a stored issuance that has none that is proven, if it was noted for this row. *any: 0 at
 * first; remembers whether anything is noted at all. */
MUST_USE enum err_code db_late_issuer(struct pgconn *conn, int *any, struct issuance *issuance,
                                      struct err *why);

struct db_late_settled {
    bool less; /* findings were taken out */
    bool shut; /* and none is left */
};

/* Takes out what is refuted, unless the alert was seen in yet another form meanwhile. `reason`: by what;
 * NULL: by what is stored, if it does (db_late.proven): an allowed key, or one that another finding names,
 *   signed the very bytes of every place of the alert, seen with a good signature somewhere else, or
 *   an allowed one is claimed, and a precertificate that commits to it is stored now. */
MUST_USE enum err_code db_late_settle(struct pgconn *conn, const struct db_late *late, const char *reason,
                                      struct db_late_settled *settled, struct err *why);

#endif
