/* Works out the ways of cainside.h: from the roots of each store downwards until nothing changes. Every step
 * makes a condition stricter, so a way that comes back to a CA it went through is beaten by the one it began
 * with, and circles end by themselves. */
#include <stdlib.h>

#include "trust/cainside.h"

/* What the rules of one store say of a certificate, or of a key alone. */
struct said {
    enum verdict_store store;
    bool root; /* as a root: anchors, removals and limits count as well */
    const struct cagraph *graph;
    const uint8_t *subject;
    const uint8_t *key;
    uint32_t blocked;
    uint32_t removed;
    uint32_t names[2]; /* more than two lists for one certificate nobody keeps */
    uint32_t name_count;
    uint32_t nb_rule;
    uint32_t sct_rule;
    uint32_t anchor[8];
    uint32_t anchor_count;
};

/* The rule that says more: an alarming one, else the first. */
static void graver(const struct cagraph *graph, uint32_t *at, uint32_t other)
{
    if (*at == CAPATH_NONE ||
        (carule_alarms(graph->rule[other].class) && !carule_alarms(graph->rule[*at].class)))
        *at = other;
}

static void stricter(const struct cagraph *graph, uint32_t *at, uint32_t other)
{
    if (*at == CAPATH_NONE || graph->rule[other].limit < graph->rule[*at].limit ||
        (graph->rule[other].limit == graph->rule[*at].limit && carule_alarms(graph->rule[other].class)))
        *at = other;
}

static bool is_zero(const uint8_t hash[32])
{
    static const uint8_t zero[32];
    return memcmp(hash, zero, 32) == 0;
}

/* A root is its certificate, and whatever shares subject and key with it. */
static bool is_anchor(const struct said *said, const struct carule *rule)
{
    if (is_zero(rule->key))
        return true; /* found by the hash of a certificate */
    return memcmp(rule->key, said->key, 32) == 0 &&
           (is_zero(rule->subject) || memcmp(rule->subject, said->subject, 32) == 0);
}

static void on_root_rule(struct said *said, uint32_t at, const struct carule *rule)
{
    switch (rule->kind) {
    case CARULE_ANCHOR:
        for (uint32_t i = 0; i < said->anchor_count; i++)
            if (said->anchor[i] == at)
                return;
        if (is_anchor(said, rule) && said->anchor_count < countof(said->anchor))
            said->anchor[said->anchor_count++] = at;
        return;
    case CARULE_REMOVED:
        graver(said->graph, &said->removed, at);
        return;
    case CARULE_NOT_BEFORE:
        stricter(said->graph, &said->nb_rule, at);
        return;
    case CARULE_SCT:
        stricter(said->graph, &said->sct_rule, at);
        return;
    default:
        return;
    }
}

static void on_rule(void *arg, uint32_t at, const struct carule *rule)
{
    struct said *said = arg;
    if (rule->store != said->store && rule->store != VERDICT_STORES)
        return;
    if (rule->kind == CARULE_BLOCKED)
        graver(said->graph, &said->blocked, at);
    else if (rule->kind == CARULE_NAMES && said->name_count < countof(said->names))
        said->names[said->name_count++] = at | CAPATH_RULE;
    else if (said->root)
        on_root_rule(said, at, rule);
}

static struct said said_of(const struct cagraph *graph, enum verdict_store store, bool root,
                           const uint8_t subject[32], const uint8_t key[32])
{
    return (struct said){.store = store,
                         .root = root,
                         .graph = graph,
                         .subject = subject,
                         .key = key,
                         .blocked = CAPATH_NONE,
                         .removed = CAPATH_NONE,
                         .nb_rule = CAPATH_NONE,
                         .sct_rule = CAPATH_NONE};
}

static void ask_cert(struct said *said, const struct cafacts *cert)
{
    cagraph_rules_on(said->graph, cert->sha256, on_rule, said);
    if (!is_zero(cert->issuer_serial))
        cagraph_rules_on(said->graph, cert->issuer_serial, on_rule, said);
}

static void step(struct capath *path, uint32_t cert)
{
    must(path->cert_count < countof(path->cert));
    memmove(path->cert + 1, path->cert, path->cert_count * sizeof path->cert[0]);
    path->cert[0] = cert;
    path->cert_count++;
}

static void blame(struct capath *path, const struct cagraph *graph, uint32_t rule)
{
    path->blame = path->blame || (rule != CAPATH_NONE && carule_alarms(graph->rule[rule].class));
}

/* Blocks, and names that a store permits; anywhere on the way. False: it can not be said any more. */
static bool restrict_by(struct capath *path, const struct said *said)
{
    if (said->blocked != CAPATH_NONE)
        graver(said->graph, &path->block_rule, said->blocked);
    blame(path, said->graph, path->block_rule);
    for (uint32_t i = 0; i < said->name_count; i++)
        if (!capath_constrain(path, said->names[i]))
            return false;
    return true;
}

