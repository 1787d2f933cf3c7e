/* Ways to roots: made graphs with known answers, and random ones against a slow model that walks every way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/fixture/caworld.h"
#include "trust/builtin.h"

static void a_root_is_a_root_by_its_key_and_name(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'A', 'A', 1);
    caworld_cert(&w, 'B', 'A', 2);
    caworld_rule(&w, VERDICT_MOZILLA, CARULE_ANCHOR, 'A', 1, CARULE_MEMBER, 0);
    caworld_cert(&w, 'A', 'A', 3); /* certified again with the same key */
    caworld_cert(&w, 'C', 'A', 4);
    caworld_build(&w);
    assert_int_equal(caworld_judge(&w, 'A', 100)->store[VERDICT_MOZILLA].verdict, VERDICT_TRUSTED);
    assert_int_equal(caworld_judge(&w, 'B', 100)->store[VERDICT_MOZILLA].verdict, VERDICT_TRUSTED);
    assert_int_equal(caworld_judge(&w, 'C', 100)->store[VERDICT_MOZILLA].verdict, VERDICT_TRUSTED);
    assert_int_equal(w.all.store[VERDICT_MOZILLA].path_len, 2);
    assert_int_equal(w.all.store[VERDICT_APPLE].verdict, VERDICT_UNTRUSTED);
    assert_int_equal(w.all.flags, VERDICT_SINGLE_STORE);
    caworld_fini(&w);
}

static void unknown_is_not_untrusted(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'B', 'X', 1); /* X has no certificate */
    caworld_cert(&w, 'C', 'B', 2);
    caworld_cert(&w, 'R', 'R', 3);
    caworld_cert(&w, 'D', 'R', 4);
    caworld_build(&w);
    assert_int_equal(caworld_judge(&w, 'C', 100)->store[0].verdict, VERDICT_UNKNOWN);
    assert_int_equal(w.all.store[0].why, VERDICT_WHY_UNRESOLVED);
    assert_int_equal(caworld_judge(&w, 'Z', 100)->store[0].verdict, VERDICT_UNKNOWN);
    assert_int_equal(caworld_judge(&w, 'D', 100)->store[0].verdict, VERDICT_UNTRUSTED);
    caworld_fini(&w);
}

static void conditions_are_not_merged(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    /* One way is clean and too old, the other young and blocked: together they do not make a good one. */
    caworld_cert(&w, 'A', 'A', 1);
    caworld_cert(&w, 'B', 'B', 2);
    caworld_cert(&w, 'C', 'A', 3);
    caworld_cert(&w, 'C', 'B', 4);
    caworld_rule(&w, VERDICT_MOZILLA, CARULE_ANCHOR, 'A', 1, CARULE_MEMBER, 0);
    caworld_rule(&w, VERDICT_MOZILLA, CARULE_ANCHOR, 'B', 2, CARULE_MEMBER, 0);
    caworld_rule(&w, VERDICT_MOZILLA, CARULE_NOT_BEFORE, 'A', 1, CARULE_LIFECYCLE, 50);
    caworld_rule(&w, VERDICT_MOZILLA, CARULE_BLOCKED, 'C', 4, CARULE_REVOKED, 0);
    caworld_build(&w);
    assert_int_equal(caworld_judge(&w, 'C', 50)->store[0].verdict, VERDICT_TRUSTED);
    assert_int_equal(caworld_judge(&w, 'C', 51)->store[0].verdict, VERDICT_DISTRUSTED);
    assert_int_equal(caworld_judge(&w, 'A', 51)->store[0].verdict, VERDICT_RETIRED);
    assert_int_equal(w.all.store[0].limit_ms, 50000);
    assert_int_equal(caworld_judge(&w, 'B', 51)->store[0].verdict, VERDICT_TRUSTED);
    caworld_fini(&w);
}

