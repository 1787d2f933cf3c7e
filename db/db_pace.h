/* What was learned about operators (table operator_pace), for people to look at. */
#ifndef CTVIGIL_DB_PACE_H
#define CTVIGIL_DB_PACE_H

#include "base/err.h"
#include "db/pgconn.h"
#include "model/pace.h"

/* One operator, all of our source addresses together. */
struct db_pace_operator {
    char key[PACE_OPERATOR_MAX];
    double rate;           /* requests per second that may go out */
    double refused;        /* part of the requests of the last minutes that were refused; 0: none went out */
    int64_t hold_until_ms; /* nothing is asked before from any address; 0, or past: it does not hold */
    int64_t updated_ms;
};

/* What `log add --operator` said of a log. */
struct db_pace_given {
    int32_t log_id;
    char key[PACE_OPERATOR_MAX]; /* "": nothing */
};

struct db_pace {
    struct db_pace_operator *operators; /* by key */
    size_t operator_count;
    struct db_pace_given *given; /* by id */
    size_t given_count;
};

/* The caller frees with db_pace_free, also after an error. */
MUST_USE enum err_code db_pace_load(struct pgconn *conn, struct db_pace *pace, struct err *why);
void db_pace_free(struct db_pace *pace);

#endif
