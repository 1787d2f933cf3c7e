#include "trust/cagraph.h"

#include <stdlib.h>

#include "trust/cainside.h"

struct edge {
    uint8_t child[32];
    uint8_t parent[32];
};

struct pair {
    uint32_t cert;
    uint32_t ca;
};

struct cagraph_plan {
    struct cafacts *cert;
    size_t cert_count;
    size_t cert_cap;
    struct carule *rule;
    size_t rule_count;
    size_t rule_cap;
    struct edge *edge;
    size_t edge_count;
    size_t edge_cap;
    struct cagraph_source source[CAGRAPH_SOURCES_MAX];
    size_t source_count;
    void **text;
    size_t text_count;
    size_t text_cap;
};

/* One more in an array that grows by doubling. */
static void *more(void *array, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return array;
    *cap = *cap == 0 ? 64 : 2 * *cap;
    array = realloc(array, *cap * size);
    must(array != NULL);
    return array;
}

static void *some(size_t count, size_t size)
{
    void *array = calloc(count + 1, size);
    must(array != NULL);
    return array;
}

struct cagraph_plan *cagraph_plan_new(void)
{
    struct cagraph_plan *plan = some(1, sizeof *plan);
    return plan;
}

void cagraph_plan_free(struct cagraph_plan *plan)
{
    if (plan == NULL)
        return;
    for (size_t i = 0; i < plan->text_count; i++)
        free(plan->text[i]);
    free(plan->text);
    free(plan->cert);
    free(plan->rule);
    free(plan->edge);
    free(plan);
}

static void *keep(struct cagraph_plan *plan, struct span bytes)
{
    char *copy = some(bytes.len, 1);
    if (bytes.len != 0)
        memcpy(copy, bytes.at, bytes.len);
    plan->text = more(plan->text, plan->text_count, &plan->text_cap, sizeof *plan->text);
    plan->text[plan->text_count++] = copy;
    return copy;
}

/* Most rules have the words of the one before. */
static const char *keep_text(struct cagraph_plan *plan, const char *text, const char *before)
{
    if (text == NULL || text[0] == '\0')
        return "";
    if (before != NULL && strcmp(before, text) == 0)
        return before;
    return keep(plan, span_str(text));
}

void cagraph_plan_cert(struct cagraph_plan *plan, const struct cafacts *facts)
{
    plan->cert = more(plan->cert, plan->cert_count, &plan->cert_cap, sizeof *plan->cert);
    struct cafacts *cert = &plan->cert[plan->cert_count++];
    *cert = *facts;
    cert->name = SPAN_NONE;
    if (facts->names.at != NULL)
        cert->names = span_of(keep(plan, facts->names), facts->names.len);
    cert->label = facts->label == NULL ? NULL : keep_text(plan, facts->label, NULL);
}

void cagraph_plan_rule(struct cagraph_plan *plan, const struct carule *rule)
{
    plan->rule = more(plan->rule, plan->rule_count, &plan->rule_cap, sizeof *plan->rule);
    const struct carule *before = plan->rule_count == 0 ? NULL : &plan->rule[plan->rule_count - 1];
    struct carule *own = &plan->rule[plan->rule_count];
    *own = *rule;
    own->text = keep_text(plan, rule->text, before == NULL ? NULL : before->text);
    own->label = keep_text(plan, rule->label, before == NULL ? NULL : before->label);
    own->source = keep_text(plan, rule->source, before == NULL ? NULL : before->source);
    plan->rule_count++;
}

void cagraph_plan_source(struct cagraph_plan *plan, const struct cagraph_source *source)
{
    for (size_t i = 0; i < plan->source_count; i++)
        if (strcmp(plan->source[i].name, source->name) == 0)
            return;
    if (plan->source_count < countof(plan->source))
        plan->source[plan->source_count++] = *source;
}

void cagraph_plan_edge(struct cagraph_plan *plan, const uint8_t child[32], const uint8_t parent[32])
{
    plan->edge = more(plan->edge, plan->edge_count, &plan->edge_cap, sizeof *plan->edge);
    struct edge *edge = &plan->edge[plan->edge_count++];
    memcpy(edge->child, child, 32);
    memcpy(edge->parent, parent, 32);
}

