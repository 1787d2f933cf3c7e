#include "trust/capath.h"

#include <stdlib.h>

#include "base/limits.h"

static bool names_within(const struct capath *a, const struct capath *b)
{
    size_t k = 0;
    for (size_t i = 0; i < a->name_count; i++) {
        while (k < b->name_count && b->names[k] < a->names[i])
            k++;
        if (k == b->name_count || b->names[k] != a->names[i])
            return false;
    }
    return true;
}

bool capath_beats(const struct capath *a, const struct capath *b)
{
    return a->nb_max >= b->nb_max && a->sct_max >= b->sct_max && a->from <= b->from && a->until >= b->until &&
           (a->block_rule == CAPATH_NONE || b->block_rule != CAPATH_NONE) && a->left >= b->left &&
           a->depth >= b->depth && a->fit >= b->fit && a->partial <= b->partial && names_within(a, b);
}

static bool grow(struct capath_set *set)
{
    if (set->count < set->cap)
        return true;
    if (set->cap >= LIMIT_CA_PATHS) {
        set->cut = true;
        return false;
    }
    uint32_t cap = set->cap == 0 ? 4 : 2 * set->cap;
    cap = cap > LIMIT_CA_PATHS ? LIMIT_CA_PATHS : cap;
    struct capath *path = realloc(set->path, cap * sizeof *path);
    must(path != NULL);
    set->path = path;
    set->cap = cap;
    return true;
}

bool capath_add(struct capath_set *set, const struct capath *path)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (!capath_beats(&set->path[i], path))
            continue;
        /* Of two that are equal the one that tells more is kept. */
        if (set->path[i].blame || !path->blame || !capath_beats(path, &set->path[i]))
            return false;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set->count; i++)
        if (!capath_beats(path, &set->path[i]))
            set->path[kept++] = set->path[i];
    set->count = kept;
    bool was_cut = set->cut;
    if (!grow(set))
        return !was_cut;
    set->path[set->count++] = *path;
    return true;
}

bool capath_constrain(struct capath *path, uint32_t names)
{
    size_t at = path->name_count;
    for (size_t i = 0; i < path->name_count; i++)
        if (path->names[i] == names)
            return true;
    if (path->name_count == countof(path->names))
        return false;
    for (; at > 0 && path->names[at - 1] > names; at--)
        path->names[at] = path->names[at - 1];
    path->names[at] = names;
    path->name_count++;
    return true;
}

void capath_set_fini(struct capath_set *set)
{
    free(set->path);
    *set = (struct capath_set){0};
}
