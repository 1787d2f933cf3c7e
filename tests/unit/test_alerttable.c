/* A line of `alert list` fits the terminal, and says whose name it is. */
#include "cli/alerttable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void row_is(size_t columns, const char *domain, const char *log, const char *name,
                   const char *expected)
{
    const struct db_alert_row row = {.id = 12,
                                     .kind = "unexpected_ca",
                                     .severity = "high",
                                     .domain = domain,
                                     .log = log,
                                     .name = name,
                                     .state = "new",
                                     .first_seen_ms = INT64_C(1700000000000)};
    struct buf out;
    buf_init(&out, 1u << 20);
    alerttable_row(&out, columns, &row);
    assert_string_equal(buf_text(&out), expected);
    buf_fini(&out);
}

static void a_line_fits(void **state)
{
    (void)state;
    row_is(0, "example.com", NULL, "www.example.com",
           "12      high     2023-11-14T22:13:20Z unexpected_ca        new      example.com"
           "                    www.example.com\n");
    row_is(80, "example.com", NULL, "www.example.com",
           "12      high     2023-11-14 unexpected_ca        new      www.example.com\n");
    row_is(80, "example.com", NULL, "a.very.long.name.below.example.com",
           "12      high     2023-11-14 unexpected_ca        new      ~ame.below.example.com\n");
    row_is(80, NULL, "argon2026", NULL,
           "12      high     2023-11-14 unexpected_ca        new      log argon2026\n");
    row_is(
        130, "a.domain.that.is.very.long.indeed.example.com", NULL,
        "a.very.long.name.below.it.it.is.example.com",
        "12      high     2023-11-14T22:13:20Z unexpected_ca        new      ~.very.long.indeed.example.com"
        " ~ame.below.it.it.is.example.com\n");
    row_is(1, "example.com", NULL, "www.example.com",
           "12      high     2023-11-14 unexpected_ca        new      ~example.com\n");
    row_is(80, "example.com", NULL,
           "\x1b[31mwww.\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4.example.com",
           "12      high     2023-11-14 unexpected_ca        new      "
           "~w.\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
           ".example.com\n");
}

/* However wide it is: at most as many characters as the terminal has, from some width on. */
static void no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    for (size_t columns = 72; columns < 260; columns++) {
        const struct db_alert_row row = {.id = 1234567,
                                         .kind = "unexpected_wildcard",
                                         .severity = "critical",
                                         .domain = "one.that.is.longer.than.thirty.characters.example.com",
                                         .name = "*.one.that.is.longer.than.thirty.characters.example.com",
                                         .state = "notified"};
        struct buf out;
        buf_init(&out, 1u << 20);
        alerttable_head(&out, columns);
        assert_true(strlen(buf_text(&out)) <= columns + 1);
        buf_clear(&out);
        alerttable_row(&out, columns, &row);
        assert_true(strlen(buf_text(&out)) <= columns + 1);
        assert_non_null(strstr(buf_text(&out), "example.com\n"));
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_fits),
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