static int by_identity(const void *left, const void *right)
{
    const struct cafacts *a = left;
    const struct cafacts *b = right;
    int order = memcmp(a->key, b->key, 32);
    if (order == 0)
        order = memcmp(a->subject, b->subject, 32);
    if (order == 0)
        order = memcmp(a->sha256, b->sha256, 32);
    return order != 0 ? order : (int)b->read - (int)a->read;
}

static int by_mark(const void *left, const void *right)
{
    const struct cainside_mark *a = left;
    const struct cainside_mark *b = right;
    int order = memcmp(a->hash, b->hash, 32);
    return order != 0 ? order : (a->rule > b->rule) - (a->rule < b->rule);
}

static int by_cert_sha(const void *left, const void *right, void *arg)
{
    const struct cagraph *graph = arg;
    return memcmp(graph->cert[*(const uint32_t *)left].sha256, graph->cert[*(const uint32_t *)right].sha256,
                  32);
}

static int by_ca_subject(const void *left, const void *right, void *arg)
{
    const struct cagraph *graph = arg;
    const struct cagraph_ca *a = &graph->ca[*(const uint32_t *)left];
    const struct cagraph_ca *b = &graph->ca[*(const uint32_t *)right];
    int order = memcmp(a->subject, b->subject, 32);
    return order != 0 ? order : memcmp(a->key, b->key, 32);
}

static int by_pair(const void *left, const void *right)
{
    const struct pair *a = left;
    const struct pair *b = right;
    return a->cert != b->cert ? (a->cert > b->cert) - (a->cert < b->cert) : (a->ca > b->ca) - (a->ca < b->ca);
}

static void take_certs(struct cagraph *graph, struct cagraph_plan *plan)
{
    graph->cert = plan->cert == NULL ? some(1, sizeof *graph->cert) : plan->cert;
    plan->cert = NULL;
    qsort(graph->cert, plan->cert_count, sizeof *graph->cert, by_identity);
    for (size_t i = 0; i < plan->cert_count; i++)
        if (i == 0 || memcmp(graph->cert[i].sha256, graph->cert[graph->cert_count - 1].sha256, 32) != 0)
            graph->cert[graph->cert_count++] = graph->cert[i];
    graph->by_hash = some(graph->cert_count, sizeof *graph->by_hash);
    graph->ca = some(graph->cert_count, sizeof *graph->ca);
    graph->ca_of = some(graph->cert_count, sizeof *graph->ca_of);
    for (uint32_t i = 0; i < graph->cert_count; i++) {
        const struct cafacts *cert = &graph->cert[i];
        struct cagraph_ca *ca = graph->ca_count == 0 ? NULL : &graph->ca[graph->ca_count - 1];
        if (ca == NULL || memcmp(ca->key, cert->key, 32) != 0 ||
            memcmp(ca->subject, cert->subject, 32) != 0) {
            ca = &graph->ca[graph->ca_count++];
            ca->certs = i;
            memcpy(ca->key, cert->key, 32);
            memcpy(ca->subject, cert->subject, 32);
        }
        ca->cert_count++;
        graph->by_hash[i] = i;
        graph->ca_of[i] = (uint32_t)(graph->ca_count - 1);
    }
    qsort_r(graph->by_hash, graph->cert_count, sizeof *graph->by_hash, by_cert_sha, graph);
    graph->by_subject = some(graph->ca_count, sizeof *graph->by_subject);
    for (uint32_t i = 0; i < graph->ca_count; i++)
        graph->by_subject[i] = i;
    qsort_r(graph->by_subject, graph->ca_count, sizeof *graph->by_subject, by_ca_subject, graph);
}

static bool is_zero(const uint8_t hash[32])
{
    static const uint8_t zero[32];
    return memcmp(hash, zero, 32) == 0;
}

static void take_rules(struct cagraph *graph, struct cagraph_plan *plan)
{
    graph->rule = plan->rule == NULL ? some(1, sizeof *graph->rule) : plan->rule;
    graph->rule_count = plan->rule_count;
    plan->rule = NULL;
    graph->mark = some(2 * graph->rule_count, sizeof *graph->mark);
    for (uint32_t i = 0; i < graph->rule_count; i++) {
        const struct carule *rule = &graph->rule[i];
        struct cainside_mark *mark = &graph->mark[graph->mark_count++];
        memcpy(mark->hash, rule->hash, 32);
        mark->rule = i;
        if (rule->kind != CARULE_ANCHOR || is_zero(rule->key) || memcmp(rule->key, rule->hash, 32) == 0)
            continue;
        mark = &graph->mark[graph->mark_count++];
        memcpy(mark->hash, rule->key, 32);
        mark->rule = i;
    }
    qsort(graph->mark, graph->mark_count, sizeof *graph->mark, by_mark);
}

