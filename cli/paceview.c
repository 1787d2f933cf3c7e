#include "cli/paceview.h"

#include <stdio.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "ingest/opkey.h"

#define PACEVIEW_REFUSED 0.02   /* more is worth a line */
#define PACEVIEW_OLD_MS  600000 /* what was learned longer ago says nothing about now */

static void paceview_key(const struct db_pace *pace, const struct db_log_status *row,
                         char key[PACE_OPERATOR_MAX])
{
    const char *given = "";

    for (size_t i = 0; i < pace->given_count; i++)
        if (pace->given[i].log_id == row->id)
            given = pace->given[i].key;
    opkey_of(given, row->url, key);
}

static const struct db_pace_operator *paceview_find(const struct db_pace *pace, const char *key)
{
    for (size_t i = 0; i < pace->operator_count; i++)
        if (strcmp(pace->operators[i].key, key) == 0)
            return &pace->operators[i];
    return NULL;
}

static json_t *paceview_time(int64_t unix_ms)
{
    return unix_ms <= 0 ? json_null() : cmd_json_time(unix_ms);
}

json_t *paceview_json(const struct db_pace *pace, const struct db_log_status *row)
{
    char key[PACE_OPERATOR_MAX];
    json_t *object = json_object();

    paceview_key(pace, row, key);
    const struct db_pace_operator *known = paceview_find(pace, key);
    must(object != NULL);
    must(json_object_set_new(object, "operator", cmd_json_latin1(span_str(key))) == 0);
    if (known == NULL)
        return object;
    must(json_object_set_new(object, "requests_per_s", json_real(known->rate)) == 0);
    must(json_object_set_new(object, "refused", json_real(known->refused)) == 0);
    must(json_object_set_new(object, "hold_until", paceview_time(known->hold_until_ms)) == 0);
    must(json_object_set_new(object, "updated_at", paceview_time(known->updated_ms)) == 0);
    return object;
}

void paceview_log(const struct db_pace *pace, const struct db_log_status *row, int64_t now_ms)
{
    char key[PACE_OPERATOR_MAX];
    char when[TEXT_TIME_MAX];

    if (!row->followed)
        return;
    paceview_key(pace, row, key);
    const struct db_pace_operator *known = paceview_find(pace, key);
    if (known == NULL || now_ms - known->updated_ms > PACEVIEW_OLD_MS)
        return;
    if (known->hold_until_ms <= now_ms && known->refused <= PACEVIEW_REFUSED)
        return;
    printf("  operator ");
    cmd_print_visible(span_str(key), 0);
    if (known->hold_until_ms > now_ms)
        printf(": nothing is asked before %s, because it said so or refused",
               text_time(known->hold_until_ms, false, when));
    else
        printf(known->rate >= 0.001 && known->rate < 1000 ? ": asked %.3g times a second"
                                                          : ": asked %.0f times a second",
               known->rate);
    printf("; %.1f %% of the last requests were refused\n", 100 * known->refused);
}
