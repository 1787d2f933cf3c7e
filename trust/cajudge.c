#include "trust/cajudge.h"

#include "base/text.h"
#include "trust/canames.h"
#include "verify/digest.h"

struct judging {
    const struct cagraph *graph;
    const struct cajudge_leaf *leaf;
    struct verdict_all *all;
    bool limited;  /* some way has a last day because of what the CA did */
    bool evaded;   /* it begins before that day, and was not logged until after it */
    bool violated; /* names */
    bool vouched;  /* some store has or had a way to the issuer's key */
};

struct cajudge_leaf cajudge_leaf_of(const struct issuance *issuance, const struct sighting *sighting,
                                    int64_t at_ms)
{
    struct cajudge_leaf leaf = {.not_before = issuance->not_before,
                                .names = issuance->names,
                                .name_count = issuance->name_count,
                                .at_ms = at_ms};
    digest_sha256(issuance->issuer, leaf.issuer);
    memcpy(leaf.key, issuance->issuer_spki_sha256, 32);
    if (sighting != NULL) {
        leaf.seen_ms = sighting->timestamp_ms;
        leaf.seen_first = sighting->form == ISSUANCE_PRECERT;
    }
    /* One that is over is judged for its last moment. */
    if (issuance->not_after < at_ms / 1000)
        leaf.at_ms = issuance->not_after * 1000;
    return leaf;
}

static bool within(const struct cagraph *graph, const struct capath *path, const struct cajudge_leaf *leaf,
                   struct cajudge_way *way)
{
    for (size_t i = 0; i < path->name_count; i++) {
        uint32_t at = path->names[i];
        bool rule = (at & CAPATH_RULE) != 0;
        bool good = rule ? canames_below(cagraph_rule(graph, at & ~CAPATH_RULE)->text, leaf->names,
                                         leaf->name_count, &way->outside)
                         : canames_inside(cagraph_cert(graph, at)->names, leaf->names, leaf->name_count,
                                          &way->outside);
        if (good)
            continue;
        way->rule = rule ? at & ~CAPATH_RULE : CAPATH_NONE;
        return false;
    }
    return true;
}

static enum verdict closed(const struct cagraph *graph, uint32_t rule)
{
    enum carule_class class = cagraph_rule(graph, rule)->class;
    return carule_alarms(class) || class == CARULE_REVOKED ? VERDICT_DISTRUSTED : VERDICT_RETIRED;
}

/* Past a limit of the store? Which one. */
static enum verdict_why past(const struct capath *path, const struct cajudge_leaf *leaf, bool *maybe)
{
    *maybe = false;
    if (leaf->not_before > path->nb_max)
        return VERDICT_WHY_NOT_BEFORE;
    if (path->sct_max == INT64_MAX || (leaf->seen_ms != 0 && leaf->seen_ms / 1000 <= path->sct_max))
        return VERDICT_WHY_PATH;
    *maybe = leaf->seen_ms == 0 || !leaf->seen_first;
    return VERDICT_WHY_SCT;
}

static struct cajudge_way way_of(enum verdict verdict, enum verdict_why why, uint32_t rule)
{
    return (struct cajudge_way){verdict, why, rule, NULL};
}

struct cajudge_way cajudge_way(const struct cagraph *graph, const struct capath *path,
                               const struct cajudge_leaf *leaf)
{
    struct cajudge_way way = way_of(VERDICT_UNTRUSTED, VERDICT_WHY_NAMES, CAPATH_NONE);
    int64_t at = leaf->at_ms / 1000;
    bool maybe;
    enum verdict_why limit = past(path, leaf, &maybe);
    uint32_t limit_rule = limit == VERDICT_WHY_NOT_BEFORE ? path->nb_rule : path->sct_rule;
    if (at < path->from || at > path->until)
        return way_of(VERDICT_RETIRED, VERDICT_WHY_EXPIRED, CAPATH_NONE);
    if (path->block_rule != CAPATH_NONE) {
        const struct carule *rule = cagraph_rule(graph, path->block_rule);
        if (rule->kind == CARULE_BLOCKED)
            return way_of(closed(graph, path->block_rule), VERDICT_WHY_BLOCKED, path->block_rule);
        /* A root that had a last day went when all before that day was over. */
        if (limit == VERDICT_WHY_PATH && (path->nb_rule != CAPATH_NONE || path->sct_rule != CAPATH_NONE))
            return way_of(VERDICT_RETIRED, VERDICT_WHY_REMOVED, path->block_rule);
        if (limit == VERDICT_WHY_PATH || maybe)
            return way_of(closed(graph, path->block_rule), VERDICT_WHY_REMOVED, path->block_rule);
        return way_of(closed(graph, limit_rule), limit, limit_rule);
    }
    if (!within(graph, path, leaf, &way))
        return way;
    if (!path->fit)
        return way_of(VERDICT_UNTRUSTED, VERDICT_WHY_CONSTRAINTS, CAPATH_NONE);
    if (limit == VERDICT_WHY_PATH)
        return way_of(VERDICT_TRUSTED, VERDICT_WHY_PATH, CAPATH_NONE);
    if (maybe)
        return way_of(VERDICT_TRUSTED_IF_SCT, VERDICT_WHY_SCT, path->sct_rule);
    return way_of(closed(graph, limit_rule), limit, limit_rule);
}

/* Of several ways the one that decides. */
static int rank(enum verdict verdict)
{
    static const int ranks[VERDICT_COUNT] = {
        [VERDICT_UNKNOWN] = 0,    [VERDICT_UNTRUSTED] = 1,      [VERDICT_RETIRED] = 2,
        [VERDICT_DISTRUSTED] = 3, [VERDICT_TRUSTED_IF_SCT] = 4, [VERDICT_TRUSTED] = 5};
    return ranks[verdict];
}

