/* PRIVATE TO db/: holds Jansson types. The key `keys.learn` of a policy (db/watchjson.h): for how many days
 * keys are learned, and how far that has come. */
#ifndef CTVIGIL_WATCHLEARN_H
#define CTVIGIL_WATCHLEARN_H

#include <jansson.h>

#include "model/watch.h"

/* "off", days, or {"days", "until": TIME, "over": true}. NULL: it was read; else what is wanted. */
MUST_USE const char *watchlearn_read(struct watch_learning *learning, const json_t *value);
/* A new reference; NULL: nothing is learned. */
json_t *watchlearn_write(const struct watch_learning *learning);

#endif
