#include "ingest/inside.h"

#include <stdlib.h>

#include "base/limits.h"
#include "verify/merkle.h"

struct walk {
    struct job *const *jobs;
    size_t count;
    size_t job;
    size_t entry;
};

static const uint8_t *step(struct walk *walk)
{
    while (walk->job < walk->count && walk->entry == walk->jobs[walk->job]->batch.entry_count) {
        walk->job++;
        walk->entry = 0;
    }
    must(walk->job < walk->count);
    return walk->jobs[walk->job]->batch.entries[walk->entry++].leaf_hash;
}

/* The whole batches in front of head.size, and the first part of the one that holds it. */
static void leaves_keep(struct inside *inside, struct job *const *jobs, size_t count)
{
    uint64_t end = inside->head.size;
    bool bytes = end - inside->before.size <= LIMIT_EVIDENCE_ENTRIES;
    for (size_t i = 0; i < count && jobs[i]->batch.begin < end; i++) {
        struct batch part = jobs[i]->batch;
        if (part.begin + part.entry_count > end)
            part.entry_count = (size_t)(end - part.begin);
        leafkeep_add(&inside->leaves, &part, bytes);
    }
}

static void nodes_make(struct inside *inside, struct walk *walk)
{
    uint64_t at = inside->head.size;
    while (at < inside->tree.size) {
        unsigned height = merkle_span_height(at, inside->tree.size);
        struct compact part = {.size = 0};
        for (uint64_t i = 0; i < UINT64_C(1) << height; i++)
            merkle_append(&part, step(walk));
        must(inside->node_count < INSIDE_NODES_MAX);
        merkle_root(&part, inside->node[inside->node_count++]);
        at += part.size;
    }
}

struct inside *inside_new(const struct head *head, const struct head *tree, const struct compact *before,
                          struct job *const *jobs, size_t count)
{
    struct inside *inside = calloc(1, sizeof(*inside));
    struct walk walk = {.jobs = jobs, .count = count};
    must(before->size <= head->size && head->size < tree->size);
    if (inside == NULL)
        return NULL;
    inside->head = *head;
    inside->head.raw = SPAN_NONE;
    inside->tree = *tree;
    inside->tree.raw = SPAN_NONE;
    inside->before = *before;
    inside->begin = *before;
    while (inside->begin.size < head->size)
        merkle_append(&inside->begin, step(&walk));
    leaves_keep(inside, jobs, count);
    nodes_make(inside, &walk);
    return inside;
}

void inside_free(struct inside *inside)
{
    if (inside == NULL)
        return;
    leafkeep_clear(&inside->leaves);
    free(inside);
}

bool inside_is(const struct inside *inside, const struct head *head)
{
    return inside != NULL && inside->head.size == head->size &&
           memcmp(inside->head.root, head->root, 32) == 0;
}