static bool restrict_by_cert(struct capath *path, const struct cagraph *graph, uint32_t at)
{
    const struct cafacts *cert = &graph->cert[at];
    path->partial = path->partial || !cert->read;
    if (cert->read && cert->path_len >= 0 && cert->path_len < path->left)
        path->left = (uint8_t)cert->path_len;
    return cert->names.at == NULL || capath_constrain(path, at);
}

static void limit(struct capath *path, const struct said *said)
{
    if (said->nb_rule != CAPATH_NONE) {
        path->nb_rule = said->nb_rule;
        path->nb_max = said->graph->rule[said->nb_rule].limit;
    }
    if (said->sct_rule != CAPATH_NONE) {
        path->sct_rule = said->sct_rule;
        path->sct_max = said->graph->rule[said->sct_rule].limit;
    }
    blame(path, said->graph, path->nb_rule);
    blame(path, said->graph, path->sct_rule);
}

static struct capath path_new(void)
{
    return (struct capath){.nb_max = INT64_MAX,
                           .sct_max = INT64_MAX,
                           .from = INT64_MIN,
                           .until = INT64_MAX,
                           .anchor = CAPATH_NONE,
                           .nb_rule = CAPATH_NONE,
                           .sct_rule = CAPATH_NONE,
                           .block_rule = CAPATH_NONE,
                           .left = CAPATH_NO_LEFT,
                           .depth = VERDICT_PATH_MAX - 1,
                           .fit = true};
}

/* One way that is only the root. `at`: its certificate; CAPATH_NONE: nobody has it. */
static void add_root(const struct said *said, uint32_t rule, uint32_t at, struct capath_set *set)
{
    const struct cagraph *graph = said->graph;
    struct capath path = path_new();
    path.anchor = rule;
    step(&path, at != CAPATH_NONE ? at : rule | CAPATH_RULE);
    limit(&path, said);
    if (graph->rule[rule].kind != CARULE_ANCHOR)
        path.block_rule = rule;
    bool good = restrict_by(&path, said);
    if (at != CAPATH_NONE)
        good = restrict_by_cert(&path, graph, at) && good;
    if (at != CAPATH_NONE && graph->rule[rule].expires) {
        path.from = graph->cert[at].not_before;
        path.until = graph->cert[at].not_after;
    }
    path.partial = false; /* roots have their constraints from the store */
    if (good)
        (void)capath_add(set, &path);
    else
        set->cut = true;
}

void caways_begin(const struct cagraph *graph, const uint8_t subject[32], const uint8_t key[32],
                  uint32_t certs, uint32_t cert_count, enum verdict_store store, struct capath_set *set)
{
    struct said all = said_of(graph, store, true, subject, key);
    cagraph_rules_on(graph, key, on_rule, &all);
    struct said by_key = all;
    for (uint32_t i = 0; i < cert_count; i++)
        ask_cert(&all, &graph->cert[certs + i]);
    for (uint32_t i = 0; i < all.anchor_count; i++) {
        const struct carule *rule = &graph->rule[all.anchor[i]];
        uint32_t at = rule->target == CARULE_CERT ? cagraph_cert_find(graph, rule->hash) : CAPATH_NONE;
        struct said own = by_key; /* limits of other certificates of the same CA are not its own */
        if (at != CAPATH_NONE)
            ask_cert(&own, &graph->cert[at]);
        else
            cagraph_rules_on(graph, rule->hash, on_rule, &own);
        add_root(&own, all.anchor[i], at != CAPATH_NONE || cert_count == 0 ? at : certs, set);
    }
    uint32_t gone = all.blocked != CAPATH_NONE ? all.blocked : all.removed;
    if (gone == CAPATH_NONE || (all.anchor_count != 0 && by_key.blocked == CAPATH_NONE))
        return;
    /* A blocked certificate of a CA that has others says nothing of the CA. */
    if (gone == all.blocked && by_key.blocked == CAPATH_NONE && cert_count > 1)
        return;
    add_root(&all, gone, cert_count == 0 ? CAPATH_NONE : certs, set);
}

/* A way of its issuer, one certificate longer. False: there is none. */
static bool extend(const struct said *said, uint32_t at, const struct capath *above, struct capath *path)
{
    const struct cafacts *cert = &said->graph->cert[at];
    if (above->depth == 0)
        return false;
    *path = *above;
    path->depth--;
    if (!cert->self_issued && path->left != CAPATH_NO_LEFT) {
        path->fit = path->fit && path->left != 0;
        if (path->left != 0)
            path->left--;
    }
    if (cert->read)
        path->fit = path->fit && cert->may_issue && cert->for_tls;
    path->from = cert->not_before > path->from ? cert->not_before : path->from;
    path->until = cert->not_after < path->until ? cert->not_after : path->until;
    step(path, at);
    return true;
}

struct walk {
    struct cagraph *graph;
    enum verdict_store store;
    uint32_t *queue; /* a ring of CAs whose ways changed; each at most once */
    bool *waiting;
    size_t head;
    size_t count;
};

static void wake(struct walk *walk, uint32_t ca)
{
    if (walk->waiting[ca])
        return;
    walk->waiting[ca] = true;
    walk->queue[(walk->head + walk->count++) % walk->graph->ca_count] = ca;
}

