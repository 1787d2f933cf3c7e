/* The levels of places in logs (db/db_place_level.h), as `db status` shows them. */
#ifndef CTVIGIL_PLACEVIEW_H
#define CTVIGIL_PLACEVIEW_H

#include "cli/cmd.h"
#include "cli/dbill.h"
#include "db/db_place_level.h"

#define PLACEVIEW_TEXT_MAX 512

/* All levels of one kind, "level 0: 5 blocks, 5 a bucket"; "": none. */
void placeview_text(const struct db_place_level *levels, size_t count, int kind,
                    char out[PLACEVIEW_TEXT_MAX]);
json_t *placeview_json(const struct db_place_level *levels, size_t count);
/* Are there levels that nobody merges any more? */
bool placeview_ill(const struct db_place_level *levels, size_t count, struct dbill *ill);

#endif
