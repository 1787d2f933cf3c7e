/* What `domain test` says of rules that found nothing: kept only where it was looked. */
#include "cli/ruleview.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/cert.h"

#define NOW_MS INT64_C(1800000000000)

struct row {
    const char *label;
    enum verdict verdicts[VERDICT_STORES];
    const char *found; /* a rule that spoke; NULL: none */
    uint8_t stores;    /* that the watch asks for */
    bool no_data;
    bool unproven;
    bool allowed;
    bool is_ca;
    bool over;
    bool log_time;
    const char *rule;
    const char *result; /* NULL: no row, the rule spoke */
};

#define ALL(v)                                                                                               \
    {                                                                                                        \
        VERDICT_##v, VERDICT_##v, VERDICT_##v, VERDICT_##v                                                   \
    }
#define ONE(v)                                                                                               \
    {                                                                                                        \
        VERDICT_##v, VERDICT_UNTRUSTED, VERDICT_UNTRUSTED, VERDICT_UNTRUSTED                                 \
    }

static const struct row rows[] = {
    {"trusted", ALL(TRUSTED), .rule = "untrusted", .result = "kept"},
    {"trusted", ALL(TRUSTED), .rule = "blocked_key", .result = "kept"},
    {"trusted", ALL(TRUSTED), .rule = "single_store", .result = "kept"},
    {"trusted", ALL(TRUSTED), .rule = "issuer_key", .result = "kept"},
    {"no log time", ALL(TRUSTED), .rule = "backdated", .result = "not_judged"},
    {"log time", ALL(TRUSTED), .log_time = true, .rule = "backdated", .result = "kept"},
    {"hangs on the log time", ALL(TRUSTED_IF_SCT), .rule = "distrusted_after", .result = "not_judged"},
    {"hangs on it no more", ALL(TRUSTED_IF_SCT), .log_time = true, .rule = "distrusted_after",
     .result = "kept"},
    {"nobody knows", ALL(UNKNOWN), .rule = "blocked_key", .result = "not_judged"},
    {"nobody knows", ALL(UNKNOWN), .rule = "name_constraints", .result = "not_judged"},
    {"nobody knows", ALL(UNKNOWN), .rule = "issuer_key", .result = "not_judged"},
    {"one can not say",
     {VERDICT_TRUSTED, VERDICT_TRUSTED, VERDICT_TRUSTED, VERDICT_UNKNOWN},
     .rule = "blocked_key",
     .result = "not_judged"},
    {"others can",
     {VERDICT_TRUSTED, VERDICT_TRUSTED, VERDICT_TRUSTED, VERDICT_UNKNOWN},
     .stores = 1,
     .rule = "required_store",
     .result = "kept"},
    {"just that one can not",
     {VERDICT_TRUSTED, VERDICT_TRUSTED, VERDICT_TRUSTED, VERDICT_UNKNOWN},
     .stores = 8,
     .rule = "required_store",
     .result = "not_judged"},
    {"no store is asked for", ALL(UNTRUSTED), .rule = "required_store", .result = "not_asked"},
    {"no data", ALL(TRUSTED), .no_data = true, .rule = "untrusted", .result = "not_judged"},
    {"not proven", ALL(TRUSTED), .unproven = true, .rule = "untrusted", .result = "not_judged"},
    {"not proven", ALL(TRUSTED), .unproven = true, .rule = "blocked_key", .result = "not_judged"},
    {"allowed", ALL(UNTRUSTED), .allowed = true, .rule = "untrusted", .result = "not_asked"},
    {"allowed", ALL(UNTRUSTED), .allowed = true, .rule = "issuer_key", .result = "not_asked"},
    {"allowed, and blocked all the same", ALL(TRUSTED), .allowed = true, .rule = "blocked_key",
     .result = "kept"},
    {"allowed, and a store asked for", ALL(TRUSTED), .allowed = true, .stores = 2, .rule = "required_store",
     .result = "kept"},
    {"a CA", ALL(TRUSTED), .is_ca = true, .rule = "single_store", .result = "not_judged"},
    {"a CA", ALL(TRUSTED), .is_ca = true, .rule = "name_constraints", .result = "kept"},
    {"over", ALL(TRUSTED), .over = true, .rule = "untrusted", .result = "not_judged"},
    {"over", ALL(TRUSTED), .over = true, .rule = "blocked_key", .result = "kept"},
    {"it spoke", ALL(DISTRUSTED), .found = "blocked_key", .rule = "blocked_key"},
    {"a graver one spoke", ALL(DISTRUSTED), .found = "blocked_key", .rule = "distrusted_after",
     .result = "not_judged"},
    {"a graver one spoke", ALL(DISTRUSTED), .found = "blocked_key", .rule = "untrusted",
     .result = "not_judged"},
    {"one store", ONE(TRUSTED), .found = "single_store", .rule = "untrusted", .result = "kept"},
    {"none, told as a store that is asked for", ALL(UNTRUSTED), .found = "required_store", .stores = 1,
     .rule = "untrusted", .result = "not_judged"},
    {"a root for tests", ALL(UNTRUSTED), .found = "test_root", .rule = "single_store",
     .result = "not_judged"},
};