static void pass_on(struct walk *walk, uint32_t from, uint32_t at)
{
    struct cagraph *graph = walk->graph;
    uint32_t to = graph->ca_of[at];
    struct capath_set *set = &graph->ways[walk->store][to];
    const struct capath_set *above = &graph->ways[walk->store][from];
    if (to == from)
        return;
    struct said said = said_of(graph, walk->store, false, graph->cert[at].subject, graph->cert[at].key);
    cagraph_rules_on(graph, graph->cert[at].key, on_rule, &said);
    ask_cert(&said, &graph->cert[at]);
    bool changed = above->cut && !set->cut;
    set->cut = set->cut || above->cut;
    for (uint32_t i = 0; i < above->count; i++) {
        struct capath path;
        if (!extend(&said, at, &above->path[i], &path))
            continue;
        bool good = restrict_by(&path, &said);
        if (restrict_by_cert(&path, graph, at) && good)
            changed = capath_add(set, &path) || changed;
        else
            changed = changed || !set->cut, set->cut = true;
    }
    if (changed)
        wake(walk, to);
}

static void find_store(struct cagraph *graph, enum verdict_store store, struct walk *walk)
{
    walk->store = store;
    for (uint32_t i = 0; i < graph->ca_count; i++) {
        const struct cagraph_ca *ca = &graph->ca[i];
        caways_begin(graph, ca->subject, ca->key, ca->certs, ca->cert_count, store, &graph->ways[store][i]);
        if (graph->ways[store][i].count != 0)
            wake(walk, i);
    }
    while (walk->count != 0) {
        uint32_t ca = walk->queue[walk->head];
        walk->head = (walk->head + 1) % graph->ca_count;
        walk->count--;
        walk->waiting[ca] = false;
        for (uint32_t i = graph->down_from[ca]; i < graph->down_from[ca + 1]; i++)
            pass_on(walk, ca, graph->down[i]);
    }
}

struct mark {
    uint32_t alarm;
    bool test;
};

static void on_mark(void *arg, uint32_t at, const struct carule *rule)
{
    struct mark *mark = arg;
    if (rule->kind == CARULE_TEST_ROOT)
        mark->test = true;
    else if ((rule->kind == CARULE_BLOCKED || rule->kind == CARULE_REMOVED || rule->kind == CARULE_NOTED) &&
             carule_alarms(rule->class) && mark->alarm == CAPATH_NONE)
        mark->alarm = at; /* a limit alone turns nobody away */
}

/* Where a way ends: at a root, or because nobody knows the issuer. */
static void look_up(struct cagraph *graph, uint32_t at)
{
    struct cagraph_ca *ca = &graph->ca[at];
    struct mark mark = {.alarm = CAPATH_NONE};
    cagraph_rules_on(graph, ca->key, on_mark, &mark);
    for (uint32_t i = ca->certs; i < ca->certs + ca->cert_count; i++) {
        const struct cafacts *cert = &graph->cert[i];
        cagraph_rules_on(graph, cert->sha256, on_mark, &mark);
        ca->open = ca->open || (graph->up_from[i] == graph->up_from[i + 1] && !cert->self_issued);
    }
    ca->test = mark.test;
    ca->touched = mark.alarm;
}

static bool inherit(struct cagraph_ca *ca, const struct cagraph_ca *above)
{
    struct cagraph_ca before = *ca;
    ca->open = ca->open || above->open;
    ca->test = ca->test || above->test;
    ca->touched = ca->touched != CAPATH_NONE ? ca->touched : above->touched;
    return before.open != ca->open || before.test != ca->test || before.touched != ca->touched;
}

static void find_ends(struct cagraph *graph, struct walk *walk)
{
    for (uint32_t i = 0; i < graph->ca_count; i++) {
        look_up(graph, i);
        wake(walk, i);
    }
    while (walk->count != 0 && graph->ca_count != 0) {
        uint32_t from = walk->queue[walk->head];
        walk->head = (walk->head + 1) % graph->ca_count;
        walk->count--;
        walk->waiting[from] = false;
        for (uint32_t i = graph->down_from[from]; i < graph->down_from[from + 1]; i++) {
            uint32_t to = graph->ca_of[graph->down[i]];
            if (to != from && inherit(&graph->ca[to], &graph->ca[from]))
                wake(walk, to);
        }
    }
}

void caways_find(struct cagraph *graph)
{
    struct walk walk = {.graph = graph};
    if (graph->ca_count == 0)
        return;
    walk.queue = calloc(graph->ca_count + 1, sizeof *walk.queue);
    walk.waiting = calloc(graph->ca_count + 1, sizeof *walk.waiting);
    must(walk.queue != NULL && walk.waiting != NULL);
    for (int store = 0; store < VERDICT_STORES; store++)
        find_store(graph, (enum verdict_store)store, &walk);
    find_ends(graph, &walk);
    free(walk.queue);
    free(walk.waiting);
}