/* A parent is a CA, whichever of its certificates was compared. */
static void take_edges(struct cagraph *graph, const struct cagraph_plan *plan)
{
    struct pair *pair = some(plan->edge_count, sizeof *pair);
    size_t count = 0;
    for (size_t i = 0; i < plan->edge_count; i++) {
        uint32_t child = cagraph_cert_find(graph, plan->edge[i].child);
        uint32_t parent = cagraph_cert_find(graph, plan->edge[i].parent);
        if (child != CAPATH_NONE && parent != CAPATH_NONE)
            pair[count++] = (struct pair){child, graph->ca_of[parent]};
    }
    qsort(pair, count, sizeof *pair, by_pair);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || by_pair(&pair[kept - 1], &pair[i]) != 0)
            pair[kept++] = pair[i];
    graph->up_from = some(graph->cert_count + 1, sizeof *graph->up_from);
    graph->down_from = some(graph->ca_count + 1, sizeof *graph->down_from);
    graph->up = some(kept, sizeof *graph->up);
    graph->down = some(kept, sizeof *graph->down);
    for (size_t i = 0; i < kept; i++) {
        graph->up_from[pair[i].cert + 1]++;
        graph->down_from[pair[i].ca + 1]++;
        graph->up[i] = pair[i].ca;
    }
    for (size_t i = 0; i < graph->cert_count; i++)
        graph->up_from[i + 1] += graph->up_from[i];
    for (size_t i = 0; i < graph->ca_count; i++)
        graph->down_from[i + 1] += graph->down_from[i];
    uint32_t *next = some(graph->ca_count, sizeof *next);
    for (size_t i = 0; i < kept; i++)
        graph->down[graph->down_from[pair[i].ca] + next[pair[i].ca]++] = pair[i].cert;
    free(next);
    free(pair);
}

struct cagraph *cagraph_new(struct cagraph_plan *plan, int64_t bundle_ms, int64_t bundle_id, uint64_t version)
{
    struct cagraph *graph = some(1, sizeof *graph);
    atomic_store(&graph->pins, 1);
    graph->bundle_ms = bundle_ms;
    graph->bundle_id = bundle_id;
    graph->version = version;
    memcpy(graph->source, plan->source, sizeof graph->source);
    graph->source_count = plan->source_count;
    take_certs(graph, plan);
    take_rules(graph, plan);
    take_edges(graph, plan);
    graph->text = plan->text;
    graph->text_count = plan->text_count;
    plan->text = NULL;
    plan->text_count = 0;
    cagraph_plan_free(plan);
    for (int store = 0; store < VERDICT_STORES; store++)
        graph->ways[store] = some(graph->ca_count, sizeof *graph->ways[store]);
    caways_find(graph);
    return graph;
}

struct cagraph *cagraph_pin(struct cagraph *graph)
{
    atomic_fetch_add(&graph->pins, 1);
    return graph;
}

void cagraph_unpin(struct cagraph *graph)
{
    if (graph == NULL || atomic_fetch_sub(&graph->pins, 1) != 1)
        return;
    for (int store = 0; store < VERDICT_STORES; store++) {
        for (size_t i = 0; i < graph->ca_count; i++)
            capath_set_fini(&graph->ways[store][i]);
        free(graph->ways[store]);
    }
    for (size_t i = 0; i < graph->text_count; i++)
        free(graph->text[i]);
    free(graph->text);
    free(graph->cert);
    free(graph->by_hash);
    free(graph->rule);
    free(graph->mark);
    free(graph->ca);
    free(graph->by_subject);
    free(graph->ca_of);
    free(graph->up_from);
    free(graph->up);
    free(graph->down_from);
    free(graph->down);
    free(graph);
}

int64_t cagraph_bundle_ms(const struct cagraph *graph)
{
    return graph->bundle_ms;
}

int64_t cagraph_bundle_id(const struct cagraph *graph)
{
    return graph->bundle_id;
}

uint64_t cagraph_version(const struct cagraph *graph)
{
    return graph->version;
}

size_t cagraph_source_count(const struct cagraph *graph)
{
    return graph->source_count;
}

