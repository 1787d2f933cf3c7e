#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "watcher/mailpage.h"

static size_t times(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        count++;
    return count;
}

static void an_alert_is_text_with_three_sentences(void **state)
{
    static const struct brief brief = {
        .title = "[high] unexpected_ca for <b>",
        .facts = {{"Subject", "CN=<script>alert(1)</script>"}, {"Name", "a&b"}},
        .count = 2};
    struct buf out;
    (void)state;
    buf_init(&out, 100000);
    mailpage_alert(&out, "unexpected_ca", "high", &brief);
    const char *text = buf_text(&out);
    assert_null(strstr(text, "<script>"));
    assert_non_null(strstr(text, "CN=&lt;script&gt;alert(1)&lt;/script&gt;</td>"));
    assert_non_null(strstr(text, "unexpected_ca for &lt;b&gt;</h3>"));
    assert_non_null(strstr(text, "<td>a&amp;b</td>"));
    assert_int_equal(times(text, "<p><b>What happened</b><br>A "), 1);
    assert_int_equal(times(text, "<p><b>Why it matters</b><br>"), 1);
    assert_int_equal(times(text, "<p><b>What to do</b><br>"), 1);
    assert_null(strstr(text, "..</p>"));
    buf_fini(&out);
}

static void a_kind_of_a_newer_program_has_no_advice(void **state)
{
    static const struct brief brief = {.title = "t", .count = 0};
    struct buf out;
    (void)state;
    buf_init(&out, 100000);
    mailpage_alert(&out, "kind_of_2030", "dire", &brief);
    assert_int_equal(times(buf_text(&out), "<p>"), 0);
    assert_int_equal(times(buf_text(&out), "</html>"), 1);
    buf_fini(&out);
}

static void severities_differ_in_a_digest(void **state)
{
    static char line[] = "one\"line<";
    static const struct channel_gathered alerts[] = {{.id = 7, .severity = "critical", .line = line},
                                                     {.id = 8, .severity = "info", .line = line},
                                                     {.id = 9, .severity = "info", .line = line}};
    const struct channel_digest digest = {alerts, countof(alerts), "key"};
    struct buf out;
    (void)state;
    buf_init(&out, 100000);
    mailpage_digest(&out, &digest);
    const char *text = buf_text(&out);
    assert_int_equal(times(text, "one&quot;line&lt;</td>"), 3);
    assert_int_equal(times(text, "white-space:nowrap;border-left"), 3); /* the page breaks words anywhere */
    assert_int_equal(times(text, "#8f1d1d\">7</th>"), 1);
    assert_int_equal(times(text, "#57606a\">8</th>"), 1);
    assert_int_equal(times(text, "#57606a\">9</th>"), 1);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_alert_is_text_with_three_sentences),
                                       cmocka_unit_test(a_kind_of_a_newer_program_has_no_advice),
                                       cmocka_unit_test(severities_differ_in_a_digest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
