/* The cases that a judge of one path, or of names, gets wrong: with made CAs, and with the real ones where
 * the tables of facts are at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"
#include "tests/fixture/caworld.h"
#include "trust/builtin.h"
#include "trust/caform.h"

#define DAY INT64_C(86400)

static enum verdict of(struct caworld *w, char issuer, int64_t not_before, enum verdict_store store)
{
    return caworld_judge(w, issuer, not_before)->store[store].verdict;
}

static void a_dead_way_beside_a_good_one_is_silent(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'U', 'U', 1);
    caworld_cert(&w, 'S', 'S', 2);
    caworld_cert(&w, 'S', 'U', 3); /* cross-signed */
    caworld_cert(&w, 'I', 'S', 4);
    caworld_cert(&w, 'J', 'U', 5);
    caworld_rule(&w, VERDICT_CHROME, CARULE_ANCHOR, 'U', 1, CARULE_MEMBER, 0);
    caworld_rule(&w, VERDICT_CHROME, CARULE_SCT, 'U', 1, CARULE_LIFECYCLE, 500);
    caworld_rule(&w, VERDICT_CHROME, CARULE_ANCHOR, 'S', 2, CARULE_MEMBER, 0);
    caworld_build(&w);
    w.leaf.seen_ms = 900000;
    assert_int_equal(of(&w, 'I', 890, VERDICT_CHROME), VERDICT_TRUSTED);
    assert_int_equal(w.all.flags & (VERDICT_DISTRUSTED_AFTER | VERDICT_BLOCKED_KEY), 0);
    /* Under the retired one alone: over, and nobody is to blame. */
    assert_int_equal(of(&w, 'J', 890, VERDICT_CHROME), VERDICT_RETIRED);
    assert_int_equal(w.all.flags & (VERDICT_DISTRUSTED_AFTER | VERDICT_BLOCKED_KEY), 0);
    caworld_fini(&w);
}

static void a_self_signed_certificate_is_not_the_end(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'Y', 'Y', 1); /* a root in no store yet */
    caworld_cert(&w, 'X', 'X', 2);
    caworld_cert(&w, 'Y', 'X', 3);
    caworld_cert(&w, 'D', 'D', 4)->not_after = 50; /* and one over an expired root */
    struct cafacts *old = caworld_cert(&w, 'X', 'D', 5);
    old->not_after = 60;
    caworld_cert(&w, 'I', 'Y', 6);
    caworld_rule(&w, VERDICT_APPLE, CARULE_ANCHOR, 'X', 2, CARULE_MEMBER, 0);
    caworld_rule(&w, VERDICT_MOZILLA, CARULE_ANCHOR, 'D', 4, CARULE_MEMBER, 0);
    caworld_build(&w);
    w.leaf.at_ms = 100000;
    assert_int_equal(of(&w, 'I', 90, VERDICT_APPLE), VERDICT_TRUSTED);
    assert_int_equal(of(&w, 'I', 90, VERDICT_MOZILLA), VERDICT_RETIRED);
    assert_int_equal(w.all.store[VERDICT_MOZILLA].why, VERDICT_WHY_EXPIRED);
    caworld_fini(&w);
}

static void a_listed_intermediate_is_a_root(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'E', 'X', 1); /* nobody has X */
    caworld_rule(&w, VERDICT_CHROME, CARULE_ANCHOR, 'E', 1, CARULE_MEMBER, 0);
    caworld_build(&w);
    assert_int_equal(of(&w, 'E', 90, VERDICT_CHROME), VERDICT_TRUSTED);
    assert_int_equal(of(&w, 'E', 90, VERDICT_MOZILLA), VERDICT_UNKNOWN);
    assert_int_equal(w.all.flags & VERDICT_SINGLE_STORE, 0);
    caworld_fini(&w);
}

