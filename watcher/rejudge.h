/* Stored issuances of a registered domain, held against trust data once more (rule R3 alone): what it has
 * against them now is raised, what it no longer has is withdrawn with the reason. Nothing twice: an alert
 * that exists is only added to, and one that says the same stays as it is. */
#ifndef CTVIGIL_REJUDGE_H
#define CTVIGIL_REJUDGE_H

#include <stdatomic.h>

#include "db/pgconn.h"
#include "model/watch.h"
#include "watcher/match.h"
#include "watcher/together.h"

#define REJUDGE_TOGETHER_MAX 512

struct rejudge {
    struct match_prove prove; /* trust, now_ms */
    /* Is this one to be judged again? NULL: every one. *settled as in struct policy_case, true before. */
    bool (*wanted)(void *arg, const struct issuance *issuance, bool *settled);
    void *arg;
    const char *reason;      /* of what is withdrawn */
    const atomic_bool *stop; /* ends it with ERR_CLOSED; NULL: never */
    uint64_t judged;         /* out: added to */
    uint64_t raised;
    uint64_t closed;
};

/* Reads by `read` while it writes by `write`: several domains in one pass, at most REJUDGE_TOGETHER_MAX.
 * After an error some may have been judged; to judge them again does no harm. */
MUST_USE enum err_code rejudge_domains(struct pgconn *read, struct pgconn *write,
                                       const struct watch *const *watches, size_t count,
                                       struct rejudge *rejudge, struct err *why);

#endif
