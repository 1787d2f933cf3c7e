/* A CT log as a log list describes it (schema v3 of Google's list; Apple's and all_logs are dialects of it).
 * What a list says is a claim of whoever signed the list; that key and log id fit each other was checked.
 * Whether the log is followed is decided by who keeps the list (db/db_loglist.h), not here. */
#ifndef CTVIGIL_LISTED_H
#define CTVIGIL_LISTED_H

#include "model/ctlog.h"

#define LISTED_TEXT_MAX   128
#define LISTED_WHY_MAX    160
#define LISTED_OWNERS_MAX 4

/* The states of log_list_schema.json. LISTED_NONE: the list names none, which in a list of all logs means
 * that the log is in nobody's programme, and in a list of one's own that it is to be read. */
enum listed_state {
    LISTED_NONE,
    LISTED_PENDING,
    LISTED_QUALIFIED,
    LISTED_USABLE,
    LISTED_READONLY,
    LISTED_RETIRED,
    LISTED_REJECTED
};

/* Who ran it before, and until when. */
struct listed_owner {
    char name[LISTED_TEXT_MAX];
    int64_t until_ms; /* Unix milliseconds; 0: not said */
};

struct listed {
    /* "": as described below. Else why this entry is of no use; then only `log.log_id` may be set (has_id).
     */
    char refused[LISTED_WHY_MAX];
    bool has_id;
    struct ctlog log; /* without id; the name is what it may be called, not yet unique */
    char operator_name[LISTED_TEXT_MAX];
    char description[LISTED_TEXT_MAX]; /* "": the list has none */
    enum listed_state state;
    int64_t state_ms; /* since when; 0: not said */
    int64_t mmd_s;    /* maximum merge delay in seconds; 0: not said */
    bool has_interval;
    int64_t begin_ms; /* of the not_after it accepts: [begin, end) */
    int64_t end_ms;
    bool has_final; /* readonly: the tree that will not grow */
    uint64_t final_size;
    uint8_t final_root[32];
    bool test;  /* log_type is something else than "prod" */
    bool bogus; /* a placeholder that answers nobody (protocol.md 3): must not be asked for anything */
    struct listed_owner previous[LISTED_OWNERS_MAX];
    size_t previous_count;
};

const char *listed_state_name(enum listed_state state); /* "usable"; "" for LISTED_NONE */
/* False: no such state; *state is then LISTED_NONE. */
MUST_USE bool listed_state_parse(const char *name, enum listed_state *state);

#endif