static const json_t *find(const json_t *list, const char *rule)
{
    const json_t *found = NULL;
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "rule")), rule) != 0)
            continue;
        if (found != NULL)
            fail_msg("%s is there twice", rule);
        found = one;
    }
    return found;
}

static json_t *shown(const struct row *row)
{
    struct watch_allow allow = {.spki_sha256 = {7}};
    struct watch watch = {.allow = &allow, .allow_count = row->allowed, .stores = row->stores};
    struct issuance issuance = {.issuer_known = !row->unproven,
                                .issuer_proven = !row->unproven,
                                .issuer_spki_sha256 = {7},
                                .cert_flags = row->is_ca ? CERT_IS_CA : 0,
                                .not_after = NOW_MS / 1000 + (row->over ? -1 : 1)};
    struct alert *alert = calloc(1, sizeof *alert);
    struct verdict_all *all = calloc(1, sizeof *all);
    json_t *list = json_array();
    assert_true(alert != NULL && all != NULL && list != NULL);
    for (int i = 0; i < VERDICT_STORES; i++)
        all->store[i].verdict = row->verdicts[i];
    if (row->found != NULL)
        alert->findings[alert->finding_count++].rule = row->found;
    struct ruleview view = {&watch, &issuance, alert, row->no_data ? NULL : all, row->log_time, NOW_MS};
    ruleview_put(&view, list);
    free(alert);
    free(all);
    return list;
}

static void kept_is_what_was_looked_at(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        json_t *list = shown(&rows[i]);
        const json_t *one = find(list, rows[i].rule);
        const char *result = json_string_value(json_object_get(one, "result"));
        if ((one == NULL) != (rows[i].result == NULL) || (one != NULL && strcmp(result, rows[i].result) != 0))
            fail_msg("%s, %s: %s", rows[i].label, rows[i].rule, result == NULL ? "no row" : result);
        assert_true((json_object_get(one, "why") != NULL) ==
                    (rows[i].result != NULL && strcmp(rows[i].result, "not_judged") == 0));
        json_decref(list);
    }
}

/* One certificate does not show them, whatever it is. */
static void what_needs_more(void **state)
{
    static const char *const rules[] = {"serial",  "final_differs", "precert",  "sct",
                                        "cadence", "expiry",        "lookalike"};
    struct alert alert = {.finding_count = 0};
    struct issuance issuance = {.issuer_known = false};
    struct watch watch = {.lookalike = WATCH_LOOKALIKE_ON};
    struct ruleview view = {.watch = &watch, .issuance = &issuance, .alert = &alert};
    (void)state;
    for (int off = 0; off < 2; off++) {
        json_t *list = json_array();
        ruleview_put(&view, list);
        for (size_t i = 0; i < countof(rules); i++) {
            const json_t *one = find(list, rules[i]);
            assert_non_null(one);
            assert_string_equal(json_string_value(json_object_get(one, "result")),
                                off != 0 ? "not_asked" : "not_judged");
        }
        json_decref(list);
        watch =
            (struct watch){.pairing = WATCH_PAIRING_OFF, .cadence = WATCH_CADENCE_OFF, .expiry_off = true};
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kept_is_what_was_looked_at),
                                       cmocka_unit_test(what_needs_more)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
