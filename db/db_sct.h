/* Final certificates that concern a registered domain, and what their SCTs promise: whoever stores one notes
 * it in the transaction of its row; whoever looks after them asks which are due, and what is known by now of
 * the logs that promised. A look is repeated with a pause that doubles, until every promise is kept or the
 * certificate is over. One that is over when it is stored is not noted; nor is one that is longer than
 * LIMIT_SCT_DER_BYTES. */
#ifndef CTVIGIL_DB_SCT_H
#define CTVIGIL_DB_SCT_H

#include "base/arena.h"
#include "base/err.h"
#include "db/pgconn.h"
#include "model/ctlog.h"
#include "model/issuance.h"

struct db_sct_notes; /* that gather until they are written */

struct db_sct_notes *db_sct_notes_new(void); /* NULL: no memory */
void db_sct_notes_free(struct db_sct_notes *notes);
/* `sha256` of `der`, the whole certificate. */
void db_sct_note(struct db_sct_notes *notes, const struct issuance *issuance, struct span der,
                 const uint8_t sha256[32]);
/* Writes them and is empty then; what is noted already stays as it is. One statement. */
MUST_USE enum err_code db_sct_notes_write(struct db_sct_notes *notes, struct pgconn *conn, struct err *why);
/* For a transaction that goes on for long, in a session that has the tables of db/stage.h: first into one of
 * these, which locks nothing, and shortly before the commit all of them as above. */
MUST_USE enum err_code db_sct_notes_stage(struct db_sct_notes *notes, struct pgconn *conn, struct err *why);
MUST_USE enum err_code db_sct_staged_write(struct pgconn *conn, struct err *why);

struct db_sct_due {
    uint8_t sha256[32];
    uint8_t tbs_fp[32];
    int64_t not_after_ms;
    bool told; /* an alert may say that a promise was not kept */
};

/* At most `most` that are due, the longest waiting first. *list is freed by the caller. */
MUST_USE enum err_code db_sct_list(struct pgconn *conn, size_t most, struct db_sct_due **list, size_t *count,
                                   struct err *why);

#define DB_SCT_LOGS_MAX 4 /* one log may be read by two protocols */

/* What is known of a log, with respect to one promise. */
struct db_sct_log {
    struct ctlog log;  /* id, name, log_id and key alone */
    int64_t due_ms;    /* end of the merge delay */
    bool judged;       /* a verified head was signed later than that, */
    uint64_t due_size; /* of this size, */
    bool whole;        /* and all where the entry can be is stored, also what is kept raw, and verified */
    bool at_read;      /* the entry of the index that was asked for is stored and verified */
    bool followed;     /* and not at its end: more of it is read from day to day */
};

/* The logs with this id (RFC 6962 section 3.2). `leaf_index` -1: the promise names none. To be asked before
 * the places are (db_sct_load): what is read meanwhile must not count as read and be missing. */
MUST_USE enum err_code db_sct_reach(struct pgconn *conn, const uint8_t log_id[32], int64_t timestamp_ms,
                                    int64_t leaf_index, struct db_sct_log logs[DB_SCT_LOGS_MAX],
                                    size_t *count, struct err *why);

struct db_sct_keys {
    struct ctlog *logs; /* id, name, log_id and key alone */
    size_t count;
};

/* Every log that is known. The caller calls db_sct_keys_free, after an error, too. */
MUST_USE enum err_code db_sct_keys(struct pgconn *conn, struct db_sct_keys *keys, struct err *why);
void db_sct_keys_free(struct db_sct_keys *keys);

#define DB_SCT_OWN_MAX 4 /* rows of one TBS under several issuer keys */

struct db_sct_own {
    struct issuance issuance;
    struct sighting *seen; /* by time */
    size_t seen_count;
};

struct db_sct_cert {
    struct db_sct_own own[DB_SCT_OWN_MAX];
    size_t own_count; /* 0: no row, retention took it */
    /* Every place of it, whoever issued: more than those above only where one TBS has several keys. A place
     * is known by 64 bits of tbs_fp and the day of not_after. Where another stored certificate has the same,
     * which takes a CA that means it, those that are not the first place of a row may be of either. They
     * stand behind the others, doubt_count of them. */
    struct sighting *places;
    size_t place_count;
    size_t doubt_count;
};

/* The bytes of one that is due, into `arena`; *gone: somebody else took it off the list. */
MUST_USE enum err_code db_sct_bytes(struct pgconn *conn, const struct db_sct_due *due, struct arena *arena,
                                    struct span *der, bool *gone, struct err *why);
/* What is stored of the certificate, into `arena`. */
MUST_USE enum err_code db_sct_load(struct pgconn *conn, const struct db_sct_due *due, struct arena *arena,
                                   struct db_sct_cert *cert, struct err *why);

/* Is `leaf` (MerkleTreeLeaf) one that the log has and that was kept raw? *place: its log and index, the one
 * at `leaf_index` if there are several; other members stay as they are. */
MUST_USE enum err_code db_sct_raw(struct pgconn *conn, int32_t log_id, struct span leaf, int64_t leaf_index,
                                  struct sighting *place, bool *found, struct err *why);

/* An alert is about to say that a promise was not kept: from now on it is looked for later entries. */
MUST_USE enum err_code db_sct_tell(struct pgconn *conn, const struct db_sct_due *due, struct err *why);
/* It was looked at. `done`: nothing can change any more, and it is forgotten; else due again later, at the
 * latest in a day (`soon`) or a month, or never when the certificate is over. */
MUST_USE enum err_code db_sct_looked(struct pgconn *conn, const struct db_sct_due *due, bool done, bool soon,
                                     struct err *why);

#endif
