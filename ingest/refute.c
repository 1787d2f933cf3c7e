#include "ingest/refute.h"

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
static void leaves_keep(struct refute *refute, struct job *const *jobs, size_t count)
{
    uint64_t end = refute->head.size;
    bool bytes = end - refute->before.size <= LIMIT_EVIDENCE_ENTRIES;
    for (size_t i = 0; i < count && jobs[i]->batch.begin < end; i++) {
        struct batch part = jobs[i]->batch;
        if (part.begin + part.entry_count > end)
            part.entry_count = (size_t)(end - part.begin);
        leafkeep_add(&refute->leaves, &part, bytes);
    }
}

static void nodes_make(struct refute *refute, struct walk *walk)
{
    uint64_t at = refute->head.size;
    while (at < refute->tree.size) {
        unsigned height = merkle_span_height(at, refute->tree.size);
        struct compact part = {.size = 0};
        for (uint64_t i = 0; i < UINT64_C(1) << height; i++)
            merkle_append(&part, step(walk));
        must(refute->node_count < REFUTE_NODES_MAX);
        merkle_root(&part, refute->node[refute->node_count++]);
        at += part.size;
    }
}

struct refute *refute_new(const struct head *head, const struct head *tree, const struct compact *before,
                          struct job *const *jobs, size_t count)
{
    struct refute *refute = calloc(1, sizeof(*refute));
    struct walk walk = {.jobs = jobs, .count = count};
    must(before->size <= head->size && head->size < tree->size);
    if (refute == NULL)
        return NULL;
    refute->head = *head;
    refute->head.raw = SPAN_NONE;
    refute->tree = *tree;
    refute->tree.raw = SPAN_NONE;
    refute->before = *before;
    refute->begin = *before;
    while (refute->begin.size < head->size)
        merkle_append(&refute->begin, step(&walk));
    leaves_keep(refute, jobs, count);
    nodes_make(refute, &walk);
    return refute;
}

void refute_free(struct refute *refute)
{
    if (refute == NULL)
        return;
    leafkeep_clear(&refute->leaves);
    free(refute);
}

bool refute_is(const struct refute *refute, const struct head *head)
{
    return refute != NULL && refute->head.size == head->size &&
           memcmp(refute->head.root, head->root, 32) == 0;
}
