/* What is expected against what was issued, rule by rule, in the words that people get. */
#include "watcher/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <stdlib.h>

#include <cmocka.h>

#include "base/dns.h"
#include "model/cert.h"
#include "tests/fixture/watches.h"

#define T_2026_06 INT64_C(1780272000)
#define DAY       INT64_C(86400)

static struct watch_allow allow = {.spki_sha256 = {0xaa}, .label = (char *)(uintptr_t) "cert:our ca.pem"};

struct row {
    const char *label;
    uint8_t issuer; /* first octet of the key; 0: unknown */
    bool proven;
    bool by_word;
    bool wildcard;
    bool wildcard_allowed;
    int64_t days;
    uint32_t flags;
    enum finding finding; /* 0: none that counts */
    bool unparsed;
    bool raw;
    const char *rules; /* in order */
    const char *found; /* part of the last finding */
};

static const struct row rows[] = {
    {"as expected", 0xaa, true, false, false, false, 90, 0, 0, false, false, "", ""},
    {"allowed, but only by the log's word", 0xaa, false, false, false, false, 90, 0, 0, false, false,
     "allow_ca", "issuer unproven, the log claims spki:aa00"},
    {"the log's word, and nothing left to prove it", 0xaa, false, true, false, false, 90, 0, 0, false, false,
     "allow_ca", "(allowed, but by the word of the log alone: "},
    {"another key by the log's word", 0xbb, false, true, false, false, 90, 0, 0, false, false, "allow_ca",
     "(the log claims, and nothing stored proves it, spki:bb00"},
    {"proven all the same", 0xaa, true, true, false, false, 90, 0, 0, false, false, "", ""},
    {"another key", 0xbb, true, false, false, false, 90, 0, 0, false, false, "allow_ca", "(spki:bb00"},
    {"nobody knows the key", 0, false, true, false, false, 90, 0, 0, false, false, "allow_ca",
     "issuer unknown: no certificate of it proves the signature"},
    {"wildcard", 0xaa, true, false, true, false, 90, 0, 0, false, false, "wildcard", "*.x.test"},
    {"wildcard that may be", 0xaa, true, false, true, true, 90, 0, 0, false, false, "", ""},
    {"200 days", 0xaa, true, false, false, false, 200, 0, 0, false, false, "", ""},
    {"201 days", 0xaa, true, false, false, false, 201, 0, 0, false, false, "max_days",
     "201 days, 2026-06-01T00:00:00Z to 2026-12-18T23:59:59Z"},
    {"a CA may be old, but not one of ours", 0xaa, true, false, false, false, 9000, CERT_IS_CA, 0, false,
     false, "ca", "CA:TRUE"},
    {"times that were not read are not judged", 0xaa, true, false, false, false, 9000, 0,
     FINDING_TIME_UNREADABLE, false, false, "readable", "time_unreadable"},
    {"peculiar is not broken", 0xaa, true, false, false, false, 90, 0, FINDING_SERIAL_ZERO, false, false, "",
     ""},
    {"a broken part", 0xaa, true, false, false, false, 90, 0, FINDING_SCT_LIST_UNREADABLE, false, false,
     "readable", "the SCT list can not be read (sct_list_unreadable)"},
    {"all at once", 0xbb, true, false, true, false, 500, 0, FINDING_SAN_UNREADABLE, false, false,
     "allow_ca wildcard max_days readable", "san_unreadable"},
    {"nothing parsed: no other rule", 0xbb, true, false, true, false, 500, 0, FINDING_CERTIFICATE_UNREADABLE,
     true, true, "readable", "the name stands in bytes that could not be parsed; "},
    {"nothing parsed, nothing said", 0, false, false, false, false, 0, 0, 0, true, false, "readable",
     "an entry of an unknown form"},
};

static void judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const struct row *row = &rows[i];
        struct watch watch = {
            .id = 3, .name = (char *)(uintptr_t) "x.test", .allow = &allow, .allow_count = 1};
        struct issuance issuance = {.not_before = T_2026_06, .not_after = T_2026_06 + row->days * DAY - 1};
        struct finding_set oddities = {0};
        struct arena arena;
        struct alert alert;
        char rules[128] = "";
        size_t len = 0;
        watch.wildcard_allowed = row->wildcard_allowed;
        issuance.issuer_known = row->issuer != 0;
        issuance.issuer_proven = row->proven;
        issuance.issuer_spki_sha256[0] = row->issuer;
        issuance.cert_flags = row->flags;
        if (row->finding != 0)
            finding_add(&oddities, row->finding);
        issuance.findings = oddities;
        struct policy_case what = {.watch = &watch,
                                   .issuance = &issuance,
                                   .name = SPAN_LIT("a.x.test"),
                                   .unparsed = row->unparsed,
                                   .raw = row->raw,
                                   .by_word = row->by_word,
                                   .oddities = &oddities};
        what.wildcard = row->wildcard ? SPAN_LIT("*.x.test") : SPAN_NONE;
        assert_true(arena_init(&arena, 1 << 20));
        assert_true(policy_judge(&what, &arena, &alert));
        for (size_t k = 0; k < alert.finding_count; k++)
            len += (size_t)snprintf(rules + len, sizeof rules - len, "%s%s", k == 0 ? "" : " ",
                                    alert.findings[k].rule);
        if (strcmp(rules, row->rules) != 0)
            fail_msg("%s: %s, not %s", row->label, rules, row->rules);
        if (alert.finding_count != 0) {
            struct span found = alert.findings[alert.finding_count - 1].found;
            char text[1024];
            (void)snprintf(text, sizeof text, "%.*s", (int)found.len, (const char *)found.at);
            if (strstr(text, row->found) == NULL)
                fail_msg("%s: %s", row->label, text);
            /* The store tells one key from another by the end of the text. */
            if (row->issuer != 0 && strcmp(row->rules, "allow_ca") == 0)
                assert_non_null(strstr(text, "000000)"));
            bool claimed = row->by_word && row->issuer == 0xaa && !row->proven;
            if (strcmp(row->rules, "allow_ca") == 0)
                assert_int_equal(alert.findings[0].severity, claimed ? ALERT_LOW : ALERT_HIGH);
        }
        assert_int_equal(alert.domain_id, 3);
        assert_ptr_equal(alert.issuance, &issuance);
        arena_fini(&arena);
    }
}