static void an_earlier_sct_only_helps(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'A', 'A', 1);
    caworld_rule(&w, VERDICT_CHROME, CARULE_ANCHOR, 'A', 1, CARULE_MEMBER, 0);
    caworld_rule(&w, VERDICT_CHROME, CARULE_SCT, 'A', 1, CARULE_INCIDENT, 500);
    caworld_build(&w);
    w.leaf.seen_ms = 0;
    w.leaf.seen_first = false;
    assert_int_equal(of(&w, 'A', 400, VERDICT_CHROME), VERDICT_TRUSTED_IF_SCT);
    w.leaf.seen_ms = 600000; /* a final certificate, logged later than its own SCTs say */
    assert_int_equal(of(&w, 'A', 400, VERDICT_CHROME), VERDICT_TRUSTED_IF_SCT);
    w.leaf.seen_first = true;
    assert_int_equal(of(&w, 'A', 400, VERDICT_CHROME), VERDICT_DISTRUSTED);
    assert_int_equal(w.all.flags & VERDICT_DISTRUSTED_AFTER, VERDICT_DISTRUSTED_AFTER);
    w.leaf.seen_ms = 500999;
    assert_int_equal(of(&w, 'A', 400, VERDICT_CHROME), VERDICT_TRUSTED);
    caworld_fini(&w);
}

static void the_last_moment_is_still_good(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'A', 'A', 1);
    caworld_rule(&w, VERDICT_MOZILLA, CARULE_ANCHOR, 'A', 1, CARULE_MEMBER, 0);
    caworld_rule(&w, VERDICT_MOZILLA, CARULE_NOT_BEFORE, 'A', 1, CARULE_INCIDENT, 10 * DAY - 1);
    caworld_build(&w);
    assert_int_equal(of(&w, 'A', 10 * DAY - 1, VERDICT_MOZILLA), VERDICT_TRUSTED);
    assert_int_equal(of(&w, 'A', 10 * DAY, VERDICT_MOZILLA), VERDICT_DISTRUSTED);
    /* Dated back: begins before the day, and no log had it until long after. */
    w.leaf.seen_ms = 20 * DAY * 1000;
    assert_int_equal(of(&w, 'A', 9 * DAY, VERDICT_MOZILLA), VERDICT_TRUSTED);
    assert_int_equal(w.all.flags & VERDICT_BACKDATED, VERDICT_BACKDATED);
    w.leaf.seen_first = false; /* old certificates are logged by whoever finds them */
    (void)caworld_judge(&w, 'A', 9 * DAY);
    assert_int_equal(w.all.flags & VERDICT_BACKDATED, 0);
    caworld_fini(&w);
}

static void a_revoked_ca_ends_in_one_store_alone(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'A', 'A', 1);
    caworld_cert(&w, 'B', 'A', 2);
    for (int i = 0; i < VERDICT_STORES; i++)
        caworld_rule(&w, (enum verdict_store)i, CARULE_ANCHOR, 'A', 1, CARULE_MEMBER, 0);
    caworld_rule(&w, VERDICT_MOZILLA, CARULE_BLOCKED, 'B', 2, CARULE_REVOKED, 300);
    caworld_build(&w);
    assert_int_equal(of(&w, 'B', 200, VERDICT_MOZILLA), VERDICT_DISTRUSTED);
    assert_int_equal(w.all.flags & VERDICT_DISTRUSTED_AFTER, 0);
    assert_int_equal(of(&w, 'B', 301, VERDICT_MOZILLA), VERDICT_DISTRUSTED); /* it goes on */
    assert_int_equal(w.all.flags & VERDICT_DISTRUSTED_AFTER, VERDICT_DISTRUSTED_AFTER);
    assert_int_equal(w.all.store[VERDICT_CHROME].verdict, VERDICT_TRUSTED);
    caworld_fini(&w);
}

static void a_name_is_no_key(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'A', 'A', 1);
    caworld_rule(&w, VERDICT_APPLE, CARULE_ANCHOR, 'A', 1, CARULE_MEMBER, 0);
    caworld_build(&w);
    caworld_name('A', w.leaf.issuer);
    caworld_key('Z', w.leaf.key);
    cajudge(w.graph, &w.leaf, &w.all);
    assert_int_equal(w.all.store[VERDICT_APPLE].verdict, VERDICT_UNKNOWN);
    assert_int_equal(w.all.flags, VERDICT_UNKNOWN_ISSUER_KEY);
    /* Nor is a key another name's. */
    caworld_name('Z', w.leaf.issuer);
    caworld_key('A', w.leaf.key);
    cajudge(w.graph, &w.leaf, &w.all);
    assert_int_equal(w.all.store[VERDICT_APPLE].verdict, VERDICT_UNKNOWN);
    assert_int_equal(w.all.flags, 0);
    caworld_fini(&w);
}

