/* Rule R3: which verdicts become findings, how grave, and in which words. */
#include "watcher/rule_trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/cert.h"
#include "tests/fixture/caworld.h"
#include "verify/digest.h"

#define NAME "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02\x43\x41" /* CN=CA */

struct row {
    const char *label;
    const char *roots;     /* stores with the root, by their first letters: M, C, A, W */
    enum carule_kind kind; /* ANCHOR: no further rule */
    enum carule_class class;
    const char *by; /* stores that say so */
    bool allowed;
    bool unproven;
    bool is_ca;
    bool other_key;
    bool settled;
    enum alert_severity severity; /* that the watch has for every kind; INFO: none */
    const char *rule;             /* expected; "": silent */
    enum alert_severity expected;
    const char *found;
    char above; /* the other key's certificate is known, and this CA certifies it; 0: it is not known */
    const char *require; /* stores that the watch asks for; NULL: none */
};

static const struct row rows[] = {
    {"all stores", "MCAW", CARULE_ANCHOR, 0, "", false, false, false, false, true, 0, "", 0, "", 0, NULL},
    {"two stores", "MC", CARULE_ANCHOR, 0, "", false, false, false, false, true, 0, "", 0, "", 0, NULL},
    {"one store", "W", CARULE_ANCHOR, 0, "", false, false, false, false, true, 0, "single_store", ALERT_HIGH,
     "only Microsoft trusts it", 0, NULL},
    {"one store, allowed", "W", CARULE_ANCHOR, 0, "", true, false, false, false, true, 0, "", 0, "", 0, NULL},
    {"one store, a CA certificate", "W", CARULE_ANCHOR, 0, "", false, false, true, false, true, 0, "", 0, "",
     0, NULL},
    {"none", "", CARULE_ANCHOR, 0, "", false, false, false, false, true, 0, "untrusted", ALERT_LOW,
     "no root store trusts it", 0, NULL},
    {"none, allowed", "", CARULE_ANCHOR, 0, "", true, false, false, false, true, 0, "", 0, "", 0, NULL},
    {"none, and not proven", "", CARULE_ANCHOR, 0, "", false, true, false, false, true, 0, "", 0, "", 0,
     NULL},
    {"for tests", "", CARULE_TEST_ROOT, CARULE_MEMBER, "M", false, false, false, false, true, 0, "test_root",
     ALERT_INFO, "tests of logs", 0, NULL},
    {"blocked, though allowed", "MCAW", CARULE_BLOCKED, CARULE_INCIDENT, "C", true, false, false, false, true,
     0, "blocked_key", ALERT_CRITICAL, "Chrome: the store blocks", 0, NULL},
    {"blocked, as the watch weighs it", "MCAW", CARULE_BLOCKED, CARULE_INCIDENT, "C", true, false, false,
     false, true, ALERT_LOW, "blocked_key", ALERT_LOW, "Chrome", 0, NULL},
    {"after the last day", "MCAW", CARULE_NOT_BEFORE, CARULE_INCIDENT, "MA", false, false, false, false, true,
     0, "distrusted_after", ALERT_HIGH, "Apple: it begins after the last day", 0, NULL},
    {"after a day without blame", "MCAW", CARULE_NOT_BEFORE, CARULE_LIFECYCLE, "M", false, false, false,
     false, true, 0, "", 0, "", 0, NULL},
    {"another key under the name", "MCAW", CARULE_ANCHOR, 0, "", false, false, false, true, true, 0,
     "issuer_key", ALERT_HIGH, "a key that nobody vouches for", 0, NULL},
    {"another key, and it is early", "MCAW", CARULE_ANCHOR, 0, "", false, false, false, true, false, 0, "", 0,
     "", 0, NULL},
    /* Whoever makes such a certificate hands its CA certificate in with it. */
    {"another key, its certificate at hand", "MCAW", CARULE_ANCHOR, 0, "", false, false, false, true, false,
     0, "issuer_key", ALERT_HIGH, "a key that nobody vouches for", 'Z', NULL},
    {"another key, below a CA that is not known", "MCAW", CARULE_ANCHOR, 0, "", false, false, false, true,
     false, 0, "", 0, "", 'Q', NULL},
    {"the same, after a while", "MCAW", CARULE_ANCHOR, 0, "", false, false, false, true, true, 0,
     "issuer_key", ALERT_HIGH, "a key that nobody vouches for", 'Q', NULL},
    {"another key, and the old one vouches for it", "MCAW", CARULE_ANCHOR, 0, "", false, false, false, true,
     false, 0, "", 0, "", 'A', NULL},
    {"another key that is allowed", "MCAW", CARULE_ANCHOR, 0, "", true, false, false, true, false, 0, "", 0,
     "", 'Z', NULL},
    {"another key, of a name that no store knows", "", CARULE_ANCHOR, 0, "", false, false, false, true, true,
     0, "untrusted", ALERT_LOW, "no root store trusts it", 'Z', NULL},
};