const struct cagraph_source *cagraph_source(const struct cagraph *graph, size_t at)
{
    must(at < graph->source_count);
    return &graph->source[at];
}

const struct cagraph_source *cagraph_oldest(const struct cagraph *graph)
{
    const struct cagraph_source *oldest = NULL;
    for (size_t i = 0; i < graph->source_count; i++) {
        const struct cagraph_source *source = &graph->source[i];
        if (source->counts && !source->fixed && (oldest == NULL || source->dated_ms < oldest->dated_ms))
            oldest = source;
    }
    return oldest;
}

size_t cagraph_ca_count(const struct cagraph *graph)
{
    return graph->ca_count;
}

const struct cagraph_ca *cagraph_ca(const struct cagraph *graph, size_t at)
{
    must(at < graph->ca_count);
    return &graph->ca[at];
}

const struct cagraph_ca *cagraph_find(const struct cagraph *graph, const uint8_t subject[32],
                                      const uint8_t key[32])
{
    size_t low = 0;
    size_t high = graph->ca_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = memcmp(graph->ca[mid].key, key, 32);
        if (order == 0)
            order = memcmp(graph->ca[mid].subject, subject, 32);
        if (order == 0)
            return &graph->ca[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* Does any store have something to say of it? */
static bool is_known(const struct cagraph *graph, size_t at)
{
    for (int store = 0; store < VERDICT_STORES; store++)
        if (graph->ways[store][at].count != 0)
            return true;
    return false;
}

const struct cagraph_ca *cagraph_named(const struct cagraph *graph, const uint8_t subject[32])
{
    size_t low = 0;
    size_t high = graph->ca_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(graph->ca[graph->by_subject[mid]].subject, subject, 32) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < graph->ca_count; low++) {
        size_t at = graph->by_subject[low];
        if (memcmp(graph->ca[at].subject, subject, 32) != 0)
            break;
        if (is_known(graph, at))
            return &graph->ca[at];
    }
    return NULL;
}

const struct capath_set *cagraph_paths(const struct cagraph *graph, const struct cagraph_ca *ca,
                                       enum verdict_store store)
{
    must((unsigned)store < VERDICT_STORES && ca >= graph->ca && ca < graph->ca + graph->ca_count);
    return &graph->ways[store][ca - graph->ca];
}

void cagraph_paths_of_key(const struct cagraph *graph, const uint8_t subject[32], const uint8_t key[32],
                          enum verdict_store store, struct capath_set *set)
{
    *set = (struct capath_set){0};
    caways_begin(graph, subject, key, 0, 0, store, set);
}

size_t cagraph_cert_count(const struct cagraph *graph)
{
    return graph->cert_count;
}

const struct cafacts *cagraph_cert(const struct cagraph *graph, size_t at)
{
    must(at < graph->cert_count);
    return &graph->cert[at];
}

uint32_t cagraph_cert_find(const struct cagraph *graph, const uint8_t sha256[32])
{
    size_t low = 0;
    size_t high = graph->cert_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = memcmp(graph->cert[graph->by_hash[mid]].sha256, sha256, 32);
        if (order == 0)
            return graph->by_hash[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return CAPATH_NONE;
}

size_t cagraph_rule_count(const struct cagraph *graph)
{
    return graph->rule_count;
}

const struct carule *cagraph_rule(const struct cagraph *graph, size_t at)
{
    must(at < graph->rule_count);
    return &graph->rule[at];
}

const uint8_t *cagraph_step(const struct cagraph *graph, uint32_t step)
{
    if ((step & CAPATH_RULE) != 0)
        return cagraph_rule(graph, step & ~CAPATH_RULE)->hash;
    return cagraph_cert(graph, step)->sha256;
}

const uint32_t *cagraph_up(const struct cagraph *graph, size_t at, size_t *count)
{
    must(at < graph->cert_count);
    *count = graph->up_from[at + 1] - graph->up_from[at];
    return graph->up + graph->up_from[at];
}

void cagraph_rules_on(const struct cagraph *graph, const uint8_t hash[32],
                      void (*each)(void *arg, uint32_t at, const struct carule *rule), void *arg)
{
    size_t low = 0;
    size_t high = graph->mark_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(graph->mark[mid].hash, hash, 32) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < graph->mark_count && memcmp(graph->mark[low].hash, hash, 32) == 0; low++)
        each(arg, graph->mark[low].rule, &graph->rule[graph->mark[low].rule]);
}
