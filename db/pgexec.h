/* PRIVATE TO db/: holds libpq types. How the files of this room speak SQL: constant text, parameters, binary
 * results.
 *
 * Every function returns the error's code (see pgexec_code for the mapping) and one line of text. After an
 * error inside a transaction the caller calls pgexec_rollback, which never fails. */
#ifndef CTVIGIL_PGEXEC_H
#define CTVIGIL_PGEXEC_H

#include <libpq-fe.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "db/pgconn.h"

#define PGEXEC_ARGS_MAX   24
#define PGEXEC_CACHED_MAX 64

struct pgconn {
    uint32_t magic;
    PGconn *pg;
    char *dsn;
    uint64_t
        connects; /* raised by every connect: temporary tables and prepared statements of before are gone */
    const char
        *cached[PGEXEC_CACHED_MAX]; /* statements prepared on this connection, by the address of their text */
    unsigned uses[PGEXEC_CACHED_MAX]; /* how often */
    size_t cached_count;
    char sqlstate[6];        /* of the last failure; "" when it had none */
    int64_t answer_ms;       /* how long one statement may take (db/pganswer.h); 0: for ever */
    const atomic_bool *stop; /* once true nothing more is asked (db/pgstop.h); NULL: never */
    bool reads;              /* opened by pgconn_open_reader */
    bool pooled;             /* a pooler stands between: no two transactions need meet the same session */
    bool replica;            /* the server is in recovery */
    bool spread;             /* the database is spread over a Citus cluster (db/scaleout.h) */
    bool whole;              /* and what it held before is known to be copied (db/spread.h) */
    bool span_known; /* between which times rows expire, when a search last saw it (db/query_begin.h) */
    int64_t span_begin_ms;
    int64_t span_end_ms;
};

/* Parameters $1, $2 ... of one statement, in the order in which they are added. Text, bytes and arrays are
 * borrowed until the statement was run; numbers and times are copied. */
struct pgexec_args {
    int count;
    Oid types[PGEXEC_ARGS_MAX];
    const char *values[PGEXEC_ARGS_MAX];
    int lengths[PGEXEC_ARGS_MAX];
    int formats[PGEXEC_ARGS_MAX];
    uint8_t number[PGEXEC_ARGS_MAX][8];
};

#define PGEXEC_NO_ARGS ((struct pgexec_args){0})

/* What a session is set to, for one transaction (db/pgconn.c). */
extern const char pgconn_local_setup[];
/* For a session that writes much, and for as long as it lasts. */
extern const char pgconn_wal_setup[];

void pgexec_int(struct pgexec_args *args, int64_t value); /* int8 */
void pgexec_real(struct pgexec_args *args, double value); /* float8 */
void pgexec_bool(struct pgexec_args *args, bool value);
/* timestamptz; clamped to the years 1 to 9999 and a moment on either side. */
void pgexec_time(struct pgexec_args *args, int64_t unix_ms);
/* Of the type the statement wants; NULL is NULL. UTF-8: whoever takes text from people looks before. */
void pgexec_text(struct pgexec_args *args, const char *text);
void pgexec_bytes(struct pgexec_args *args, struct span bytes); /* bytea; SPAN_NONE is NULL */
/* An argument that is NULL, for the optional ones: its type follows from the statement. */
void pgexec_null(struct pgexec_args *args);
/* A value already in PostgreSQL's binary form (arrays). */
void pgexec_binary(struct pgexec_args *args, Oid type, struct span value);
/* An int8[], made in `array`, which the caller frees (buf_fini) when the statement was run; it can be out of
 * memory (buf_ok). */
void pgexec_int_array(struct pgexec_args *args, const int64_t *values, size_t count, struct buf *array);

/* Runs one statement; results come in binary form. On success *res is never NULL and is freed with PQclear.
 */