static void a_blocked_key_is_blocked_under_every_certificate(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'A', 'A', 1);
    caworld_cert(&w, 'B', 'A', 2);
    caworld_cert(&w, 'B', 'C', 3);
    caworld_cert(&w, 'C', 'C', 4);
    caworld_rule(&w, VERDICT_CHROME, CARULE_ANCHOR, 'A', 1, CARULE_MEMBER, 0);
    caworld_rule(&w, VERDICT_CHROME, CARULE_ANCHOR, 'C', 4, CARULE_MEMBER, 0);
    struct carule *rule = caworld_rule(&w, VERDICT_CHROME, CARULE_BLOCKED, 'B', 9, CARULE_STATE_MITM, 0);
    rule->target = CARULE_KEY;
    caworld_key('B', rule->hash);
    /* Refused everywhere, and never a root of anybody. */
    rule = caworld_rule(&w, VERDICT_CHROME, CARULE_BLOCKED, 'R', 9, CARULE_REFUSED, 0);
    rule->target = CARULE_KEY;
    caworld_key('R', rule->hash);
    caworld_cert(&w, 'R', 'R', 5);
    caworld_build(&w);
    assert_int_equal(of(&w, 'B', 1, VERDICT_CHROME), VERDICT_DISTRUSTED);
    assert_int_equal(w.all.flags, VERDICT_BLOCKED_KEY);
    assert_int_equal(of(&w, 'R', 1, VERDICT_CHROME), VERDICT_DISTRUSTED);
    assert_int_equal(w.all.flags, VERDICT_BLOCKED_KEY);
    caworld_fini(&w);
}

static void a_clean_way_leaves_a_note_of_the_other(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'V', 'V', 1);
    caworld_cert(&w, 'A', 'V', 2);
    caworld_cert(&w, 'A', 'A', 3);
    caworld_rule(&w, VERDICT_MOZILLA, CARULE_ANCHOR, 'A', 3, CARULE_MEMBER, 0);
    caworld_rule(&w, VERDICT_APPLE, CARULE_ANCHOR, 'A', 3, CARULE_MEMBER, 0);
    caworld_rule(&w, VERDICT_MOZILLA, CARULE_REMOVED, 'V', 1, CARULE_INCIDENT, 0);
    caworld_build(&w);
    assert_int_equal(of(&w, 'A', 1, VERDICT_MOZILLA), VERDICT_TRUSTED);
    assert_int_equal(w.all.flags, VERDICT_DISTRUSTED_LINEAGE);
    assert_int_equal(of(&w, 'V', 1, VERDICT_MOZILLA), VERDICT_DISTRUSTED);
    assert_int_equal(w.all.flags, VERDICT_BLOCKED_KEY);
    caworld_fini(&w);
}

static void tests_of_logs_are_told_apart(void **state)
{
    (void)state;
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'T', 'T', 1);
    caworld_cert(&w, 'I', 'T', 2);
    caworld_rule(&w, VERDICT_STORES, CARULE_TEST_ROOT, 'T', 1, CARULE_MEMBER, 0);
    caworld_build(&w);
    assert_int_equal(of(&w, 'I', 1, VERDICT_APPLE), VERDICT_UNTRUSTED);
    assert_int_equal(w.all.flags, VERDICT_TEST_ROOT);
    caworld_fini(&w);
}

