/* Rules of `domain test` beyond those that judge an entry by itself: what root stores say of the CA, as far
 * as it can be said, and what is not judged there at all, with the reason. Pure. */
#ifndef CTVIGIL_RULEVIEW_H
#define CTVIGIL_RULEVIEW_H

#include <jansson.h>

#include "model/alert.h"
#include "model/verdict.h"
#include "model/watch.h"

struct ruleview {
    const struct watch *watch;
    const struct issuance *issuance;
    const struct alert *alert;        /* what was found */
    const struct verdict_all *stores; /* NULL: there is no trust data, or the issuer is not proven */
    bool known_log_time;              /* when a log took it is known */
    int64_t now_ms;
};

/* Appends {rule, result, asks} of every rule that found nothing: result "kept", "not_asked" (the entry does
 * not ask for it) or "not_judged", then with the member `why`. "kept" is said only of what was looked at. */
void ruleview_put(const struct ruleview *view, json_t *rows);

#endif
