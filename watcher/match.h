/* Issuance x snapshot -> alerts. Pure: no I/O, no clock, no database; memory from the batch's arena. */
#ifndef CTVIGIL_MATCH_H
#define CTVIGIL_MATCH_H

#include "model/batch.h"
#include "watcher/watchset.h"

/* Judges every entry of the batch and sets alerts, alert_count and watch_generation; runs again after stage_mark was
 * rewound. ERR_TOO_BIG: the arena is full (the caller reads the range in smaller pieces). */
MUST_USE enum err_code match_batch(const struct watchset *set, struct batch *batch, struct err *why);

/* Judges one stored issuance against one domain (history). Fills `alert` and returns true when the domain is
 * concerned; alert->finding_count 0 means all is as expected. Texts come from `arena`. */
MUST_USE bool match_one(const struct watch *watch, const struct issuance *issuance, struct arena *arena,
                        struct alert *alert);

#endif
