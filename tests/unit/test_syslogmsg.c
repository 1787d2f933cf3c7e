/* Messages of RFC 5424. */
#include "watcher/syslogmsg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/fixture/alertrow.h"

static void facilities_and_severities(void **state)
{
    (void)state;
    assert_int_equal(syslogmsg_facility("kern"), 0);
    assert_int_equal(syslogmsg_facility("daemon"), 3);
    assert_int_equal(syslogmsg_facility("authpriv"), 10);
    assert_int_equal(syslogmsg_facility("local0"), 16);
    assert_int_equal(syslogmsg_facility("local7"), 23);
    assert_true(syslogmsg_facility("") < 0 && syslogmsg_facility("loud") < 0);
    assert_int_equal(syslogmsg_severity("critical"), 2);
    assert_int_equal(syslogmsg_severity("high"), 3);
    assert_int_equal(syslogmsg_severity("low"), 5);
    assert_int_equal(syslogmsg_severity("info"), 6);
    assert_int_equal(syslogmsg_severity("what"), 3);
}

static void values_are_escaped(void **state)
{
    struct db_alert_row row = alertrow();
    struct buf out;
    (void)state;
    row.name = "a\"b\\c]d\ne";
    const struct channel_message message = {&row, "{}", "the line", "key"};
    buf_init(&out, 1u << 16);
    syslogmsg_put(&out, &message, 16, INT64_C(1795310161000), 8192);
    const char *text = buf_text(&out);
    assert_int_equal(strncmp(text, "<131>1 2026-11-22T01:16:01.000Z ", 32), 0);
    assert_non_null(
        strstr(text, " unexpected_ca [ctvigil@32473 id=\"5\" kind=\"unexpected_ca\" severity=\"high\""));
    assert_non_null(strstr(text, "name=\"a\\\"b\\\\c\\]d?e\""));
    assert_non_null(strstr(text, "] \xef\xbb\xbfthe line"));
    buf_fini(&out);
}

static void long_ones_are_cut(void **state)
{
    struct db_alert_row row = alertrow();
    char line[9000];
    (void)state;
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    row.domain = line;
    row.name = line;
    const struct channel_message message = {&row, "{}", line, "key"};
    for (size_t most = 480; most < 4000; most += 97) {
        struct buf out;
        buf_init(&out, 1u << 16);
        syslogmsg_put(&out, &message, 3, INT64_C(1795310161000), most);
        assert_true(out.len <= most);
        assert_non_null(strstr(buf_text(&out), "] \xef\xbb\xbf"));
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(facilities_and_severities),
                                       cmocka_unit_test(values_are_escaped),
                                       cmocka_unit_test(long_ones_are_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
