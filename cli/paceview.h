/* How fast the operator of a log may be asked now, as `log status` shows it. */
#ifndef CTVIGIL_PACEVIEW_H
#define CTVIGIL_PACEVIEW_H

#include <jansson.h>

#include "db/db_log.h"
#include "db/db_pace.h"

/* {operator, requests_per_s, refused, hold_until, updated_at}; only the operator is there when nothing was
 * learned about it yet. */
json_t *paceview_json(const struct db_pace *pace, const struct db_log_status *row);
/* A line under a log whose operator asked us to wait, or refuses more than one request in fifty. */
void paceview_log(const struct db_pace *pace, const struct db_log_status *row, int64_t now_ms);

#endif
