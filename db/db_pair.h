/* Certificates that concern a registered domain, and what is stored that belongs to them: another issuance of
 * the same issuer under the same serial number, and the forms in which logs showed each. Whoever stores or
 * finds such a certificate notes it (in the transaction of its row, or before the history scan is done);
 * whoever looks after them asks which are due. A look is repeated with a pause that doubles until the
 * certificate is over, because the other one may come at any time, from any log, and concern nobody else. */
#ifndef CTVIGIL_DB_PAIR_H
#define CTVIGIL_DB_PAIR_H

#include "base/arena.h"
#include "base/err.h"
#include "db/pgconn.h"
#include "model/alert.h"

struct db_pair_notes; /* that gather until they are written */

struct db_pair_notes *db_pair_notes_new(void); /* NULL: no memory */
void db_pair_notes_free(struct db_pair_notes *notes);
/* Leaves out what is not about a domain's own certificate: entries without one, look-alikes. */
void db_pair_note(struct db_pair_notes *notes, const struct alert *alert);
size_t db_pair_notes_count(const struct db_pair_notes *notes);
/* Writes them and is empty then; what is noted already stays as it is. One statement. */
MUST_USE enum err_code db_pair_notes_write(struct db_pair_notes *notes, struct pgconn *conn, struct err *why);
/* For a transaction that goes on for long, in a session that has the tables of db/stage.h: first into one of
 * these, which locks nothing, and shortly before the commit all of them as above. */
MUST_USE enum err_code db_pair_notes_stage(struct db_pair_notes *notes, struct pgconn *conn, struct err *why);
MUST_USE enum err_code db_pair_staged_write(struct pgconn *conn, struct err *why);

struct db_pair_due {
    int64_t domain_id;
    uint8_t tbs_fp[32];
    int64_t not_after_ms;
    int64_t noted_ms; /* by the clock of the database */
    bool incomplete;  /* when it was listed a backfill had rows that nobody finds: it is not given up */
    /* What the caller wants; not set by db_pair_list. */
    bool every;      /* db_pair_load: it is loaded with its sightings in any case */
    int64_t wake_ms; /* db_pair_looked: due again not later than then; 0, or past: as usual */
};

/* At most `most` that are due, the longest waiting first. *list is freed by the caller. */
MUST_USE enum err_code db_pair_list(struct pgconn *conn, size_t most, struct db_pair_due **list,
                                    size_t *count, struct err *why);
/* It was looked at: due again later, or never when its certificate is over and time enough was given, and no
 * backfill held anything back. */
MUST_USE enum err_code db_pair_looked(struct pgconn *conn, const struct db_pair_due *due, struct err *why);
/* The rules of the domain are others: all that wait for their pause are due now, or within the hour where
 * there are very many. */
MUST_USE enum err_code db_pair_wake(struct pgconn *conn, int64_t domain_id, struct err *why);

#define DB_PAIR_OTHERS_MAX 4 /* of one certificate; one is enough to be told */
#define DB_PAIR_OWN_MAX    4 /* rows of one TBS under several issuer keys */

struct db_pair_cert {
    struct issuance issuance;
    struct sighting *seen; /* by time; none: retention took the places */
    size_t seen_count;
    bool verified;   /* in one of these places it is what the log signed; asked when there are others */
    const char *log; /* that showed it first, and where */
    uint64_t index;
};

struct db_pair {
    struct db_pair_cert own;
    struct db_pair_cert other[DB_PAIR_OTHERS_MAX]; /* same issuer name and key, same serial, another TBS */
    size_t other_count;
};

/* Calls `each` for every stored row of the issuance that has others, or was first seen as a final certificate
 * without SCTs (CERT_NO_SCTS) or with the poison (CERT_POISON), or for every one (due->every), with all of it
 * in `arena`, which is rewound. An issuer whose key nobody knows has no others: a name alone identifies
 * nobody.
 */
MUST_USE enum err_code db_pair_load(struct pgconn *conn, const struct db_pair_due *due, struct arena *arena,
                                    enum err_code (*each)(void *arg, const struct db_pair *pair,
                                                          struct err *why),
                                    void *arg, struct err *why);

#endif
