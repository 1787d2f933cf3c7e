#include "cli/trustview.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/cmd.h"

#define DAY_MS INT64_C(86400000)

int64_t trustview_days(int64_t dated_ms, int64_t now_ms)
{
    return now_ms > dated_ms ? (now_ms - dated_ms) / DAY_MS : 0;
}

bool trustview_old(int64_t dated_ms, int64_t now_ms)
{
    return now_ms - dated_ms > LIMIT_TRUST_DAYS * DAY_MS;
}

bool trustview_age(const struct cagraph *graph, int64_t now_ms, char *out, size_t cap)
{
    const struct cagraph_source *oldest = cagraph_oldest(graph);
    if (oldest == NULL || !trustview_old(oldest->dated_ms, now_ms))
        return false;
    (void)snprintf(out, cap,
                   "trust data is %lld days old (%s%s): what root stores did since then is not known; see"
                   " 'ctvigil trust show' and 'ctvigil trust import'%s",
                   (long long)trustview_days(oldest->dated_ms, now_ms), oldest->name,
                   oldest->born ? ", as the program came" : "",
                   oldest->born ? ", or install a newer ctvigil" : "");
    return true;
}

void trustview_warn(const struct cagraph *graph, int64_t now_ms)
{
    char text[320];
    if (trustview_age(graph, now_ms, text, sizeof text))
        fprintf(stderr, "ctvigil: %s\n", text);
}

static const char *word(enum verdict verdict)
{
    static const char *const words[VERDICT_COUNT] = {
        "unknown",    "trusted", "trusted if it was logged early enough",
        "distrusted", "retired", "not trusted"};
    return words[verdict];
}

static void put_why(enum verdict_why why, const char *rule, int64_t limit_ms)
{
    char day[TEXT_TIME_MAX];
    char shown[2 * VERDICT_TEXT_MAX];
    printf("%s", verdict_why_sentence(why));
    if (limit_ms != 0)
        printf(", %s", text_time(limit_ms, false, day));
    if (rule[0] != '\0')
        printf(" [%s]", text_visible_str(span_str(rule), shown, sizeof shown));
}

static const char *label_of(const struct cagraph *graph, uint32_t step)
{
    if ((step & CAPATH_RULE) != 0)
        return cagraph_rule(graph, step & ~CAPATH_RULE)->label;
    const char *label = cagraph_cert(graph, step)->label;
    return label == NULL ? "" : label;
}

static void put_way(const struct cagraph *graph, const struct capath *path, const struct cajudge_leaf *leaf)
{
    struct cajudge_way way = cajudge_way(graph, path, leaf);
    const struct carule *rule = way.rule == CAPATH_NONE ? NULL : cagraph_rule(graph, way.rule);
    bool limit = way.why == VERDICT_WHY_NOT_BEFORE || way.why == VERDICT_WHY_SCT;
    char hex[65];
    char shown[2 * VERDICT_TEXT_MAX];
    printf("    %s: ", word(way.verdict));
    put_why(way.why, rule == NULL ? "" : rule->label, limit && rule != NULL ? rule->limit * 1000 : 0);
    if (way.outside != NULL)
        printf(": %s", text_visible_str(way.outside->text, shown, sizeof shown));
    if (rule != NULL && rule->source[0] != '\0')
        printf(" (%s)", text_visible_str(span_str(rule->source), shown, sizeof shown));
    printf("\n");
    for (size_t i = 0; i < path->cert_count; i++)
        printf("      %s %s\n", text_hex(span_of(cagraph_step(graph, path->cert[i]), 32), hex),
               text_visible_str(span_str(label_of(graph, path->cert[i])), shown, sizeof shown));
    if (path->partial)
        printf("      of some of them only the hash is known, not what they may issue\n");
}

/* The ways of the issuer, from memory of the graph or made for a key that it has no certificate of. */
static const struct capath_set *ways(const struct cagraph *graph, const struct cajudge_leaf *leaf,
                                     enum verdict_store store, struct capath_set *own)
{
    const struct cagraph_ca *ca = cagraph_find(graph, leaf->issuer, leaf->key);
    *own = (struct capath_set){0};
    if (ca != NULL)
        return cagraph_paths(graph, ca, store);
    cagraph_paths_of_key(graph, leaf->issuer, leaf->key, store, own);
    return own;
}