/* Stores that the watch asks for; only the first finding is looked at. */
static const struct row required[] = {
    {"all asked for, all there", "MCAW", CARULE_ANCHOR, 0, "", true, false, false, false, true, 0, "", 0, "",
     0, "MCAW"},
    {"one of two is not, though the CA is allowed", "MCA", CARULE_ANCHOR, 0, "", true, false, false, false,
     true, 0, "required_store", ALERT_HIGH, "Microsoft: ", 0, "MW"},
    {"only others are not", "MC", CARULE_ANCHOR, 0, "", false, false, false, false, true, 0, "", 0, "", 0,
     "MC"},
    {"none is, told once", "", CARULE_ANCHOR, 0, "", false, false, false, false, true, 0, "required_store",
     ALERT_HIGH, "Chrome: ", 0, "C"},
    {"retired without blame", "MCAW", CARULE_NOT_BEFORE, CARULE_LIFECYCLE, "A", true, false, false, false,
     true, 0, "required_store", ALERT_HIGH, "Apple: it begins after the last day", 0, "MA"},
    {"as the watch weighs it", "M", CARULE_ANCHOR, 0, "", true, false, false, false, true, ALERT_LOW,
     "required_store", ALERT_LOW, "Chrome: ", 0, "C"},
    {"a CA certificate serves no TLS", "M", CARULE_ANCHOR, 0, "", true, false, true, false, true, 0, "", 0,
     "", 0, "C"},
    {"not proven", "M", CARULE_ANCHOR, 0, "", true, true, false, false, true, 0, "", 0, "", 0, "C"},
    {"a CA that may still become known", "MCAW", CARULE_ANCHOR, 0, "", true, false, false, true, false, 0, "",
     0, "", 'Q', "C"},
};

static enum verdict_store store_of(char letter)
{
    return letter == 'M'   ? VERDICT_MOZILLA
           : letter == 'C' ? VERDICT_CHROME
           : letter == 'A' ? VERDICT_APPLE
                           : VERDICT_MICROSOFT;
}

static void world_of(const struct row *row, struct caworld *w)
{
    caworld_init(w);
    struct cafacts *cert = caworld_cert(w, 'A', 'A', 1);
    digest_sha256(SPAN_LIT(NAME), cert->subject);
    for (const char *at = row->roots; *at != '\0'; at++)
        memcpy(caworld_rule(w, store_of(*at), CARULE_ANCHOR, 'A', 1, CARULE_MEMBER, 0)->subject,
               cert->subject, 32);
    for (const char *at = row->by; *at != '\0'; at++)
        (void)caworld_rule(w, store_of(*at), row->kind, 'A', 1, row->class, 50);
    if (row->above != 0) {
        struct cafacts *other = caworld_cert(w, 'Z', row->above, 2);
        digest_sha256(SPAN_LIT(NAME), other->subject);
        other->self_issued = row->above == 'Z';
    }
    caworld_build(w);
}