static void circles_end(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'A', 'B', 1);
    caworld_cert(&w, 'B', 'A', 2);
    caworld_cert(&w, 'A', 'R', 3);
    caworld_cert(&w, 'R', 'R', 4);
    caworld_rule(&w, VERDICT_APPLE, CARULE_ANCHOR, 'R', 4, CARULE_MEMBER, 0);
    caworld_build(&w);
    assert_int_equal(caworld_judge(&w, 'B', 1)->store[VERDICT_APPLE].verdict, VERDICT_TRUSTED);
    assert_int_equal(w.all.store[VERDICT_APPLE].path_len, 3);
    const struct cagraph_ca *b = cagraph_find(w.graph, w.leaf.issuer, w.leaf.key);
    assert_non_null(b);
    assert_int_equal(cagraph_paths(w.graph, b, VERDICT_APPLE)->count, 1);
    caworld_fini(&w);
}

static void depth_and_path_length_are_kept(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'A', 'A', 1);
    caworld_rule(&w, VERDICT_CHROME, CARULE_ANCHOR, 'A', 1, CARULE_MEMBER, 0);
    for (int i = 1; i < 10; i++)
        caworld_cert(&w, (char)('A' + i), (char)('A' + i - 1), (uint8_t)(i + 1));
    /* A long way without a limit does not hide a short one that reaches further down, but is too old for
     * some. */
    caworld_cert(&w, 'G', 'A', 30)->not_before = 500;
    caworld_cert(&w, 'P', 'A', 20)->path_len = 0;
    caworld_cert(&w, 'Q', 'P', 21);
    caworld_cert(&w, 'T', 'A', 22)->for_tls = false;
    caworld_build(&w);
    assert_int_equal(caworld_judge(&w, 'H', 1)->store[VERDICT_CHROME].verdict, VERDICT_TRUSTED);
    assert_int_equal(w.all.store[VERDICT_CHROME].path_len, 8);
    w.leaf.at_ms = 499000;
    assert_int_equal(caworld_judge(&w, 'I', 1)->store[VERDICT_CHROME].verdict, VERDICT_RETIRED);
    w.leaf.at_ms = 500000;
    assert_int_equal(caworld_judge(&w, 'I', 1)->store[VERDICT_CHROME].verdict, VERDICT_TRUSTED);
    assert_int_equal(caworld_judge(&w, 'P', 1)->store[VERDICT_CHROME].verdict, VERDICT_TRUSTED);
    assert_int_equal(caworld_judge(&w, 'Q', 1)->store[VERDICT_CHROME].verdict, VERDICT_UNTRUSTED);
    assert_int_equal(w.all.store[VERDICT_CHROME].why, VERDICT_WHY_CONSTRAINTS);
    assert_int_equal(caworld_judge(&w, 'T', 1)->store[VERDICT_CHROME].verdict, VERDICT_UNTRUSTED);
    caworld_fini(&w);
}

static void what_is_cut_off_is_unknown(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'A', 'A', 1);
    caworld_rule(&w, VERDICT_CHROME, CARULE_ANCHOR, 'A', 1, CARULE_MEMBER, 0);
    /* Ever later windows of validity, none better than another. */
    for (int i = 0; i < LIMIT_CA_PATHS + 20; i++) {
        struct cafacts *cert = caworld_cert(&w, 'B', 'A', (uint8_t)(i + 2));
        cert->not_before = 10 * i;
        cert->not_after = 10 * i + 9;
    }
    caworld_build(&w);
    w.leaf.at_ms = 5000;
    assert_int_equal(caworld_judge(&w, 'B', 1)->store[VERDICT_CHROME].verdict, VERDICT_TRUSTED);
    w.leaf.at_ms = 1000 * (10 * (LIMIT_CA_PATHS + 10) + 5);
    assert_int_equal(caworld_judge(&w, 'B', 1)->store[VERDICT_CHROME].verdict, VERDICT_UNKNOWN);
    assert_true((w.all.flags & VERDICT_CUT_OFF) != 0);
    caworld_fini(&w);
}

/* The slow model
 * ---------------------------------------------------------------------------------------------- */

struct model {
    const struct caworld *w;
    enum verdict_store store;
    char way[16]; /* CAs so far, leaf's issuer first */
    const struct cafacts *cert[16];
    size_t len;
    bool good;
    bool maybe;
    bool dead;
    bool charged;
};

static bool says(const struct carule *rule, const struct cafacts *cert)
{
    return memcmp(rule->hash, rule->target == CARULE_KEY ? cert->key : cert->sha256, 32) == 0;
}

