/* PRIVATE TO db/: holds Jansson types. Keys of a policy (db/watchjson.h) that are about time: planned
 * certificates (`expect`) and when to tell that one runs out (`expiry`). */
#ifndef CTVIGIL_WATCHPLAN_H
#define CTVIGIL_WATCHPLAN_H

#include <jansson.h>

#include "model/watch.h"

/* What is wrong with a value: with which key of it ("" for the whole), and what is wanted. */
struct watchplan_problem {
    const char *key;
    const char *text;
};

MUST_USE bool watchplan_read_expect(struct watch *watch, const json_t *value, struct watchplan_problem *why);
/* "off", "on", a list of days, or {"days": list}; the longest first, none twice. */
MUST_USE bool watchplan_read_expiry(struct watch *watch, const json_t *value, struct watchplan_problem *why);
/* "on", "off", or {"final_within": "72h"} (h: hours, d: days). */
MUST_USE bool watchplan_read_pairing(struct watch *watch, const json_t *value, struct watchplan_problem *why);
/* As it was read; NULL: on, and nothing else. */
json_t *watchplan_pairing(const struct watch *watch);
/* New references; of expiry NULL where it is as it is by default. */
json_t *watchplan_expect(const struct watch *watch);
json_t *watchplan_expiry(const struct watch *watch);

#endif
