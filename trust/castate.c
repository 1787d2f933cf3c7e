#include "trust/castate.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "verify/digest.h"

#define STATE_MAX  ((size_t)VERDICT_STORES * LIMIT_CA_PATHS * 512 + 256)
#define PATH_BYTES 32

static void put_rule(struct buf *out, const struct cagraph *graph, uint32_t at)
{
    buf_byte(out, at != CAPATH_NONE);
    if (at == CAPATH_NONE)
        return;
    const struct carule *rule = cagraph_rule(graph, at);
    buf_byte(out, (uint8_t)rule->kind);
    buf_byte(out, (uint8_t)rule->class);
    buf_u64(out, (uint64_t)rule->limit);
    buf_put(out, span_of(rule->hash, 32));
    buf_str(out, rule->text);
}

static void put_names(struct buf *out, const struct cagraph *graph, uint32_t names)
{
    if ((names & CAPATH_RULE) != 0)
        put_rule(out, graph, names & ~CAPATH_RULE);
    else
        buf_put(out, span_of(cagraph_cert(graph, names)->sha256, 32));
}

static void put_path(struct buf *out, const struct cagraph *graph, const struct capath *path)
{
    buf_u64(out, (uint64_t)path->nb_max);
    buf_u64(out, (uint64_t)path->sct_max);
    buf_u64(out, (uint64_t)path->from);
    buf_u64(out, (uint64_t)path->until);
    put_rule(out, graph, path->nb_rule);
    put_rule(out, graph, path->sct_rule);
    put_rule(out, graph, path->block_rule);
    buf_byte(out, (uint8_t)(path->fit + 2 * path->partial));
    for (size_t i = 0; i < path->name_count; i++)
        put_names(out, graph, path->names[i]);
}

static int by_bytes(const void *left, const void *right)
{
    return memcmp(left, right, PATH_BYTES);
}

/* The order in which paths were found does not count. */
static void put_set(struct buf *out, const struct cagraph *graph, const struct capath_set *set)
{
    uint8_t hash[LIMIT_CA_PATHS][PATH_BYTES];
    struct buf one;
    must(set->count <= LIMIT_CA_PATHS);
    buf_init(&one, STATE_MAX);
    for (uint32_t i = 0; i < set->count; i++) {
        buf_clear(&one);
        put_path(&one, graph, &set->path[i]);
        must(buf_ok(&one));
        digest_sha256(buf_span(&one), hash[i]);
    }
    buf_fini(&one);
    qsort(hash, set->count, sizeof hash[0], by_bytes);
    buf_byte(out, (uint8_t)set->count);
    buf_byte(out, set->cut);
    buf_put(out, span_of(hash, set->count * sizeof hash[0]));
}

void castate_of(const struct cagraph *graph, const uint8_t subject[32], const uint8_t key[32],
                uint8_t out[32])
{
    const struct cagraph_ca *ca = cagraph_find(graph, subject, key);
    struct buf bytes;
    buf_init(&bytes, STATE_MAX);
    buf_byte(&bytes, ca != NULL);
    buf_byte(&bytes, ca == NULL ? 0 : (uint8_t)(ca->open + 2 * ca->test + 4 * (ca->touched != CAPATH_NONE)));
    bool vouched = false;
    for (int i = 0; i < VERDICT_STORES; i++) {
        struct capath_set own = {0};
        if (ca == NULL)
            cagraph_paths_of_key(graph, subject, key, (enum verdict_store)i, &own);
        const struct capath_set *set = ca == NULL ? &own : cagraph_paths(graph, ca, (enum verdict_store)i);
        vouched = vouched || set->count != 0 || set->cut;
        put_set(&bytes, graph, set);
        capath_set_fini(&own);
    }
    /* Only then the name counts. */
    if (!vouched)
        buf_byte(&bytes, cagraph_named(graph, subject) != NULL);
    must(buf_ok(&bytes));
    digest_sha256(buf_span(&bytes), out);
    buf_fini(&bytes);
}