/* One whole way whose last certificate is taken as a root by `anchor`. */
static void weigh(struct model *m, const struct carule *anchor)
{
    const struct caworld *w = m->w;
    const struct cafacts *root = m->cert[m->len - 1];
    bool blocked = anchor->kind != CARULE_ANCHOR;
    bool expired = false;
    bool fit = true;
    bool past_nb = false;
    bool past_sct = false;
    for (size_t r = 0; r < w->rule_count; r++) {
        const struct carule *rule = &w->rule[r];
        if (rule->store != m->store)
            continue;
        for (size_t i = 0; i < m->len; i++)
            blocked = blocked || (rule->kind == CARULE_BLOCKED && says(rule, m->cert[i]));
        bool on_root = memcmp(rule->hash, root->key, 32) == 0 || memcmp(rule->hash, anchor->hash, 32) == 0;
        past_nb = past_nb || (rule->kind == CARULE_NOT_BEFORE && on_root && w->leaf.not_before > rule->limit);
        past_sct = past_sct || (rule->kind == CARULE_SCT && on_root && w->leaf.seen_ms / 1000 > rule->limit);
    }
    for (size_t i = 0; i + 1 < m->len; i++) {
        size_t below = 0;
        for (size_t k = 0; k < i; k++)
            below += !m->cert[k]->self_issued;
        expired = expired || w->leaf.at_ms / 1000 < m->cert[i]->not_before ||
                  w->leaf.at_ms / 1000 > m->cert[i]->not_after;
        fit = fit && m->cert[i]->for_tls && m->cert[i]->may_issue;
        fit = fit && (m->cert[i]->path_len < 0 || (size_t)m->cert[i]->path_len >= below);
    }
    size_t below_root = 0;
    for (size_t k = 0; k + 1 < m->len; k++)
        below_root += !m->cert[k]->self_issued;
    fit = fit && (root->path_len < 0 || (size_t)root->path_len >= below_root);
    m->dead = true;
    if (blocked || expired || !fit || past_nb)
        return;
    m->good = m->good || !past_sct;
    m->maybe = m->maybe || (past_sct && !w->leaf.seen_first);
}

static void walk(struct model *m, char ca)
{
    const struct caworld *w = m->w;
    if (m->len == VERDICT_PATH_MAX || memchr(m->way, ca, m->len) != NULL)
        return;
    m->way[m->len++] = ca;
    for (size_t i = 0; i < w->cert_count; i++) {
        if (w->who[i].subject != ca)
            continue;
        m->cert[m->len - 1] = &w->cert[i];
        for (size_t r = 0; r < w->rule_count; r++)
            if (w->rule[r].store == m->store && w->rule[r].kind == CARULE_ANCHOR &&
                says(&w->rule[r], &w->cert[i]))
                weigh(m, &w->rule[r]);
        if (w->who[i].issuer != ca && caworld_has(w, w->who[i].issuer))
            walk(m, w->who[i].issuer);
        m->way[m->len - 1] = ca;
    }
    m->len--;
}

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static void random_world(struct caworld *w)
{
    uint32_t cas = 2 + draw(8);
    uint32_t certs = cas + draw(12);
    caworld_init(w);
    for (uint32_t i = 0; i < certs; i++) {
        char subject = (char)('A' + (i < cas ? i : draw(cas)));
        char issuer = draw(4) == 0 ? subject : (char)('A' + draw(cas));
        struct cafacts *cert = caworld_cert(w, subject, issuer, (uint8_t)(i + 1));
        cert->path_len = draw(4) == 0 ? (int32_t)draw(4) : -1;
        cert->for_tls = draw(10) != 0;
        cert->may_issue = draw(12) != 0;
        cert->not_before = draw(2) == 0 ? 0 : (int64_t)draw(60);
        cert->not_after = draw(2) == 0 ? 1000 : 40 + (int64_t)draw(100);
    }
    uint32_t rules = 2 + draw(8);
    for (uint32_t i = 0; i < rules; i++) {
        static const enum carule_kind kinds[] = {CARULE_ANCHOR,     CARULE_ANCHOR, CARULE_ANCHOR,
                                                 CARULE_NOT_BEFORE, CARULE_SCT,    CARULE_BLOCKED};
        size_t at = draw((uint32_t)w->cert_count);
        enum carule_kind kind = kinds[draw(countof(kinds))];
        struct carule *rule = caworld_rule(w, VERDICT_APPLE, kind, w->who[at].subject, (uint8_t)(at + 1),
                                           draw(2) == 0 ? CARULE_INCIDENT : CARULE_LIFECYCLE, draw(100));
        if (kind != CARULE_ANCHOR && draw(2) == 0) {
            rule->target = CARULE_KEY;
            memcpy(rule->hash, w->cert[at].key, 32);
        }
    }
    caworld_build(w);
}

