#include "cli/placeview.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"

void placeview_text(const struct db_place_level *levels, size_t count, int kind, char out[PLACEVIEW_TEXT_MAX])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count && len < PLACEVIEW_TEXT_MAX; i++) {
        const struct db_place_level *one = &levels[i];
        if (one->kind == kind)
            len += (size_t)snprintf(out + len, PLACEVIEW_TEXT_MAX - len,
                                    "%slevel %d: %s%" PRId64 " block%s, %" PRId64 " a bucket",
                                    len == 0 ? "" : "; ", one->level,
                                    one->blocks == DB_PLACE_BLOCKS_MAX ? "at least " : "", one->blocks,
                                    one->blocks == 1 ? "" : "s", one->in_bucket);
    }
}

json_t *placeview_json(const struct db_place_level *levels, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:i, s:I, s:b, s:I, s:b}", "kind",
                                              levels[i].kind == 0 ? "tbs_fp" : "sha256", "level",
                                              levels[i].level, "blocks", (json_int_t)levels[i].blocks, "more",
                                              (int)(levels[i].blocks == DB_PLACE_BLOCKS_MAX), "in_bucket",
                                              (json_int_t)levels[i].in_bucket, "lags", (int)levels[i].lags));
    return list;
}

bool placeview_ill(const struct db_place_level *levels, size_t count, struct dbill *ill)
{
    const struct db_place_level *worst = NULL;
    for (size_t i = 0; i < count; i++)
        if (levels[i].lags && (worst == NULL || levels[i].in_bucket > worst->in_bucket))
            worst = &levels[i];
    if (worst == NULL)
        return false;
    (void)snprintf(ill->what, sizeof ill->what,
                   "blocks of places in logs are not merged: level %d has %" PRId64
                   " in a bucket, of %d that are usual and %d beside a backfill, so a hash is found slowly",
                   worst->level, worst->in_bucket, LIMIT_PLACE_FAN, LIMIT_PLACE_FAN_LOAD);
    (void)snprintf(ill->remedy, sizeof ill->remedy,
                   "run and ingest merge beside what they store; look in their log for why they can not");
    return true;
}
