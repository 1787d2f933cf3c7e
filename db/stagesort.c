#include "db/stagesort.h"

#include <stdlib.h>

#define BUCKET_BITS 12
#define BUCKETS     ((size_t)1 << BUCKET_BITS)
#define FEW         16 /* rows that are put in order by moving them one by one */

static int by_fp(const void *left, const void *right)
{
    const struct stage_row *a = left;
    const struct stage_row *b = right;
    if (a->head != b->head)
        return a->head < b->head ? -1 : 1;
    int order = memcmp(a->entry->issuance.tbs_fp, b->entry->issuance.tbs_fp, 32);
    if (order != 0)
        return order;
    if (a->issuer != b->issuer)
        return a->issuer < b->issuer ? -1 : 1;
    return (a->entry->index > b->entry->index) - (a->entry->index < b->entry->index);
}

static void sort_few(struct stage_row *rows, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const struct stage_row row = rows[i];
        size_t at = i;
        for (; at != 0 && by_fp(&row, &rows[at - 1]) < 0; at--)
            rows[at] = rows[at - 1];
        rows[at] = row;
    }
}

/* The first bits of hashes spread rows over buckets of a few. */
void stagesort_rows(struct stage_row **rows, struct stage_row **spare, size_t count)
{
    size_t ends[BUCKETS] = {0};
    struct stage_row *from = *rows;
    struct stage_row *to = *spare;
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        ends[from[i].head >> (64 - BUCKET_BITS)]++;
    for (size_t i = 0; i < BUCKETS; i++) {
        size_t here = ends[i];
        ends[i] = at;
        at += here;
    }
    for (size_t i = 0; i < count; i++)
        to[ends[from[i].head >> (64 - BUCKET_BITS)]++] = from[i];
    for (size_t i = 0, begin = 0; i < BUCKETS; begin = ends[i++]) {
        size_t here = ends[i] - begin;
        if (here > FEW)
            qsort(to + begin, here, sizeof *to, by_fp);
        else
            sort_few(to + begin, here);
    }
    *rows = to;
    *spare = from;
}
