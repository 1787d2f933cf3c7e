#include "watcher/together.h"

#include <stdlib.h>

/* watchset_new takes its watches over. */
struct watchset *together_set(const struct watch *const *watches, size_t count)
{
    struct watch *copies = calloc(count, sizeof *copies);
    size_t made = 0;
    while (copies != NULL && made < count && watch_copy(watches[made], &copies[made]))
        made++;
    if (copies == NULL || made != count) {
        if (copies != NULL)
            watch_free(copies, made);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        copies[i].lookalike = WATCH_LOOKALIKE_OFF;
    return watchset_new(copies, count, 0);
}

bool together_join(const struct watch *const *watches, size_t count, struct watch *joint)
{
    size_t items = 0;
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        items += watch_item_count(watches[i]);
    *joint = (struct watch){.item = watches[0]->item};
    joint->more = calloc(items + 1, sizeof *joint->more);
    if (joint->more == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < watch_item_count(watches[i]); k++)
            if (at++ != 0)
                joint->more[joint->more_count++] = *watch_item(watches[i], k);
    return true;
}