MUST_USE enum err_code pgexec_run(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                                  PGresult **res, struct err *why);
/* The same for a statement that gives one number; no row at all is 0. */
MUST_USE enum err_code pgexec_number(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                                     int64_t *value, struct err *why);
/* The same for a statement that gives no rows, or whose rows nobody wants; *changed (may be NULL): how many
 * rows. */
MUST_USE enum err_code pgexec_do(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                                 uint64_t *changed, struct err *why);
/* pgexec_run with a statement that is prepared once per connection; `sql` must be a constant: its address is
 * the key. Planned once without looking at the parameters (generic plan). */
MUST_USE enum err_code pgexec_cached(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                                     PGresult **res, struct err *why);
/* Where it stands in conn->cached; cached_count: it is not prepared. */
size_t pgexec_cached_at(const struct pgconn *conn, const char *sql);
/* What libpq gave, as the functions above give it; takes `raw`. */
MUST_USE enum err_code pgexec_result(struct pgconn *conn, PGresult *raw, PGresult **res, struct err *why);
/* How often pgexec_cached ran that statement on this connection. */
unsigned pgexec_uses(const struct pgconn *conn, const char *sql);
/* Several statements in one text, no parameters (migrations, staging tables). */
MUST_USE enum err_code pgexec_script(struct pgconn *conn, const char *sql, struct err *why);

MUST_USE enum err_code pgexec_begin(struct pgconn *conn, struct err *why);
/* The same with another statement than BEGIN: "BEGIN READ ONLY;" PGEXEC_IDLE_LONG, for whoever reads and may
 * be held up between two statements (a pager); whoever changes something is ended after LIMIT_DB_ASK_S. */
#define PGEXEC_IDLE_LONG "SET LOCAL idle_in_transaction_session_timeout = 0"
MUST_USE enum err_code pgexec_begin_as(struct pgconn *conn, const char *begin, struct err *why);
/* ERR_DB_DOWN: the answer was lost, it may or may not be committed. */
MUST_USE enum err_code pgexec_commit(struct pgconn *conn, struct err *why);
void pgexec_rollback(struct pgconn *conn);

/* COPY ... FROM STDIN: begin, put as often as wanted, end. After a failed put the caller still calls end,
 * whose error is the better one; `abort_text` not NULL makes the server forget the COPY. */
MUST_USE enum err_code pgexec_copy_begin(struct pgconn *conn, const char *sql, struct err *why);
MUST_USE enum err_code pgexec_copy_put(struct pgconn *conn, struct span bytes, struct err *why);
MUST_USE enum err_code pgexec_copy_end(struct pgconn *conn, const char *abort_text, struct err *why);

/* Cells of a binary result. Integers of 2, 4 and 8 bytes; NULL reads as 0, false, "" or SPAN_NONE. */
bool pgexec_is_null(const PGresult *res, int row, int col);
int64_t pgexec_get_int(const PGresult *res, int row, int col);
double pgexec_get_real(const PGresult *res, int row, int col); /* float8 */
bool pgexec_get_bool(const PGresult *res, int row, int col);
int64_t pgexec_get_time(const PGresult *res, int row,
                        int col); /* timestamptz to Unix milliseconds, rounded down */
const char *pgexec_get_text(const PGresult *res, int row, int col);
struct span pgexec_get_bytes(const PGresult *res, int row, int col);

/* Fills `why` from a failed result (or, with NULL, from the connection) and returns the code:
 * lost or refused connection, server going down, too many connections ERR_DB_DOWN; serialization failure,
 * deadlock, lock not available ERR_DB_CONFLICT; table, column or function missing ERR_DB_SCHEMA; a text
 * argument that is not UTF-8 ERR_USAGE; else ERR_DB. */
enum err_code pgexec_fail(struct pgconn *conn, const PGresult *res, struct err *why);
/* libpq speaks in several lines and repeats its severity; ours is one line, its pieces parted by "; ". */
void pgexec_one_line(const char *text, char *out, size_t out_cap);
/* The mapping alone. */
enum err_code pgexec_code(const char *sqlstate);

#endif