static void names_outside_are_a_violation(void **state)
{
    (void)state;
    const struct name inside[] = {{.kind = NAME_DNS, .text = SPAN_LIT("www.gov.in")},
                                  {.kind = NAME_DNS, .text = SPAN_LIT("*.nic.in"), .flags = NAME_WILDCARD}};
    const struct name outside[] = {{.kind = NAME_DNS, .text = SPAN_LIT("www.gov.in")},
                                   {.kind = NAME_DNS, .text = SPAN_LIT("google.com")}};
    const struct name sly[] = {{.kind = NAME_DNS, .text = SPAN_LIT("xgov.in")}};
    struct caworld w;
    caworld_init(&w);
    caworld_cert(&w, 'N', 'N', 1);
    caworld_cert(&w, 'I', 'N', 2);
    caworld_rule(&w, VERDICT_MICROSOFT, CARULE_ANCHOR, 'N', 1, CARULE_MEMBER, 0);
    caworld_rule(&w, VERDICT_MICROSOFT, CARULE_NAMES, 'N', 1, CARULE_INCIDENT, 0)->text = "gov.in nic.in";
    caworld_build(&w);
    w.leaf.names = inside;
    w.leaf.name_count = countof(inside);
    assert_int_equal(of(&w, 'I', 1, VERDICT_MICROSOFT), VERDICT_TRUSTED);
    w.leaf.names = outside;
    assert_int_equal(of(&w, 'I', 1, VERDICT_MICROSOFT), VERDICT_UNTRUSTED);
    assert_int_equal(w.all.store[VERDICT_MICROSOFT].why, VERDICT_WHY_NAMES);
    assert_int_equal(w.all.flags & VERDICT_CONSTRAINT_VIOLATION, VERDICT_CONSTRAINT_VIOLATION);
    w.leaf.names = sly;
    w.leaf.name_count = countof(sly);
    assert_int_equal(of(&w, 'I', 1, VERDICT_MICROSOFT), VERDICT_UNTRUSTED);
    caworld_fini(&w);
}

/* The real world
 * ---------------------------------------------------------------------------------------------- */

static struct cagraph *world;

static void load(struct catake *take, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/trust/%s", getenv("CTVIGIL_SHARED"), name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return;
    uint8_t *bytes = malloc(16u << 20);
    must(bytes != NULL);
    size_t len = fread(bytes, 1, 16u << 20, file);
    (void)fclose(file);
    caform_read(name, bytes, len, 0, take);
    free(bytes);
}

static bool real_world(void)
{
    struct catake *take = catake_new();
    if (getenv("CTVIGIL_SHARED") != NULL) {
        load(take, "ca_certs.csv");
        load(take, "ca_edges.csv");
        load(take, "onecrl.csv");
    }
    bool there = take->cert_count > 1000 && take->edge_count > 1000;
    struct cagraph_plan *plan = cagraph_plan_new();
    for (size_t i = 0; i < take->cert_count; i++)
        cagraph_plan_cert(plan, &take->cert[i].facts);
    for (size_t i = 0; i < take->edge_count; i++)
        cagraph_plan_edge(plan, take->edge[i].child, take->edge[i].parent);
    for (size_t i = 0; i < take->rule_count; i++)
        if (!take->rule[i].lifts)
            cagraph_plan_rule(plan, &take->rule[i].rule);
    builtin_rules(plan, NULL, NULL);
    catake_free(take);
    world = cagraph_new(plan, BUILTIN_MS, 0, 1);
    return there;
}

struct real {
    const char *sha256; /* of a CA certificate, whole or its beginning */
    const char *not_before;
    const char *verdicts; /* a letter for Mozilla, Chrome, Apple, Microsoft: t d r u ?; '-': any */
    uint32_t flags;
    uint32_t never;
};

static const struct real reals[] = {
    /* ISRG Root X1, and its certificate by the expired DST root: the same CA. */
    {"96bcec06264976f37460779acf28c5a7cfe8a3c0aae11a8ffcee05c0bddf08c6", "2026-11-20", "tttt", 0,
     VERDICT_DISTRUSTED_AFTER | VERDICT_BLOCKED_KEY},
    {"6d99fb265eb1c5b3744765fcbc648f3cd8e1bffafdc4c2f99b9d47cf7ff1c24f", "2026-11-20", "tttt", 0, 0},
    /* Root YR: self-signed in no store, by X1 in all. */
    {"270c64b6", "2026-11-20", "tttt", 0, VERDICT_SINGLE_STORE},
    /* Sectigo R46 certified by USERTrust, whose way is dead in Chrome. */
    {"92f351bf", "2026-11-20", "ttt-", 0, VERDICT_DISTRUSTED_AFTER | VERDICT_BLOCKED_KEY},
    /* DigiNotar Root CA. */
    {"0d136e439f0ab6e97f3a02a540da9f0641aa554e1d66ea51ae2920d51b2f7217", "2011-07-10", "dddd",
     VERDICT_BLOCKED_KEY, 0},
    /* Fina Root CA: Microsoft alone. */
    {"5ab4fcdb180b5b6af0d262a2375a2c77d25602015d96648756611e2e78c53ad3", "2025-05-20", "uuut",
     VERDICT_SINGLE_STORE, VERDICT_BLOCKED_KEY},
    {"4140b70629fd", "2025-05-20", "uuut", VERDICT_SINGLE_STORE, 0}, /* Fina RDC 2020 */
    /* Entrust G2 after the day, and before it. */
    {"43df5774b03e7fef5fe40d931a7bedf1bb2e6b42738c4e6d3841103d3aa7f339", "2025-06-01", "dddd",
     VERDICT_DISTRUSTED_AFTER, VERDICT_BLOCKED_KEY},
    {"43df5774b03e7fef5fe40d931a7bedf1bb2e6b42738c4e6d3841103d3aa7f339", "2024-06-01", "rrtt", 0,
     VERDICT_DISTRUSTED_AFTER | VERDICT_BLOCKED_KEY},
};

