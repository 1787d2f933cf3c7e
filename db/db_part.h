/* The life of the partitions of cert, cert_apex and cert_ip: months are there before they are needed, a month
 * that holds too much is cut into weeks, what expired is sealed (rewritten in the order in which it is asked
 * for, indexes without holes, frozen), sealed months become years, and what is to be kept no longer is
 * dropped. Everything while others write and ask; docs/data-model.md says which locks that takes.
 *
 * Rewriting goes by steps, each a transaction, and its state is in the database: who is killed leaves a job
 * that the next one goes on with. One process at a time (db_part_lock). */
#ifndef CTVIGIL_DB_PART_H
#define CTVIGIL_DB_PART_H

#include <stdatomic.h>

#include "base/err.h"
#include "db/pgconn.h"

enum db_part_act { DB_PART_DROP, DB_PART_SPLIT, DB_PART_MERGE, DB_PART_SEAL };

struct db_part_rules {
    int64_t at_ms;     /* the time, Unix milliseconds; 0: as the server says */
    int64_t keep_days; /* how long what expired is kept; 0: for ever */
    int64_t rows_max;  /* leaves are merged up to this many rows, a month of more is cut into weeks */
    bool patient;      /* leaves alone what has grown within a day (db_part_note) */
    bool ahead;        /* only what must be there before rows come: months */
};

#define DB_PART_NAME_MAX   16
#define DB_PART_LEAVES_MAX 160
#define DB_PART_EDGES_MAX  512
#define DB_PART_DATE_MAX   16

struct db_part_todo {
    enum db_part_act act;
    char first[DB_PART_NAME_MAX]; /* of the leaves that there will be (drop: that go), and the last one */
    char last[DB_PART_NAME_MAX];
    char begin[DB_PART_DATE_MAX]; /* what expires from this day on ("": no such bound), and before that one */
    char end[DB_PART_DATE_MAX];
    int64_t rows; /* estimate */
    int64_t bytes;
    char leaves[DB_PART_LEAVES_MAX]; /* arrays as SQL writes them */
    char edges[DB_PART_EDGES_MAX];
};

struct db_part_done {
    int64_t rows;     /* that were rewritten or dropped (then an estimate) */
    int64_t bytes;    /* what is left of them */
    int64_t swap_ms;  /* the statement that took the lock, with its wait for it */
    uint64_t refused; /* times that lock was not given */
    bool nothing;     /* the leaves are not there any more */
};

const char *db_part_act_name(enum db_part_act act); /* "drop" */

/* For as long as the connection lives, or until it is given back. */
MUST_USE enum err_code db_part_lock(struct pgconn *conn, bool *taken, struct err *why);
MUST_USE enum err_code db_part_unlock(struct pgconn *conn, struct err *why);

/* What is to be done, in order; *todo is freed with free(). Changes nothing, needs no lock. */
MUST_USE enum err_code db_part_plan(struct pgconn *conn, const struct db_part_rules *rules,
                                    struct db_part_todo **todo, size_t *count, struct err *why);
/* Remembers how large the leaves are that expired, what `patient` rests on; and which leaves hold rows at all
 * (cert_span). By whoever has the lock. */
MUST_USE enum err_code db_part_note(struct pgconn *conn, struct err *why);

/* Finishes what another process had begun; *found false: nothing. Needs the lock, as db_part_work. */
MUST_USE enum err_code db_part_resume(struct pgconn *conn, const atomic_bool *stop, bool *found,
                                      struct db_part_done *done, struct err *why);
/* Does one of the plan. ERR_CLOSED: `stop` (may be NULL) turned true. ERR_DB_CONFLICT: somebody reads the
 * tables for so long that the lock was never given; what was built stays for db_part_resume. */
MUST_USE enum err_code db_part_work(struct pgconn *conn, const struct db_part_todo *todo,
                                    const atomic_bool *stop, struct db_part_done *done, struct err *why);

#endif
