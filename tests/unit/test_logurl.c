#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/logurl.h"

static void taken_and_refused(void **state)
{
    static const struct {
        const char *given;
        bool allow_http;
        const char *taken; /* NULL: refused */
    } rows[] = {
        {"https://ct.example/log/", false, "https://ct.example/log"},
        {"https://ct.example/log///", false, "https://ct.example/log"},
        {"http://127.0.0.1:8080/x", false, "http://127.0.0.1:8080/x"},
        {"http://[::1]:80", false, "http://[::1]:80"},
        {"http://localhost/", false, "http://localhost"},
        {"http://ct.example/log", false, NULL},
        {"http://ct.example/log", true, "http://ct.example/log"},
        {"http://localhost.example/", false, NULL},
        {"http://127.0.0.1@ct.example/", false, NULL},
        {"https://user:secret@ct.example/", false, NULL},
        {"https://ct.example/?a", false, NULL},
        {"https://ct.example/#a", false, NULL},
        {"https://ct.example/a b", false, NULL},
        {"https://ct.example/a\tb", false, NULL},
        {"https://ct.example:99999/", false, NULL},
        {"ftp://ct.example/", false, NULL},
        {"file:///etc/passwd", false, NULL},
        {"", false, NULL},
        {"///", false, NULL},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        char out[CTLOG_URL_MAX];
        struct err why = {0};
        enum err_code code = logurl_take("--url", rows[i].given, rows[i].allow_http, out, &why);
        if (rows[i].taken == NULL) {
            assert_int_equal(code, ERR_USAGE);
            assert_non_null(strstr(why.text, "--url"));
        } else {
            assert_int_equal(code, ERR_OK);
            assert_string_equal(out, rows[i].taken);
        }
    }
    char longest[CTLOG_URL_MAX + 1] = "https://a/";
    char out[CTLOG_URL_MAX];
    memset(longest + 10, 'x', sizeof longest - 11);
    assert_int_equal(logurl_take("x", longest, false, out, NULL), ERR_USAGE);
}

/* An option is advised to who gave one, and to nobody who wrote the URL into a file. */
static void says_what_to_do(void **state)
{
    char out[CTLOG_URL_MAX];
    struct err why = {0};

    (void)state;
    assert_int_equal(logurl_take("--url", "http://ct.example/", false, out, &why), ERR_USAGE);
    assert_string_equal(why.text,
                        "--url: http:// is taken for this machine only; use https:// or say --allow-http");
    why = (struct err){0};
    assert_int_equal(logurl_take("ingest.log_list", "http://ct.example/", false, out, &why), ERR_USAGE);
    assert_string_equal(why.text, "ingest.log_list: http:// is taken for this machine only; use https://");
}

static void reserved_hosts(void **state)
{
    static const struct {
        const char *url;
        bool reserved;
    } rows[] = {
        {"https://ct.example.com/bogus/", true},
        {"https://ct.example.com./bogus/", true},
        {"https://CT.Example.COM:444/bogus/ipng", true},
        {"https://example.org", true},
        {"https://log.invalid/", true},
        {"https://a.test", true},
        {"https://ct.googleapis.com/logs/us1/argon2026h2", false},
        {"https://notexample.com/", false},
        {"https://example.com.ct.org/", false},
        {"https://contest/", false},
        {"http://127.0.0.1/example.com", false},
        {"nonsense", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (logurl_reserved(rows[i].url) != rows[i].reserved)
            fail_msg("%s", rows[i].url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(taken_and_refused), cmocka_unit_test(says_what_to_do),
                                       cmocka_unit_test(reserved_hosts)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