static uint32_t find_real(const char *hex)
{
    for (uint32_t i = 0; i < cagraph_cert_count(world); i++) {
        char own[65];
        if (strncmp(text_hex(span_of(cagraph_cert(world, i)->sha256, 32), own), hex, strlen(hex)) == 0)
            return i;
    }
    fail_msg("%s is not there", hex);
    return 0;
}

static void real_cas_are_what_the_stores_say(void **state)
{
    (void)state;
    static const char letters[VERDICT_COUNT] = {'?', 't', 'i', 'd', 'r', 'u'};
    if (!real_world()) {
        cagraph_unpin(world);
        print_message("the tables of facts are not here: skipped\n");
        skip();
    }
    for (size_t i = 0; i < countof(reals); i++) {
        const struct real *real = &reals[i];
        const struct cafacts *ca = cagraph_cert(world, find_real(real->sha256));
        struct cajudge_leaf leaf = {.seen_first = true};
        struct verdict_all all;
        int64_t ms = 0;
        char got[VERDICT_STORES + 1] = "";
        assert_true(text_parse_time(span_str(real->not_before), &ms));
        leaf.not_before = ms / 1000;
        leaf.seen_ms = ms + 1000;
        leaf.at_ms = ms + 86400000;
        memcpy(leaf.issuer, ca->subject, 32);
        memcpy(leaf.key, ca->key, 32);
        cajudge(world, &leaf, &all);
        bool same = true;
        for (int k = 0; k < VERDICT_STORES; k++) {
            got[k] = letters[all.store[k].verdict];
            same = same && (real->verdicts[k] == '-' || real->verdicts[k] == got[k]);
        }
        if (!same || (all.flags & real->flags) != real->flags || (all.flags & real->never) != 0)
            fail_msg("%s %s: %s, flags %x", real->sha256, real->not_before, got, all.flags);
    }
    size_t most = 0;
    for (size_t i = 0; i < cagraph_ca_count(world); i++)
        for (int k = 0; k < VERDICT_STORES; k++) {
            const struct capath_set *set = cagraph_paths(world, cagraph_ca(world, i), (enum verdict_store)k);
            most = set->count > most ? set->count : most;
            assert_false(set->cut);
        }
    print_message("%zu CAs; at most %zu ways are kept\n", cagraph_ca_count(world), most);
    cagraph_unpin(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_dead_way_beside_a_good_one_is_silent),
                                       cmocka_unit_test(a_self_signed_certificate_is_not_the_end),
                                       cmocka_unit_test(a_listed_intermediate_is_a_root),
                                       cmocka_unit_test(an_earlier_sct_only_helps),
                                       cmocka_unit_test(the_last_moment_is_still_good),
                                       cmocka_unit_test(a_revoked_ca_ends_in_one_store_alone),
                                       cmocka_unit_test(a_name_is_no_key),
                                       cmocka_unit_test(a_blocked_key_is_blocked_under_every_certificate),
                                       cmocka_unit_test(a_clean_way_leaves_a_note_of_the_other),
                                       cmocka_unit_test(tests_of_logs_are_told_apart),
                                       cmocka_unit_test(names_outside_are_a_violation),
                                       cmocka_unit_test(real_cas_are_what_the_stores_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
