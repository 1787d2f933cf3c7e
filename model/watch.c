#include "model/watch.h"

void watch_free(struct watch *watches, size_t count)
{
    if (watches == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < watches[i].allow_count; k++)
            free(watches[i].allow[k].label);
        free(watches[i].allow);
        free(watches[i].owner);
        free(watches[i].name);
    }
    free(watches);
}
