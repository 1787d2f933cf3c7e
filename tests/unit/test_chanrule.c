/* What a channel is told of. */
#include "watcher/chanrule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/fixture/alertrow.h"

struct keys {
    const char *severity, *kinds, *domains, *quiet, *digest, *zone, *tags;
};

static enum err_code made(const struct keys *keys, struct chanrule **rule, struct err *why)
{
    const char *texts[CHANCONF_KEY_COUNT] = {[CHANCONF_KEY_name] = "x", [CHANCONF_KEY_kind] = "webhook"};
    struct chanconf conf;
    enum chanconf_key wrong;
    texts[CHANCONF_KEY_severity] = keys->severity;
    texts[CHANCONF_KEY_kinds] = keys->kinds;
    texts[CHANCONF_KEY_domains] = keys->domains;
    texts[CHANCONF_KEY_quiet] = keys->quiet;
    texts[CHANCONF_KEY_digest] = keys->digest;
    texts[CHANCONF_KEY_time_zone] = keys->zone;
    texts[CHANCONF_KEY_tags] = keys->tags;
    assert_int_equal(chanconf_read(texts, &conf, &wrong, why), ERR_OK);
    enum err_code code = chanrule_new(&conf, rule, why);
    chanconf_free(&conf);
    return code;
}

static void who_is_told(void **state)
{
    static const struct {
        struct keys keys;
        const char *kind, *severity, *domain;
        bool wanted;
    } rows[] = {
        {{.severity = NULL}, "unexpected_ca", "info", NULL, true},
        {{.severity = "high"}, "unexpected_ca", "low", "example.com", false},
        {{.severity = "high"}, "unexpected_ca", "high", "example.com", true},
        {{.severity = "critical"}, "test", "info", NULL, true},
        {{.kinds = "unexpected_ca, log_stale"}, "log_stale", "high", NULL, true},
        {{.kinds = "unexpected_ca, log_stale"}, "malformed", "high", NULL, false},
        {{.kinds = "!malformed"}, "malformed", "high", NULL, false},
        {{.kinds = "!malformed"}, "log_stale", "high", NULL, true},
        {{.kinds = "!malformed"}, "of_a_newer_program", "high", NULL, true},
        {{.kinds = "malformed"}, "unexpected_ca", "of_a_newer_program", NULL, false},
        {{.domains = "example.com"}, "unexpected_ca", "high", "example.com", true},
        {{.domains = ".EXAMPLE.com"}, "unexpected_ca", "high", "a.b.example.com", true},
        {{.domains = "example.com"}, "unexpected_ca", "high", "notexample.com", false},
        {{.domains = "example.org,example.net"}, "unexpected_ca", "high", "example.com", false},
        {{.domains = "example.com"}, "log_stale", "high", NULL, true},
        {{.domains = "2001:db8::/32"}, "unexpected_ca", "high", "2001:db8::/32", true},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct db_alert_row row = alertrow();
        struct chanrule *rule = NULL;
        struct err why = {0};
        assert_int_equal(made(&rows[i].keys, &rule, &why), ERR_OK);
        row.kind = rows[i].kind;
        row.severity = rows[i].severity;
        row.domain = rows[i].domain;
        if ((chanrule_refuses(rule, &row, false) == NULL) != rows[i].wanted)
            fail_msg("row %zu", i);
        assert_null(chanrule_refuses(rule, &row, true));
        rule->escalated_only = true;
        assert_int_equal(chanrule_refuses(rule, &row, false) == NULL, strcmp(row.kind, "test") == 0);
        chanrule_free(rule);
    }
}

static void tags_of_the_domain(void **state)
{
    static const struct {
        const char *tags; /* of the domain */
        bool wanted;
    } rows[] = {
        {"[\"prod\"]", true}, {"[\"dev\", \"pci\"]", true}, {"[\"dev\"]", false},     {NULL, false},
        {"[]", false},        {"[1, \"PROD\"]", false},     {"{\"prod\": 1}", false},
    };
    const struct keys keys = {.tags = "prod, pci"};
    struct chanrule *rule = NULL;
    (void)state;
    assert_int_equal(made(&keys, &rule, NULL), ERR_OK);
    for (size_t i = 0; i < countof(rows); i++) {
        struct db_alert_row row = alertrow();
        row.tags = rows[i].tags;
        assert_int_equal(chanrule_refuses(rule, &row, false) == NULL, rows[i].wanted);
        row.domain = NULL;
        assert_null(chanrule_refuses(rule, &row, false));
    }
    chanrule_free(rule);
}

static void hours(void **state)
{
    static const struct {
        struct keys keys;
        enum err_code code;
        int first, last, at, every;
    } rows[] = {
        {{.severity = NULL}, ERR_OK, -1, -1, -1, 0},
        {{.quiet = "22:00-07:30"}, ERR_OK, 1320, 450, -1, 0},
        {{.digest = "08:05"}, ERR_OK, -1, -1, 485, 0},
        {{.digest = "30m"}, ERR_OK, -1, -1, -1, 30},
        {{.quiet = "22:00-24:00"}, ERR_CONFIG, 0, 0, 0, 0},
        {{.quiet = "07:00-07:00"}, ERR_CONFIG, 0, 0, 0, 0},
        {{.quiet = "7:00-8:00"}, ERR_CONFIG, 0, 0, 0, 0},
        {{.digest = "0m"}, ERR_CONFIG, 0, 0, 0, 0},
        {{.digest = "m"}, ERR_CONFIG, 0, 0, 0, 0},
        {{.digest = "1441m"}, ERR_CONFIG, 0, 0, 0, 0},
        {{.digest = "08:60"}, ERR_CONFIG, 0, 0, 0, 0},
        {{.zone = ""}, ERR_CONFIG, 0, 0, 0, 0},
        {{.kinds = "nonsense"}, ERR_CONFIG, 0, 0, 0, 0},
        {{.domains = "word"}, ERR_CONFIG, 0, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct chanrule *rule = NULL;
        struct err why = {0};
        assert_int_equal(made(&rows[i].keys, &rule, &why), rows[i].code);
        if (rows[i].code != ERR_OK)
            continue;
        assert_int_equal(rule->hours.quiet_first, rows[i].first);
        assert_int_equal(rule->hours.quiet_last, rows[i].last);
        assert_int_equal(rule->hours.digest_at, rows[i].at);
        assert_int_equal(rule->hours.digest_every, rows[i].every);
        chanrule_free(rule);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_is_told), cmocka_unit_test(tags_of_the_domain),
                                       cmocka_unit_test(hours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