/* Each store that was asked for, in the order of enum verdict_store, and no other. */
static void check_required(const struct row *row, const struct alert_finding *finding)
{
    char wanted[128];
    char text[256];
    size_t len = 0;
    for (int i = 0; i < VERDICT_STORES; i++)
        for (const char *at = row->require; *at != '\0'; at++)
            if (store_of(*at) == (enum verdict_store)i)
                len += (size_t)snprintf(wanted + len, sizeof wanted - len, "%s%s",
                                        len == 0 ? "accepted by " : ", ",
                                        verdict_store_title((enum verdict_store)i));
    (void)snprintf(wanted + len, sizeof wanted - len, " (");
    (void)snprintf(text, sizeof text, "%.*s", (int)finding->expected.len, (const char *)finding->expected.at);
    if (strncmp(text, wanted, strlen(wanted)) != 0)
        fail_msg("%s: %s", row->label, text);
}

static void judge_rows(const struct row *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &all[i];
        struct caworld w;
        struct arena arena;
        struct alert alert = {.domain_id = 1};
        struct watch_allow allow = {.label = (char *)(uintptr_t) "spki:x"};
        struct watch watch = {
            .name = (char *)(uintptr_t) "x.test", .allow = &allow, .allow_count = row->allowed};
        struct issuance issuance = {.issuer = SPAN_LIT(NAME),
                                    .issuer_known = true,
                                    .issuer_proven = !row->unproven,
                                    .not_before = 100,
                                    .not_after = 5000,
                                    .cert_flags = row->is_ca ? CERT_IS_CA : 0};
        struct sighting sighting = {.timestamp_ms = 101000, .form = ISSUANCE_PRECERT};
        struct policy_case what = {.watch = &watch,
                                   .issuance = &issuance,
                                   .sighting = &sighting,
                                   .now_ms = 200000,
                                   .settled = row->settled};
        struct rule rule = {&what, NULL, &alert, false};
        world_of(row, &w);
        caworld_key(row->other_key ? 'Z' : 'A', issuance.issuer_spki_sha256);
        memcpy(allow.spki_sha256, issuance.issuer_spki_sha256, 32);
        for (const char *at = row->require; at != NULL && *at != '\0'; at++)
            watch.stores = (uint8_t)(watch.stores | 1u << store_of(*at));
        for (size_t k = 0; k < ALERT_KIND_COUNT; k++)
            watch.severity[k] = row->severity == ALERT_INFO ? 0 : (uint8_t)(row->severity + 1);
        what.trust = w.graph;
        assert_true(arena_init(&arena, 1 << 20));
        rule.arena = &arena;
        rule_trust_judge(&rule);
        assert_false(rule.full);
        const char *got = alert.finding_count == 0 ? "" : alert.findings[0].rule;
        /* Of a key that is sure to be nobody's it is said as well that no store trusts it. */
        if (strcmp(got, "issuer_key") == 0 && alert.finding_count == 2)
            assert_string_equal(alert.findings[1].rule, "untrusted");
        else if (strcmp(got, row->rule) != 0 || alert.finding_count > 1)
            fail_msg("%s: '%s' and %zu findings", row->label, got, alert.finding_count);
        if (alert.finding_count != 0) {
            char text[1024];
            struct span found = alert.findings[0].found;
            (void)snprintf(text, sizeof text, "%.*s", (int)found.len, (const char *)found.at);
            if (strcmp(got, row->rule) != 0 || strstr(text, row->found) == NULL ||
                strstr(text, "CN=CA (spki:6b") == NULL)
                fail_msg("%s: %s", row->label, text);
            if (alert.findings[0].severity != row->expected)
                fail_msg("%s: %s", row->label, alert_severity_name(alert.findings[0].severity));
            assert_true(rule_trust_owns(alert.findings[0].kind));
            if (strcmp(got, "required_store") == 0)
                check_required(row, &alert.findings[0]);
        }
        arena_fini(&arena);
        caworld_fini(&w);
    }
    assert_false(rule_trust_owns(ALERT_KIND_UNEXPECTED_CA));
}

static void judged(void **state)
{
    (void)state;
    judge_rows(rows, countof(rows));
}

static void as_required(void **state)
{
    (void)state;
    judge_rows(required, countof(required));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(judged), cmocka_unit_test(as_required)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