static void put_when(const struct cajudge_leaf *leaf)
{
    char at[TEXT_TIME_MAX];
    char begin[TEXT_TIME_MAX];
    char seen[TEXT_TIME_MAX];
    printf("Judged as of %s: valid from %s, ", text_time(leaf->at_ms, false, at),
           text_time(leaf->not_before * 1000, false, begin));
    if (leaf->seen_ms != 0)
        printf("in a log by %s\n", text_time(leaf->seen_ms, false, seen));
    else
        printf("when a log had it is not known\n");
}

void trustview_print(const struct cagraph *graph, const struct cajudge_leaf *leaf,
                     const struct verdict_all *all)
{
    char day[TEXT_TIME_MAX];
    put_when(leaf);
    for (int i = 0; i < VERDICT_STORES; i++) {
        const struct verdict_one *one = &all->store[i];
        struct capath_set own;
        const struct capath_set *set = ways(graph, leaf, (enum verdict_store)i, &own);
        printf("%s: %s: ", verdict_store_title((enum verdict_store)i), word(one->verdict));
        put_why(one->why, one->rule, one->limit_ms);
        printf("\n");
        for (uint32_t k = 0; k < set->count; k++)
            put_way(graph, &set->path[k], leaf);
        capath_set_fini(&own);
    }
    for (uint32_t bit = 1; bit <= VERDICT_CUT_OFF; bit <<= 1)
        if ((all->flags & bit) != 0)
            printf("Flag: %s\n", verdict_flag_name(bit));
    printf("Trust data of %.10s%s\n", text_time(all->bundle_ms, false, day),
           all->bundle_id == 0 ? ", as the program came" : "");
}

static json_t *way_json(const struct cagraph *graph, const struct capath *path,
                        const struct cajudge_leaf *leaf)
{
    struct cajudge_way way = cajudge_way(graph, path, leaf);
    json_t *certs = json_array();
    must(certs != NULL);
    for (size_t i = 0; i < path->cert_count; i++)
        must(json_array_append_new(certs, cmd_json_hex(span_of(cagraph_step(graph, path->cert[i]), 32))) ==
             0);
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:b}", "verdict", verdict_name(way.verdict), "why",
        verdict_why_name(way.why), "rule",
        way.rule == CAPATH_NONE ? json_null()
                                : cmd_json_latin1(span_str(cagraph_rule(graph, way.rule)->label)),
        "source",
        way.rule == CAPATH_NONE ? json_null()
                                : cmd_json_latin1(span_str(cagraph_rule(graph, way.rule)->source)),
        "certs", certs, "partial", (int)path->partial);
}

static json_t *store_json(const struct cagraph *graph, const struct cajudge_leaf *leaf,
                          enum verdict_store store, const struct verdict_one *one)
{
    struct capath_set own;
    const struct capath_set *set = ways(graph, leaf, store, &own);
    json_t *paths = json_array();
    must(paths != NULL);
    for (uint32_t i = 0; i < set->count; i++)
        must(json_array_append_new(paths, way_json(graph, &set->path[i], leaf)) == 0);
    capath_set_fini(&own);
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "verdict", verdict_name(one->verdict), "why",
                     verdict_why_name(one->why), "rule",
                     one->rule[0] == '\0' ? json_null() : cmd_json_latin1(span_str(one->rule)), "limit",
                     one->limit_ms == 0 ? json_null() : cmd_json_time(one->limit_ms), "paths", paths);
}

json_t *trustview_json(const struct cagraph *graph, const struct cajudge_leaf *leaf,
                       const struct verdict_all *all)
{
    json_t *stores = json_object();
    json_t *flags = json_array();
    must(stores != NULL && flags != NULL);
    for (int i = 0; i < VERDICT_STORES; i++)
        must(json_object_set_new(stores, verdict_store_name((enum verdict_store)i),
                                 store_json(graph, leaf, (enum verdict_store)i, &all->store[i])) == 0);
    for (uint32_t bit = 1; bit <= VERDICT_CUT_OFF; bit <<= 1)
        if ((all->flags & bit) != 0)
            must(json_array_append_new(flags, json_string(verdict_flag_name(bit))) == 0);
    return json_pack("{s:s, s:o, s:o, s:o, s:I, s:o}", "schema", "ctvigil.trust.1", "judged_at",
                     cmd_json_time(leaf->at_ms), "stores", stores, "flags", flags, "bundle",
                     (json_int_t)all->bundle_id, "bundle_date", cmd_json_time(all->bundle_ms));
}
