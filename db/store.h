/* The write side of the database as the pipeline sees it: an ops table, so that ingest knows no libpq and
 * tests can bring a store that fails on order. One struct store belongs to one thread.
 *
 * A log is a set of ranges (table log_range). A range is read from `begin` upwards; `next` is the first entry
 * that is not stored yet, `verified` the size up to which the rebuilt tree equalled a signed head. Rows,
 * alerts and position move in one transaction, guarded by compare-and-set on (id, next, epoch). */
#ifndef CTVIGIL_STORE_H
#define CTVIGIL_STORE_H

#include "base/err.h"
#include "model/batch.h"
#include "model/compact.h"
#include "model/head.h"
#include "model/pace.h"

#define STORE_RANGE_OPEN  UINT64_MAX /* end of the range that follows the head */
#define STORE_PUT_BUFFERS 5 /* of LIMIT_COPY_BYTES, beside one, that a backfill may fill for a commit */

enum store_log_state { STORE_LOG_ACTIVE, STORE_LOG_INCONSISTENT, STORE_LOG_REMOVED };

struct store_range {
    int64_t id;
    int32_t log_id;
    uint64_t begin;
    uint64_t end;
    uint64_t next;                    /* position */
    uint64_t epoch;                   /* raised whenever somebody takes the range over or rewrites it */
    struct compact frontier;          /* of size next; size 0 with next > 0: not known yet (late start) */
    uint64_t verified;                /* <= next; equals begin when nothing is verified */
    struct compact verified_frontier; /* of size verified */
    struct compact begin_frontier;    /* of size begin, and proven; another size: not known */
};

/* What came of a range that was read to its end and the one that begins there. */
enum store_meet {
    STORE_MEET_APART,   /* it is not read to its end, or nothing begins there */
    STORE_MEET_JOINED,  /* they are one range now */
    STORE_MEET_DIFFERS, /* what was read does not give the frontier that is proven for the border */
    STORE_MEET_LENT,    /* nothing is known of the border but what was read: the upper range may try it */
    STORE_MEET_WAITS,   /* neither can be said yet */
};

/* One group of consecutive replies of one range, to be committed together. */
struct store_settle {
    struct store_range *range; /* as loaded or as last committed; updated on success only */
    struct batch **batches;    /* in log order, the first begins at range->next, without gaps */
    size_t count;
    uint64_t next;                  /* new position: end of the last batch */
    uint64_t fresh;                 /* out, commit: issuances that were not stored before */
    const struct compact *frontier; /* of size next */
    bool has_verified; /* a signed head of size verified.size was equalled within or at the end */
    const struct compact *verified;
    struct head verified_head;
    /* Called inside the transaction, domain_generation held FOR SHARE, when it is newer than a batch's: must
     * match all batches again with a snapshot of at least that generation. */
    enum err_code (*rematch)(void *arg, struct batch **batches, size_t count, uint64_t generation,
                             struct err *why);
    void *rematch_arg;
};

/* What is kept when a log contradicts itself. Everything is copied. */
struct store_evidence {
    int32_t log_id;
    const char
        *kind;      /* "root_mismatch", "fork", "shrunk_head", "bad_signature", "bad_tile", "unproven_head" */
    uint64_t begin; /* suspect range */
    uint64_t end;
    struct head head;     /* the head that does not fit (raw is kept) */
    struct head other;    /* fork: the second head; root_mismatch: size and root we computed */
    struct span json;     /* whole account as JSON text, also written to disk by the caller */
    const char *path;     /* where the caller wrote it; "" when it could not */
    const char *sentence; /* one line for people */
    const char *proof;    /* what others find in it: "signed", "served", "nothing"; NULL: not known */
};

/* What is stored of one place of a log: enough to tell another entry from it. */
struct store_place {
    bool known;           /* false: nothing is stored, or nothing that can be read */
    bool precert;         /* or a final one with the poison */
    int64_t timestamp_ms; /* of the leaf */
    uint8_t fp8[8];       /* the first bytes of tbs_fp */
};

/* A CA certificate that came with a chain. */
struct store_ca {
    int32_t log_id; /* that brought it */
    uint8_t sha256[32];
    uint8_t spki_sha256[32];
    struct span der;
    struct span subject; /* Name; absent when it could not be read */
};

/* A CA certificate that a log names and that is looked for. */
struct store_want {
    uint8_t sha256[32];
    int64_t absent_ms; /* the log does not have it, and is not asked again for so long; 0: it may be asked */
};

struct store;

struct store_ops {
    void (*free)(struct store *store);

