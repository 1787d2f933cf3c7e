/* The promise of an SCT that stands in a final certificate (RFC 6962 section 3): its log has the
 * precertificate, with that time, within its merge delay; a static-ct log says at which index. Finding
 * sct_not_incorporated. Pure; the facts are those of db/db_sct.h, the signature was checked before
 * (verify/sctsig.h).
 *
 * What it does not say: anything of a log, or a part of one, that was not read and verified; of logs nobody
 * reads; of an SCT whose signature does not fit, because it promises nothing. */
#ifndef CTVIGIL_RULE_SCT_H
#define CTVIGIL_RULE_SCT_H

#include "db/db_sct.h"
#include "parser/sctlist.h"
#include "watcher/rule.h"

enum rule_sct_state {
    RULE_SCT_OPEN,   /* nobody can say yet */
    RULE_SCT_BROKEN, /* it is not there */
    RULE_SCT_OTHER,  /* the log has the precertificate, with another time or at another index */
    RULE_SCT_KEPT,
};

struct rule_sct_verdict {
    enum rule_sct_state state;
    const struct db_sct_log *log; /* NULL: OPEN */
    uint64_t index;               /* KEPT: where it is; unverified */
};

/* `places`: of that certificate in all logs, asked for after `logs`. */
struct rule_sct_verdict rule_sct_judge(const struct sctlist_item *sct, const struct db_sct_log *logs,
                                       size_t log_count, const struct sighting *places, size_t place_count);
/* BROKEN or OTHER. What is found ends with the log's id; it depends on the certificate and the log alone, but
 * for a promise of an index, where it says whether something else is there or the tree ended before. */
void rule_sct_add(struct rule *rule, const struct sctlist_item *sct, const struct rule_sct_verdict *verdict);

/* What rule_sct_add finds. */
struct span rule_sct_found(struct rule *rule, const struct sctlist_item *sct,
                           const struct rule_sct_verdict *verdict);

#define RULE_SCT_TEXTS 3 /* of one log, about one SCT */

/* All that rule_sct_add may have found, at another time, in the log that is in that state now: for OPEN
 * whatever it may have been, for KEPT nothing. How many. */
size_t rule_sct_texts(struct rule *rule, const struct sctlist_item *sct, const struct db_sct_log *log,
                      enum rule_sct_state state, struct span out[RULE_SCT_TEXTS]);

#endif