static void say(struct judging *j, struct verdict_one *one, const struct cajudge_way *way,
                const struct capath *path)
{
    one->verdict = way->verdict;
    one->why = way->why;
    one->limit_ms = 0;
    one->rule[0] = '\0';
    if (way->rule != CAPATH_NONE) {
        const struct carule *rule = cagraph_rule(j->graph, way->rule);
        (void)text_visible_str(span_str(rule->label), one->rule, sizeof one->rule);
        if (way->why == VERDICT_WHY_NOT_BEFORE || way->why == VERDICT_WHY_SCT)
            one->limit_ms = rule->limit * 1000;
    }
    one->path_len = path->cert_count;
    for (size_t i = 0; i < path->cert_count; i++)
        memcpy(one->path[i], cagraph_step(j->graph, path->cert[i]), 32);
}

static void note(struct judging *j, const struct cajudge_way *way, const struct capath *path)
{
    const struct cajudge_leaf *leaf = j->leaf;
    if (way->why == VERDICT_WHY_NAMES)
        j->violated = true;
    if (path->nb_rule == CAPATH_NONE || !carule_alarms(cagraph_rule(j->graph, path->nb_rule)->class))
        return;
    j->limited = true;
    j->evaded = j->evaded || (leaf->seen_first && leaf->not_before <= path->nb_max &&
                              leaf->seen_ms / 1000 > path->nb_max &&
                              leaf->seen_ms / 1000 - leaf->not_before > CAJUDGE_BACKDATED_S);
}

/* Does the store close the last way because of what its CA did, and how? */
static uint32_t charge(const struct judging *j, const struct cajudge_way *way)
{
    if (way->verdict != VERDICT_DISTRUSTED || way->rule == CAPATH_NONE)
        return 0;
    const struct carule *rule = cagraph_rule(j->graph, way->rule);
    if (carule_alarms(rule->class))
        return rule->kind == CARULE_BLOCKED || rule->kind == CARULE_REMOVED ? VERDICT_BLOCKED_KEY
                                                                            : VERDICT_DISTRUSTED_AFTER;
    /* Revoked for whatever reason, and it goes on. */
    return rule->limit != 0 && j->leaf->not_before > rule->limit ? VERDICT_DISTRUSTED_AFTER : 0;
}

static void judge_store(struct judging *j, const struct cagraph_ca *ca, const struct capath_set *set,
                        struct verdict_one *one)
{
    uint32_t charges = 0;
    bool violated = false;
    *one = (struct verdict_one){.verdict = VERDICT_UNTRUSTED, .why = VERDICT_WHY_NO_PATH};
    bool any = false;
    bool partial = false;
    j->vouched = j->vouched || set->count != 0 || set->cut;
    for (uint32_t i = 0; i < set->count; i++) {
        struct cajudge_way way = cajudge_way(j->graph, &set->path[i], j->leaf);
        violated = violated || way.why == VERDICT_WHY_NAMES;
        note(j, &way, &set->path[i]);
        charges |= charge(j, &way);
        if (any && rank(way.verdict) <= rank(one->verdict))
            continue;
        say(j, one, &way, &set->path[i]);
        partial = set->path[i].partial;
        any = true;
    }
    bool good = verdict_good(one->verdict);
    if (partial && good)
        j->all->flags |= VERDICT_PARTIAL;
    if (violated && !good)
        j->all->flags |= VERDICT_CONSTRAINT_VIOLATION;
    if (!good)
        j->all->flags |= charges;
    if (good || one->verdict == VERDICT_DISTRUSTED)
        return;
    if (set->cut)
        j->all->flags |= VERDICT_CUT_OFF;
    if (ca == NULL || ca->open || set->cut)
        *one = (struct verdict_one){.verdict = VERDICT_UNKNOWN, .why = VERDICT_WHY_UNRESOLVED};
}

void cajudge(const struct cagraph *graph, const struct cajudge_leaf *leaf, struct verdict_all *all)
{
    const struct cagraph_ca *ca = cagraph_find(graph, leaf->issuer, leaf->key);
    struct judging j = {.graph = graph, .leaf = leaf, .all = all};
    *all = (struct verdict_all){.bundle_ms = cagraph_bundle_ms(graph), .bundle_id = cagraph_bundle_id(graph)};
    for (int i = 0; i < VERDICT_STORES; i++) {
        enum verdict_store store = (enum verdict_store)i;
        struct capath_set own = {0};
        if (ca == NULL)
            cagraph_paths_of_key(graph, leaf->issuer, leaf->key, store, &own);
        judge_store(&j, ca, ca == NULL ? &own : cagraph_paths(graph, ca, store), &all->store[i]);
        capath_set_fini(&own);
    }
    int good = verdict_good_count(all);
    if (good == 1 && !verdict_any_unknown(all))
        all->flags |= VERDICT_SINGLE_STORE;
    if (ca != NULL && ca->touched != CAPATH_NONE && good != 0 &&
        (all->flags & (VERDICT_BLOCKED_KEY | VERDICT_DISTRUSTED_AFTER)) == 0)
        all->flags |= VERDICT_DISTRUSTED_LINEAGE;
    if (ca != NULL && ca->test && good == 0)
        all->flags |= VERDICT_TEST_ROOT;
    /* With its certificate at hand or without: what counts is that nobody vouches for the key. */
    if (!j.vouched && cagraph_named(graph, leaf->issuer) != NULL)
        all->flags |= VERDICT_UNKNOWN_ISSUER_KEY;
    if (j.limited && j.evaded)
        all->flags |= VERDICT_BACKDATED;
}