    /* Ranges of a log, ordered by begin, into out[max]; count tells how many. */
    enum err_code (*ranges)(struct store *store, int32_t log_id, struct store_range *out, size_t max,
                            size_t *count, struct err *why);
    /* Tries to take the advisory lock of a range so that two processes do not read the same; the lock lives
     * as long as the connection. *taken false: another process has it. Raises the epoch when taken. */
    enum err_code (*range_take)(struct store *store, struct store_range *range, bool *taken, struct err *why);
    /* Gives the advisory lock back, so that others need not wait for this process to end. Nothing to do when
     * it is not held, or when the connection is gone and the lock with it. */
    void (*range_drop)(struct store *store, const struct store_range *range);
    /* Stores the proven frontier of a range that starts late (compare-and-set): of size begin, which is kept
     * for whoever reads up to there, and that of size next when nothing is read yet. */
    enum err_code (*range_frontier)(struct store *store, struct store_range *range,
                                    const struct compact *frontier, struct err *why);
    /* Cuts a range in two: it ends at `at` from now on, and a new one goes on from there. Whoever holds it
     * need not be asked: the epoch is raised, so his next commit is a conflict and he reloads. *cut false:
     * somebody changed it since it was loaded, it was read beyond `at` by now, or the log has LIMIT_RANGES.
     */
    enum err_code (*range_split)(struct store *store, const struct store_range *range, uint64_t at, bool *cut,
                                 struct err *why);
    /* `range` was read to its end: makes one of it and the range that begins there, if the frontier that was
     * computed is the one proven for the border, or if nothing behind the border was read yet. In one
     * transaction: `range` by compare-and-set, the upper one under its lock, whose epoch is raised; it keeps
     * its id, `range` is gone. Verified is then what was verified of the upper one, else of the lower one.
     * Without a proof of the border the upper range gets what was computed as the frontier it begins with; a
     * signed head that is equalled with it proves it. `blind`: there will be no proof, nor was that frontier
     * of use: one range that is verified as far as the lower one was, with an unknown frontier.
     * ERR_DB_CONFLICT: somebody moved `range` meanwhile. */
    enum err_code (*range_meet)(struct store *store, const struct store_range *range, bool blind,
                                enum store_meet *met, struct err *why);

    /* Rows, alerts, tiles, roll-ups, position: all or nothing. ERR_DB_CONFLICT: somebody moved the range
     * meanwhile, nothing was written, the caller reloads or leaves. ERR_DB_DOWN: retry the same call later (a
     * commit whose answer was lost is recognised by the compare-and-set and reported as success).
     * ERR_DB_DATA: it refuses these very rows (a constraint, a trigger, a limit of its own), and will again;
     * ERR_DB: it refuses for another reason (disk full, no permission, read-only). */
    enum err_code (*commit)(struct store *store, struct store_settle *settle, struct err *why);

    /* A verified position without new rows (the head was reached exactly by what is stored). */
    enum err_code (*verified)(struct store *store, struct store_settle *settle, struct err *why);

    /* Re-reading a suspect range: between repair_begin and repair_end every batch read anew is compared with
     * what is stored; rows that differ are replaced, wrong sightings and alerts withdrawn with the reason.
     * repair_end(keep) commits (the fresh bytes give the signed root) or rolls everything back. Any error
     * ends the repair and leaves nothing behind; the caller starts again with repair_begin. ERR_DB_CONFLICT
     * of repair_end also means that a domain was added after a batch was matched: match again with a newer
     * snapshot. The epoch is raised by one. The batches need not be neighbours: what no batch covers stays.
     * A repair is best made on a store of its own: while it is open, that store does nothing else, and rows
     * of this range wait at any other one. */
    /* Of entries from `verified` on. ERR_DB_LATER, at once: rows of them, which a backfill put down, are
     * first to be put into their partitions, and that is asked for; try again in some minutes. */
    enum err_code (*repair_begin)(struct store *store, struct store_range *range, struct err *why);
    enum err_code (*repair)(struct store *store, struct batch *batch, uint64_t *changed, struct err *why);
    enum err_code (*repair_end)(struct store *store, struct store_settle *settle, bool keep, struct err *why);
    /* Would the entries of `batch` (decoded; matched or not) be stored otherwise than they are? Changes
     * nothing. Also true when it can not be said: an entry that is kept raw, an issuer nobody has seen yet.
     * The issuer of a final certificate is what the unverified chain says, and does not count. */
    enum err_code (*differs)(struct store *store, struct batch *batch, bool *differs, struct err *why);

    /* Keeps a signed head, and of those that are not verified LIMIT_HEADS_OPEN: more than that nobody can be
     * asked about, and some are dropped, never what evidence is about. The log is well again if a wrong
     * signature was all that was wrong with it. The same (size, root) again is not an error, the newest
     * signature of it is kept. *fork true: a head of the same size with another root is stored already and is
     * written to `other` (may be NULL), whose raw lives until the next call of `head` on this store. */
    enum err_code (*head)(struct store *store, int32_t log_id, const struct head *head, bool *fork,
                          struct head *other, struct err *why);
    /* The signed heads above `above`, smallest first: what the rebuilt tree must still equal. Their raw lives
     * until the next call of `heads` on this store. */
    enum err_code (*heads)(struct store *store, int32_t log_id, uint64_t above, struct head *out, size_t max,
                           size_t *count, struct err *why);

