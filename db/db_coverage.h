/* The coverage ledger (views coverage, coverage_gap, domain_coverage): what of each log was read, and what
 * that promises for the registered domains. The views decide, docs/coverage.md gives the reasons; this reads
 * them. */
#ifndef CTVIGIL_DB_COVERAGE_H
#define CTVIGIL_DB_COVERAGE_H

#include "base/err.h"
#include "db/pgconn.h"
#include "model/ctlog.h"

/* One stretch [begin, end) of a log, as coverage.state has it: verified, seen, missing, lost, not_stored. */
struct db_coverage_part {
    int32_t log_id;
    char state[16];
    uint64_t begin;
    uint64_t end;
    int64_t begin_ms; /* when the log took the entries on its edges; 0: not known */
    int64_t end_ms;
    uint64_t thin; /* entries of which only those were stored that concern a registered domain */
};

/* All logs that are not removed, by log and index; the caller frees *parts with free(). */
MUST_USE enum err_code db_coverage_parts(struct pgconn *conn, struct db_coverage_part **parts, size_t *count,
                                         struct err *why);

/* One thing that could have been missed. What does not apply is empty; the spans live as long as the call. */
struct db_coverage_gap {
    const char *reason; /* missing, lost, unverified, not_begun, not_followed, no_policy, list_stale ... */
    const char *operator_name;
    const char *log;
    const char *why; /* for people */
    bool has_range;
    uint64_t begin;
    uint64_t end;
    int64_t begin_ms; /* 0: not known */
    int64_t end_ms;
};

MUST_USE enum err_code db_coverage_gaps(struct pgconn *conn,
                                        void (*each)(void *arg, const struct db_coverage_gap *gap), void *arg,
                                        struct err *why);

/* What is promised of every domain whose history is matched. */
struct db_coverage_claim {
    char basis[8];    /* policy, logs, none */
    bool complete;    /* the two times are there */
    bool from_first;  /* since the first entries of the logs: since_ms is 0 */
    int64_t since_ms; /* everything that the logs took in between is stored, matched and verified */
    int64_t until_ms;
    bool unverified; /* the same by what is stored and matched */
    bool unverified_first;
    int64_t unverified_since_ms;
    int64_t unverified_until_ms;
    char left_out[128]; /* the operator of whose logs this says nothing */
};

MUST_USE enum err_code db_coverage_claim(struct pgconn *conn, struct db_coverage_claim *claim,
                                         struct err *why);

#endif
