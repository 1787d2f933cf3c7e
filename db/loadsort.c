#include "db/loadsort.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK      ((size_t)1 << 20)
#define ITEMS_MIN  4096
#define PLACE_BITS 12
#define PLACES     ((size_t)1 << PLACE_BITS)
#define FEW        16 /* items that are put in order by moving them one by one */

void loadsort_init(struct loadsort *sort)
{
    *sort = (struct loadsort){0};
}

static void free_blocks(struct loadsort *sort)
{
    while (sort->blocks != NULL) {
        struct loadsort_block *next = sort->blocks->next;
        free(sort->blocks);
        sort->blocks = next;
    }
}

void loadsort_fini(struct loadsort *sort)
{
    free_blocks(sort);
    free(sort->items);
    *sort = (struct loadsort){0};
}

void loadsort_begin(struct loadsort *sort, enum loadrow_kind kind)
{
    free_blocks(sort);
    sort->kind = kind;
    sort->count = 0;
    sort->bytes = 0;
}

static uint8_t *room(struct loadsort *sort, size_t bytes)
{
    struct loadsort_block *block = sort->blocks;
    if (block == NULL || block->cap - block->len < bytes) {
        size_t cap = bytes > BLOCK ? bytes : BLOCK;
        block = malloc(sizeof *block + cap);
        if (block == NULL)
            return NULL;
        *block = (struct loadsort_block){.next = sort->blocks, .cap = cap};
        sort->blocks = block;
    }
    uint8_t *at = block->at + block->len;
    block->len += bytes;
    return at;
}

static bool grow(struct loadsort *sort)
{
    size_t cap = sort->cap == 0 ? ITEMS_MIN : sort->cap + sort->cap / 4;
    struct loadsort_item *items = realloc(sort->items, cap * sizeof *items);
    if (items == NULL)
        return false;
    sort->items = items;
    sort->cap = cap;
    return true;
}

enum err_code loadsort_add(struct loadsort *sort, struct span row, const struct loadrow *is, bool old,
                           struct err *why)
{
    uint8_t *at = room(sort, row.len);
    if (at == NULL || (sort->count == sort->cap && !grow(sort)))
        return err_set(why, ERR_MEMORY, "database: no memory for the rows of a backfill");
    memcpy(at, row.at, row.len);
    sort->bytes += loadsort_size(row.len);
    sort->items[sort->count++] = (struct loadsort_item){.place = is->place,
                                                        .not_before = is->not_before,
                                                        .at = at,
                                                        .fp = at + (is->fp - row.at),
                                                        .first_seen = is->first_seen,
                                                        .len = (uint32_t)row.len,
                                                        .issuer = is->issuer,
                                                        .old = old};
    return ERR_OK;
}

/* Of which issuance, among those of the same place and time. */
static int by_issuance(const struct loadsort_item *a, const struct loadsort_item *b)
{
    int order = memcmp(a->fp, b->fp, 32);
    return order != 0 ? order : (a->issuer > b->issuer) - (a->issuer < b->issuer);
}

static int by_place(const struct loadsort_item *a, const struct loadsort_item *b)
{
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    return (a->not_before < b->not_before) - (a->not_before > b->not_before);
}

static int by_cert(const void *left, const void *right)
{
    const struct loadsort_item *a = left;
    const struct loadsort_item *b = right;
    int order = by_place(a, b);
    if (order == 0)
        order = by_issuance(a, b);
    if (order == 0)
        order = (int)b->old - (int)a->old;
    return order != 0 ? order : (a->first_seen > b->first_seen) - (a->first_seen < b->first_seen);
}

/* A row of these has nothing that does not tell it from others. */
static int by_bytes(const void *left, const void *right)
{
    const struct loadsort_item *a = left;
    const struct loadsort_item *b = right;
    int order = by_place(a, b);
    if (order == 0)
        order = by_issuance(a, b);
    if (order == 0)
        order = (a->len > b->len) - (a->len < b->len);
    return order != 0 ? order : memcmp(a->at, b->at, a->len);
}

static bool is_same(enum loadrow_kind kind, const struct loadsort_item *a, const struct loadsort_item *b)
{
    if (kind != LOADROW_CERT)
        return by_bytes(a, b) == 0;
    return by_place(a, b) == 0 && by_issuance(a, b) == 0;
}

typedef int order_of(const void *left, const void *right);

static void sort_few(struct loadsort_item *items, size_t count, order_of *order)
{
    for (size_t i = 1; i < count; i++) {
        const struct loadsort_item item = items[i];
        size_t at = i;
        for (; at != 0 && order(&item, &items[at - 1]) < 0; at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

static uint64_t turned(int64_t place)
{
    return (uint64_t)place ^ (uint64_t)1 << 63;
}

/* How far places have to be moved so that the bits in which they differ first number the heaps. */
static unsigned shift_of(const struct loadsort *sort)
{
    uint64_t differ = 0;
    for (size_t i = 1; i < sort->count; i++)
        differ |= (uint64_t)(sort->items[i].place ^ sort->items[0].place);
    unsigned bits = differ == 0 ? 0 : 64 - (unsigned)__builtin_clzll(differ);
    return bits > PLACE_BITS ? bits - PLACE_BITS : 0;
}

/* Places are hashes: by their first bits they are heaps of a few. What is one large heap is sorted as it is.
 */
static bool make_heaps(struct loadsort *sort, size_t ends[PLACES])
{
    struct loadsort_item *to = malloc(sort->cap * sizeof *to);
    unsigned shift = shift_of(sort);
    size_t at = 0;
    if (to == NULL)
        return false;
    memset(ends, 0, PLACES * sizeof ends[0]);
    for (size_t i = 0; i < sort->count; i++)
        ends[turned(sort->items[i].place) >> shift & (PLACES - 1)]++;
    for (size_t i = 0; i < PLACES; i++) {
        size_t here = ends[i];
        ends[i] = at;
        at += here;
    }
    for (size_t i = 0; i < sort->count; i++)
        to[ends[turned(sort->items[i].place) >> shift & (PLACES - 1)]++] = sort->items[i];
    free(sort->items);
    sort->items = to;
    return true;
}

static void sort_all(struct loadsort *sort, order_of *order)
{
    size_t ends[PLACES];
    if (!make_heaps(sort, ends)) {
        qsort(sort->items, sort->count, sizeof *sort->items, order);
        return;
    }
    for (size_t i = 0, begin = 0; i < PLACES; begin = ends[i++]) {
        size_t here = ends[i] - begin;
        if (here > FEW)
            qsort(sort->items + begin, here, sizeof *sort->items, order);
        else
            sort_few(sort->items + begin, here, order);
    }
}

void loadsort_order(struct loadsort *sort)
{
    size_t kept = 0;
    if (sort->count == 0)
        return;
    sort_all(sort, sort->kind == LOADROW_CERT ? by_cert : by_bytes);
    for (size_t i = 0; i < sort->count; i++)
        if (i == 0 || !is_same(sort->kind, &sort->items[kept - 1], &sort->items[i]))
            sort->items[kept++] = sort->items[i];
    sort->count = kept;
}