    /* The signed heads of 1 to `below` - 1 entries that nobody has found to fit the tree or to contradict it,
     * the last seen first. Their raw lives until the next call of `heads` or `claims` on this store. */
    enum err_code (*claims)(struct store *store, int32_t log_id, uint64_t below, struct head *out, size_t max,
                            size_t *count, struct err *why);
    /* Such a head was compared with the verified tree: it fits, or it does not. */
    enum err_code (*claim_judged)(struct store *store, int32_t log_id, const struct head *head, bool fits,
                                  struct err *why);
    /* When this head, which is stored, came first (Unix milliseconds). */
    enum err_code (*head_since)(struct store *store, int32_t log_id, const struct head *head,
                                int64_t *seen_ms, struct err *why);
    /* Was this head found not to be of the verified tree (claim_judged), now or in an earlier run? */
    enum err_code (*refuted)(struct store *store, int32_t log_id, const struct head *head, bool *refuted,
                             struct err *why);
    /* Is one of the entries of `batch` (examined) stored as another one? By what the leaf says and the tree
     * covers: fingerprint, form, timestamp. What can not be read, and what is not stored, is no other. */
    enum err_code (*others)(struct store *store, const struct batch *batch, bool *others, struct err *why);
    /* What is stored of [begin, begin + count). NULL: this store can not say. */
    enum err_code (*places)(struct store *store, int32_t log_id, uint64_t begin, struct store_place *out,
                            size_t count, struct err *why);

    /* May there be such an account? Of it log, kind, begin and the roots of the heads are looked at. false:
     * there is one already, or as many of the log and kind came within an hour as are kept
     * (LIMIT_ACCOUNTS_HOUR): then it is counted, the alert and `log status` say the number, and the log is
     * inconsistent all the same. NULL: always. */
    enum err_code (*account_room)(struct store *store, const struct store_evidence *evidence, bool *room,
                                  struct err *why);
    /* Evidence, the alert log_inconsistent and the log's state. Once per log, kind and suspect range begin;
     * of what signed heads say of each other (fork, shrunk_head, unproven_head) once for each root there: a
     * further head is a further contradiction, while entries that do not fit do so with every later head. An
     * alert that nobody has dealt with takes all evidence of the same cause while that lasts, and says the
     * most exact. An unproven head is of severity high and leaves the state alone, because nothing is wrong
     * for certain. */
    enum err_code (*inconsistent)(struct store *store, const struct store_evidence *evidence,
                                  struct err *why);
    /* What a person sees in `log status`: last error text ("" clears it) and the time of the last good
     * contact. */
    enum err_code (*log_note)(struct store *store, int32_t log_id, const char *last_error, struct err *why);

    /* CA certificates of chains by SHA-256: known ones are read, new ones stored. */
    enum err_code (*issuer_cert_get)(struct store *store, const uint8_t sha256[32], struct arena *arena,
                                     struct span *der, struct err *why);
    enum err_code (*issuer_cert_put)(struct store *store, const struct store_ca *ca, struct err *why);

    /* Such a certificate is looked for from now on, also after a restart, until it is stored or given up
     * (LIMIT_ISSUER_WANTS, LIMIT_ISSUER_WANT_DAYS); `want` again changes how long the log is not asked. */
    enum err_code (*want_put)(struct store *store, int32_t log_id, const uint8_t sha256[32],
                              int64_t absent_ms, struct err *why);
    /* What is looked for in the name of the log, those first that may be asked for. */
    enum err_code (*want_list)(struct store *store, int32_t log_id, struct store_want *out, size_t max,
                               size_t *count, struct err *why);

    /* The record of an operator and one of our addresses (model/pace.h), shared by all processes: `step`
     * changes it, at `now_ms` by the server's clock, and may be called again when another process was
     * quicker. found false: there is none yet, and *pace is empty. It need not survive a crash of the server.
     * May be NULL, as page: then nothing is shared or kept. */
    enum err_code (*pace)(struct store *store, const char *operator_key, const char *source,
                          void (*step)(void *arg, struct pace *pace, bool found, int64_t now_ms), void *arg,
                          struct err *why);
    /* Keeps what get-entries of the log is seen to give: entries of a page, and what its end is a multiple
     * of. */
    enum err_code (*page)(struct store *store, int32_t log_id, uint32_t page, uint32_t align,
                          struct err *why);
};

struct store {
    uint32_t magic; /* STORE_MAGIC */
    const struct store_ops *ops;
};

#define STORE_MAGIC 0x53544f52u

#endif
