#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/contact.h"

static void test_need(void **state)
{
    static const struct {
        const char *contact, *url;
        bool fine;
    } rows[] = {
        {"", "http://127.0.0.1:80/x", true},
        {"", "/some/file.json", true},
        {"", "https://ct.googleapis.com/logs", false},
        {"a@b.test", "https://ct.googleapis.com/logs", true},
        {"mailto:a@b.test", "https://ct.googleapis.com/logs", true},
        {"https://b.test/ct", "https://ct.googleapis.com/logs", true},
        {"https://", "https://ct.googleapis.com/logs", false},
        {"=@", "https://ct.googleapis.com/logs", false},
        {"@b.test", "https://ct.googleapis.com/logs", false},
        {"a@.", "https://ct.googleapis.com/logs", false},
        {"somebody", "https://ct.googleapis.com/logs", false},
        {"somebody", "http://127.0.0.1:80/x", false},
        {"a@example.com", "https://ct.googleapis.com/logs", false},
        {"a@b.test\r\nX: y", "http://127.0.0.1:80/x", false},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct conf conf = {0};
        struct err why = {.code = ERR_OK};
        char text[64];
        (void)snprintf(text, sizeof text, "%s", rows[i].contact);
        conf.ingest.contact = text;
        enum err_code code = contact_need(&conf, rows[i].url, &why);
        if ((code == ERR_OK) != rows[i].fine || (code != ERR_OK && code != ERR_CONFIG))
            fail_msg("%s %s: %s", rows[i].contact, rows[i].url, why.text);
        assert_true(code == ERR_OK || strstr(why.text, "ingest.contact") != NULL);
    }
}

/* Logs of this machine need no contact; the others are left out, and that is said once. */
static void test_keep(void **state)
{
    static const char *const urls[] = {"http://127.0.0.1:1/a", "https://ct.googleapis.com/b",
                                       "https://log.test/c", "http://localhost/d"};
    static const struct {
        const char *contact;
        size_t kept;
        const char *last;
    } rows[] = {{"", 2, "http://localhost/d"}, {"a@b.test", 4, "http://localhost/d"}};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct conf conf = {0};
        struct ctlog logs[countof(urls)] = {{.id = 0}};
        char text[64];
        size_t said = 0;
        (void)snprintf(text, sizeof text, "%s", rows[i].contact);
        conf.ingest.contact = text;
        for (size_t j = 0; j < countof(urls); j++)
            (void)snprintf(logs[j].url, sizeof logs[j].url, "%s", urls[j]);
        assert_int_equal(contact_keep(&conf, logs, countof(urls), &said), rows[i].kept);
        assert_string_equal(logs[rows[i].kept - 1].url, rows[i].last);
        assert_int_equal(said, countof(urls) - rows[i].kept);
        assert_int_equal(contact_allows(&conf, urls[1]), rows[i].contact[0] != '\0');
    }
    assert_non_null(strstr(contact_missing(), "ingest.contact"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_need), cmocka_unit_test(test_keep)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
