#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/suffix.h"
#include "ingest/opkey.h"

static void test_of(void **state)
{
    static const struct {
        const char *given, *url, *key;
    } rows[] = {
        {"", "https://elephant2026h1.ct.sectigo.com", "sectigo.com"},
        {"", "https://tiger2027h2.CT.Sectigo.com/x/", "sectigo.com"},
        {"", "https://ct.googleapis.com/logs/us1/argon2026h2", "ct.googleapis.com"},
        {"", "https://storage.googleapis.com/some/log", "storage.googleapis.com"},
        {"", "https://log.sectigo.com:8443/x", "sectigo.com"},
        {"", "https://sectigo.com./x", "sectigo.com"},
        {"", "http://127.0.0.1:4711/log", "127.0.0.1:4711"},
        {"", "http://127.0.0.1/log", "127.0.0.1"},
        {"", "http://[::1]:80/log", "[::1]:80"},
        {"", "http://127.0.00.1:80/log", "127.0.00.1:80"},
        {"", "http://127.1:80/log", "127.1:80"},
        {"", "http://192.0.2.300/log", "192.0.2.300"},
        {"", "http://localhost:9/log", "localhost:9"},
        {"", "https://intranet/log", "intranet"},
        {"Google", "http://127.0.0.1:4711/log", "google"},
        {"", "archive:/some/file", "local"},
        {"", "", "local"},
        {"", "https://", ""},
    };
    (void)state;
    assert_int_equal(suffix_load(SPAN_LIT("com\n*.googleapis.com\ngoogleapis.com\n"), NULL), ERR_OK);
    for (size_t i = 0; i < countof(rows); i++) {
        char key[PACE_OPERATOR_MAX];
        opkey_of(rows[i].given, rows[i].url, key);
        assert_string_equal(key, rows[i].key);
    }
}

/* Whatever is written there: it ends, and fits. */
static void test_long(void **state)
{
    (void)state;
    char url[600];
    char key[PACE_OPERATOR_MAX];
    memset(url, 'a', sizeof(url));
    memcpy(url, "https://", 8);
    url[sizeof(url) - 1] = '\0';
    opkey_of("", url, key);
    assert_int_equal(strlen(key), PACE_OPERATOR_MAX - 1);
    for (size_t i = 10; i < sizeof(url) - 1; i += 2)
        url[i] = '.';
    opkey_of("", url, key);
    assert_true(strlen(key) < PACE_OPERATOR_MAX);
}

static void test_known(void **state)
{
    (void)state;
    assert_null(opkey_known("nobody.example"));
    assert_null(opkey_known(""));
    assert_int_equal(opkey_known("ct.googleapis.com")->page, 32);
    assert_int_equal(opkey_known("sectigo.com")->align, 256);
    assert_true(opkey_known("digicert.com")->fresh);
}

static void test_loopback(void **state)
{
    static const struct {
        const char *url;
        bool loopback;
    } rows[] = {
        {"http://127.0.0.1:80/x", true},
        {"https://127.9.9.9", true},
        {"http://localhost/x", true},
        {"http://[::1]:8/x", true},
        {"http://127.0.0.1.example.com", false},
        {"http://127.0.0.1@example.com/", false},
        {"https://example.com/127.0.0.1", false},
        {"archive:/x", true},
        {"http://localhost.example/", false},
        {"http://128.0.0.1", false},
        {"http://127.1:9/", true},
        {"http://127.0.00.1:9/", true},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(opkey_is_loopback(rows[i].url), rows[i].loopback);
}

static void test_listed(void **state)
{
    (void)state;
    assert_true(opkey_listed("a.example, B.example\tc", "b.example"));
    assert_true(opkey_listed("a", "a"));
    assert_false(opkey_listed("a.example", "a.exam"));
    assert_false(opkey_listed("", ""));
    assert_false(opkey_listed(",, ,", ""));
    assert_false(opkey_listed("", "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of),       cmocka_unit_test(test_long),   cmocka_unit_test(test_known),
        cmocka_unit_test(test_loopback), cmocka_unit_test(test_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