static void every_way_is_as_good_as_the_slow_model_says(void **state)
{
    (void)state;
    size_t seen[VERDICT_COUNT] = {0};
    for (uint32_t round = 0; round < 3000; round++) {
        struct caworld w;
        seed = round;
        random_world(&w);
        for (uint32_t shot = 0; shot < 12; shot++) {
            char ca = (char)('A' + draw(10));
            w.leaf.at_ms = 1000 * (int64_t)draw(130);
            w.leaf.seen_ms = 1000 * (1 + (int64_t)draw(130));
            w.leaf.seen_first = draw(2) == 0;
            const struct verdict_one *one = &caworld_judge(&w, ca, draw(130))->store[VERDICT_APPLE];
            struct model m = {.w = &w, .store = VERDICT_APPLE};
            walk(&m, ca);
            seen[one->verdict]++;
            if (m.good != (one->verdict == VERDICT_TRUSTED) ||
                (m.maybe && !m.good) != (one->verdict == VERDICT_TRUSTED_IF_SCT))
                fail_msg("round %u shot %u: %s, the model says good %d maybe %d", round, shot,
                         verdict_name(one->verdict), m.good, m.maybe);
            if (one->verdict == VERDICT_UNTRUSTED && one->why == VERDICT_WHY_NO_PATH)
                assert_false(m.dead);
        }
        caworld_fini(&w);
    }
    for (int i = 0; i < VERDICT_COUNT; i++)
        if (seen[i] < 100)
            fail_msg("%s came only %zu times", verdict_name((enum verdict)i), seen[i]);
}

static bool is_renewed(void *arg, const char *part)
{
    (void)arg;
    return strcmp(part, "distrust") != 0 && strcmp(part, "chrome.blocked") != 0;
}

/* A warning that nobody can end is no warning: what no file renews has no age, and says whose facts they are.
 */
static void only_what_can_be_renewed_grows_old(void **state)
{
    struct cagraph_source renewed = {.name = "mozilla.roots", .dated_ms = 7, .counts = true};
    (void)state;
    for (int all = 0; all < 2; all++) {
        struct cagraph_plan *plan = cagraph_plan_new();
        size_t fixed = 0;
        builtin_rules(plan, all != 0 ? NULL : is_renewed, NULL);
        if (all == 0)
            cagraph_plan_source(plan, &renewed);
        struct cagraph *graph = cagraph_new(plan, 0, 0, 1);
        for (size_t i = 0; i < cagraph_source_count(graph); i++) {
            const struct cagraph_source *source = cagraph_source(graph, i);
            fixed += source->fixed;
            assert_true(source->counts || strcmp(source->name, "tests") == 0);
        }
        assert_int_equal(fixed, 2);
        assert_non_null(cagraph_oldest(graph));
        assert_false(cagraph_oldest(graph)->fixed);
        if (all == 0)
            assert_string_equal(cagraph_oldest(graph)->name, "mozilla.roots");
        cagraph_unpin(graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_root_is_a_root_by_its_key_and_name),
                                       cmocka_unit_test(unknown_is_not_untrusted),
                                       cmocka_unit_test(conditions_are_not_merged),
                                       cmocka_unit_test(circles_end),
                                       cmocka_unit_test(depth_and_path_length_are_kept),
                                       cmocka_unit_test(what_is_cut_off_is_unknown),
                                       cmocka_unit_test(only_what_can_be_renewed_grows_old),
                                       cmocka_unit_test(every_way_is_as_good_as_the_slow_model_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
