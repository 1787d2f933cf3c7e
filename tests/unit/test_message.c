#include "watcher/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/fixture/alertrow.h"

static const char *text_at(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static void object(void **state)
{
    struct db_alert_row row = alertrow();
    const struct db_alert_delivery delivery = {"hook", "dead", 30, 0, 0, "exit status 1"};
    char *json = NULL;
    (void)state;
    row.deliveries = &delivery;
    row.delivery_count = 1;
    row.owner = "team \xc3\xa9\x1b";
    row.tags = "[\"pci\",\"web\"]";
    assert_int_equal(message_json(&row, true, &json, NULL), ERR_OK);
    assert_null(strchr(json, '\n'));
    assert_memory_equal(json, "{\"schema\":", 10);
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_string_equal(text_at(root, "schema"), "ctvigil.alert.1");
    assert_int_equal(json_integer_value(json_object_get(root, "id")), 5);
    assert_string_equal(text_at(root, "kind"), "unexpected_ca");
    assert_string_equal(text_at(root, "severity"), "high");
    assert_memory_equal(text_at(root, "meaning"), "a CA that", 9);
    assert_non_null(text_at(root, "why"));
    assert_non_null(text_at(root, "action"));
    assert_string_equal(text_at(root, "domain"), "example.com");
    assert_string_equal(text_at(root, "owner"), "team \xc3\xa9\x1b");
    assert_string_equal(json_string_value(json_array_get(json_object_get(root, "tags"), 1)), "web");
    assert_string_equal(text_at(root, "name"), "www.example.com");
    assert_string_equal(text_at(root, "tbs_fp"),
                        "abcd000000000000000000000000000000000000000000000000000000000000");
    assert_string_equal(text_at(root, "first_seen"), "2026-06-01T00:00:00.123Z");
    assert_string_equal(text_at(root, "state"), "new");
    assert_int_equal(json_array_size(json_object_get(root, "findings")), 2);
    const json_t *sighting = json_array_get(json_object_get(root, "sightings"), 1);
    assert_string_equal(text_at(sighting, "log"), "xenon");
    assert_string_equal(text_at(sighting, "form"), "final");
    assert_string_equal(text_at(sighting, "time"), "2026-06-01T00:01:00Z");
    assert_true(json_is_false(json_object_get(sighting, "verified")));
    assert_string_equal(text_at(json_array_get(json_object_get(root, "deliveries"), 0), "state"), "dead");
    json_decref(root);
    free(json);
}

/* What else was found is named by its kinds, the gravest being the one that the line tells. */
static void others_are_named(void **state)
{
#define FOUND(kind) "{\"kind\":\"" kind "\",\"found\":\"f\",\"expected\":\"e\"}"
    static const struct {
        const char *findings;
        const char *end;
    } rows[] = {
        {"[" FOUND("unexpected_ca") "]", "found f; expected e"},
        {"[" FOUND("untrusted_ca") "," FOUND("unexpected_ca") "]", "expected e (also untrusted_ca)"},
        {"[" FOUND("unexpected_ca") "," FOUND("unexpected_ca") "]", "expected e (and 1 more)"},
        {"[" FOUND("a") "," FOUND("unexpected_ca") "," FOUND("b") "," FOUND("a") "]",
         "expected e (also a, b and 1 more)"},
        {"[" FOUND("a") "," FOUND("b") "," FOUND("c") "," FOUND("d") "," FOUND("e") "," FOUND("f") "]",
         "expected e (also a, b, c, d and 1 more)"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct db_alert_row row = alertrow();
        char *line = NULL;
        row.kind = "unexpected_ca";
        row.findings = rows[i].findings;
        assert_int_equal(message_line(&row, &line, NULL), ERR_OK);
        size_t len = strlen(rows[i].end);
        assert_true(strlen(line) > len);
        assert_string_equal(line + strlen(line) - len, rows[i].end);
        free(line);
    }
#undef FOUND
}

/* About a log: no domain, no certificate. */
static void about_a_log(void **state)
{
    struct db_alert_row row = alertrow();
    char *json = NULL;
    char *line = NULL;
    (void)state;
    row.kind = "log_inconsistent";
    row.severity = "critical";
    row.domain = row.name = row.issuance = NULL;
    row.log = "argon";
    row.has_fp = false;
    row.findings = "[]";
    assert_int_equal(message_json(&row, false, &json, NULL), ERR_OK);
    json_t *root = json_loads(json, 0, NULL);
    assert_true(json_is_null(json_object_get(root, "domain")));
    assert_true(json_is_null(json_object_get(root, "tbs_fp")));
    assert_string_equal(text_at(root, "log"), "argon");
    assert_null(json_object_get(root, "owner"));
    assert_null(json_object_get(root, "tags"));
    assert_int_equal(message_line(&row, &line, NULL), ERR_OK);
    assert_string_equal(line, "[critical] log_inconsistent at log argon");
    assert_null(json_object_get(root, "accounts"));
    json_decref(root);
    free(json);
    free(line);
    /* What it rests on: which of it others can check, and what is over. */
    row.evidence = "";
    row.accounts = "[{\"id\":7,\"kind\":\"shrunk_head\",\"proof\":\"served\",\"over_at\":null},"
                   "{\"id\":5,\"kind\":\"root_mismatch\",\"proof\":\"nothing\","
                   "\"over_at\":\"2026-11-22T00:00:00Z\",\"over_by\":\"it fits\"}]";
    assert_int_equal(message_json(&row, false, &json, NULL), ERR_OK);
    root = json_loads(json, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(root, "accounts")), 2);
    json_decref(root);
    free(json);
    assert_int_equal(message_page(&row, &line, NULL), ERR_OK);
    assert_non_null(strstr(line, "7, shrunk_head: what the log served shows it\n"));
    assert_non_null(strstr(line, " ctvigil log verify --id 7\n"));
    assert_non_null(strstr(line, "5, root_mismatch: it proves nothing to others\n"));
    assert_non_null(strstr(line, " over at 2026-11-22T00:00:00Z: it fits\n"));
    free(line);
    assert_int_equal(message_certspotter(&row, &json, NULL), ERR_NOT_FOUND);
}

static void certspotter(void **state)
{
    struct db_alert_row row = alertrow();
    char *json = NULL;
    (void)state;
    assert_int_equal(message_certspotter(&row, &json, NULL), ERR_OK);
    json_t *root = json_loads(json, 0, NULL);
    assert_int_equal(json_object_size(root), 6);
    assert_string_equal(text_at(root, "pubkey_sha256"), "cc");
    assert_string_equal(text_at(root, "not_after"), "2027-07-06T00:00:00Z");
    assert_int_equal(json_array_size(json_object_get(root, "dns_names")), 2);
    assert_int_equal(json_array_size(json_object_get(root, "ip_addresses")), 1);
    json_decref(root);
    free(json);
}

static void texts(void **state)
{
    struct db_alert_row row = alertrow();
    char *line = NULL;
    char *page = NULL;
    (void)state;
    row.reason = "fine \x1b[31m";
    assert_int_equal(message_line(&row, &line, NULL), ERR_OK);
    assert_string_equal(
        line, "[high] unexpected_ca for example.com (www.example.com): found CN=Other; expected spki:aa"
              " (also over_long_validity)");
    assert_int_equal(message_page(&row, &page, NULL), ERR_OK);
    assert_null(strchr(page, '\x1b'));
    assert_non_null(strstr(page, "alert 5 [high]"));
    assert_non_null(strstr(page, "argon index 17 (precert, verified)"));
    assert_non_null(strstr(page, "xenon index 99 (final, not verified yet)"));
    assert_non_null(strstr(page, "400"));
    assert_non_null(strstr(page, "\\x1b[31m.test"));
    assert_non_null(strstr(page, "\nwhat happened: a CA that is not allowed"));
    assert_non_null(strstr(page, "\nwhy it matters: whoever holds it"));
    assert_non_null(strstr(page, "\nwhat to do: ask those who order"));
    assert_non_null(strstr(page, "  common name    www.example.com\n"));
    free(page);
    row.issuance =
        "{\"form\":\"final\",\"findings\":[\"precert_mismatch\"],\"lint\":[\"ski_missing\",\"names_many\"]}";
    assert_int_equal(message_page(&row, &page, NULL), ERR_OK);
    assert_non_null(strstr(
        page,
        "  odd            precert_mismatch\n  against a rule ski_missing\n  against a rule names_many\n"));
    free(line);
    free(page);
}

/* Who has to act is told everywhere, not in mail alone; of a domain without owner nothing is made up. */
static void whose_it_is(void **state)
{
    struct db_alert_row row = alertrow();
    char *page = NULL;
    char *json = NULL;
    (void)state;
    assert_int_equal(message_page(&row, &page, NULL), ERR_OK);
    assert_null(strstr(page, "\n  owner"));
    assert_null(strstr(page, "\n  tags"));
    free(page);
    assert_int_equal(message_json(&row, false, &json, NULL), ERR_OK);
    assert_non_null(strstr(json, "\"owner\":null,\"tags\":[]"));
    free(json);
    row.owner = "ops\n\x1b[31m";
    row.tags = "[\"pci\",\"web\\n\"]";
    assert_int_equal(message_page(&row, &page, NULL), ERR_OK);
    if (strstr(page, "\n  owner          ops\\x0a\\x1b[31m\n  tags           pci, web\\x0a\n") == NULL)
        fail_msg("%s", page);
    free(page);
    row.owner = "";
    row.tags = "[]";
    assert_int_equal(message_page(&row, &page, NULL), ERR_OK);
    assert_null(strstr(page, "\n  owner"));
    assert_null(strstr(page, "\n  tags"));
    free(page);
}

/* Who was told before learns what is new; what was said about the state before stands beside it, not for it.
 */
static void told_before(void **state)
{
    static const struct {
        const char *event;
        const char *begin;
    } cases[] = {{"escalated", "graver than before: [high]"},
                 {"seen_again", "seen again: [high]"},
                 {"withdrawn", "withdrawn: [high]"}};
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct db_alert_row row = alertrow();
        char *line = NULL;
        char *page = NULL;
        char *json = NULL;
        row.event = cases[i].event;
        row.history =
            "[{\"at\":\"2026-06-02T00:00:00Z\",\"state\":\"acked\",\"reason\":\"we know \\u001b[31m\","
            "\"kind\":\"over_long_validity\",\"severity\":\"low\",\"event\":\"new\"}]";
        assert_int_equal(message_line(&row, &line, NULL), ERR_OK);
        assert_memory_equal(line, cases[i].begin, strlen(cases[i].begin));
        assert_int_equal(message_page(&row, &page, NULL), ERR_OK);
        assert_null(strchr(page, '\x1b'));
        assert_non_null(strstr(page,
                               "before         acked [low] over_long_validity until 2026-06-02T00:00:00Z: "
                               "we know \\x1b[31m\n"));
        assert_null(strstr(page, "reason "));
        assert_int_equal(message_json(&row, false, &json, NULL), ERR_OK);
        json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
        assert_string_equal(text_at(root, "event"), cases[i].event);
        assert_null(json_object_get(root, "reason"));
        assert_string_equal(text_at(json_array_get(json_object_get(root, "history"), 0), "state"), "acked");
        json_decref(root);
        free(json);
        free(line);
        free(page);
    }
}

/* What the database holds may be damaged; nothing is dereferenced that is not there. */
static void damaged(void **state)
{
    static const char *const broken[] = {"",
                                         "null",
                                         "[]",
                                         "{}",
                                         "{\"serial\":5,\"names\":[1,null],\"lint\":[{},2]}",
                                         "{\"names\":3,\"lint\":{}}",
                                         "x"};
    (void)state;
    for (size_t i = 0; i < countof(broken); i++) {
        struct db_alert_row row = alertrow();
        char *text = NULL;
        char out[16];
        row.findings = broken[i];
        row.issuance = broken[i];
        assert_int_equal(message_json(&row, true, &text, NULL), ERR_OK);
        free(text);
        assert_int_equal(message_line(&row, &text, NULL), ERR_OK);
        free(text);
        assert_int_equal(message_page(&row, &text, NULL), ERR_OK);
        free(text);
        assert_true(strlen(message_issuance(&row, "serial", out, sizeof out)) < sizeof out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(object),  cmocka_unit_test(about_a_log),      cmocka_unit_test(certspotter),
        cmocka_unit_test(texts),   cmocka_unit_test(whose_it_is),      cmocka_unit_test(told_before),
        cmocka_unit_test(damaged), cmocka_unit_test(others_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
