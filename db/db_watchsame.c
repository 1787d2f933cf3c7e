#include "db/db_watchsame.h"

#include <stdlib.h>

#include "base/limits.h"
#include "db/watchjson.h"

static int by_hash(const void *a, const void *b)
{
    const struct watch_allow *left = a;
    const struct watch_allow *right = b;
    int order = memcmp(left->spki_sha256, right->spki_sha256, 32);
    return order != 0 ? order : strcmp(left->label, right->label);
}

void db_watchsame_sort(struct watch *watch)
{
    size_t kept = 0;
    if (watch->allow_count == 0)
        return;
    qsort(watch->allow, watch->allow_count, sizeof *watch->allow, by_hash);
    for (size_t i = 0; i < watch->allow_count; i++) {
        if (kept != 0 && by_hash(&watch->allow[i], &watch->allow[kept - 1]) == 0)
            free(watch->allow[i].label);
        else
            watch->allow[kept++] = watch->allow[i];
    }
    watch->allow_count = kept;
}

bool db_watchsame(struct watch *a, struct watch *b)
{
    struct buf left;
    struct buf right;
    db_watchsame_sort(a);
    db_watchsame_sort(b);
    buf_init(&left, LIMIT_POLICY_BYTES);
    buf_init(&right, LIMIT_POLICY_BYTES);
    watchjson_write(a, &left);
    watchjson_write(b, &right);
    bool same = a->kind == b->kind && a->exact == b->exact && buf_ok(&left) && buf_ok(&right) &&
                strcmp(buf_text(&left), buf_text(&right)) == 0;
    buf_fini(&left);
    buf_fini(&right);
    return same;
}