/* Ours is also what stands under a registered domain of which one name alone is watched. */
static void names_of_others(void **state)
{
    static const char *const texts[] = {"x.test", "=other.test"};
    static const char *const given[] = {"a.x.test", "www.other.test", "other.test", "z.foreign.test", "test"};
    struct watch *watches = calloc(countof(texts), sizeof *watches);
    struct name names[countof(given)];
    struct issuance issuance = {.names = names, .name_count = countof(given), .issuer_known = true};
    struct arena arena;
    struct alert alert;
    (void)state;
    assert_non_null(watches);
    for (size_t i = 0; i < countof(texts); i++)
        watches[i] = watches_one(texts[i], (int64_t)i + 1);
    struct watchset *set = watchset_new(watches, countof(texts), 1);
    assert_non_null(set);
    struct watch watch = {.id = 1, .name = (char *)(uintptr_t) "x.test", .foreign = WATCH_FOREIGN_HIGH};
    for (size_t i = 0; i < countof(given); i++)
        names[i] = (struct name){.kind = NAME_DNS, .raw = span_str(given[i]), .text = span_str(given[i])};
    issuance.issuer_proven = true;
    issuance.issuer_spki_sha256[0] = 0xaa;
    watch.allow = &allow;
    watch.allow_count = 1;
    const struct finding_set oddities = {0};
    const struct policy_case what = {.watch = &watch,
                                     .issuance = &issuance,
                                     .name = span_str(given[0]),
                                     .ours = set,
                                     .oddities = &oddities};
    assert_true(arena_init(&arena, 1 << 20));
    assert_true(policy_judge(&what, &arena, &alert));
    assert_int_equal(alert.finding_count, 1);
    assert_string_equal(alert.findings[0].rule, "foreign_san");
    assert_true(span_eq(alert.findings[0].found, SPAN_LIT("z.foreign.test, test")));
    arena_fini(&arena);
    watchset_unpin(set);
}

static void nobody_in_particular(void **state)
{
    static const struct {
        const char *name;
        bool crowded;
        uint64_t count;
        const char *found;
    } cases[] = {
        {"?.x.test", false, 1, "the name \"?.x.test\", which could concern 1 registered domain"},
        {"\x1b[31m", false, 7, "the name \"\\x1b[31m\", which could concern 7 registered domains"},
        {NULL, false, 0,
         "an entry whose names could not be read, which could concern anybody; no domain is registered"},
        {NULL, false, 2, "an entry whose names could not be read, which could concern 2 registered domains"},
        {NULL, true, 300000,
         "more names than there is room to alert on one by one, which could concern 300000 registered "
         "domains"},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct arena arena;
        struct alert alert;
        struct finding_set oddities = {0};
        struct policy_case what = {.oddities = &oddities, .crowded = cases[i].crowded};
        what.name = cases[i].name == NULL ? SPAN_NONE : span_str(cases[i].name);
        assert_true(arena_init(&arena, 1 << 16));
        assert_true(policy_nobody(&what, cases[i].count, &arena, &alert));
        assert_int_equal(alert.domain_id, ALERT_DOMAINS_NONE);
        assert_int_equal(alert.domains_concerned, cases[i].count);
        assert_int_equal(alert.findings[0].kind, ALERT_KIND_MALFORMED);
        assert_true(span_eq(alert.findings[0].found, span_str(cases[i].found)));
        arena_fini(&arena);
    }
}

/* No room is told, never a text cut short. */
static void no_room(void **state)
{
    struct watch watch = {.name = (char *)(uintptr_t) "x.test", .allow = &allow, .allow_count = 1};
    struct issuance issuance = {.not_before = T_2026_06, .not_after = T_2026_06 + 999 * DAY};
    struct finding_set oddities = {0};
    struct policy_case what = {
        .watch = &watch, .issuance = &issuance, .name = SPAN_LIT("a"), .oddities = &oddities};
    struct arena arena;
    struct alert alert;
    bool fitted = false;
    (void)state;
    assert_true(arena_init(&arena, 4096));
    for (size_t left = 0; left < 4096; left += 16) {
        arena_reset(&arena, 0);
        assert_non_null(arena_take(&arena, 4096 - left, 1));
        bool fits = policy_judge(&what, &arena, &alert);
        assert_true(fits || !fitted);
        fitted = fits;
        assert_true(!fits || alert.finding_count == 2);
    }
    assert_true(fitted);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(judged), cmocka_unit_test(names_of_others),
                                       cmocka_unit_test(nobody_in_particular), cmocka_unit_test(no_room)};
    must(dns_psl_load(SPAN_LIT("test\n"), NULL) == ERR_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
