#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ingest/sources.h"

static void test_read(void **state)
{
    static const struct {
        const char *list;
        size_t count; /* 0: refused */
        const char *word;
    } rows[] = {
        {"", 1, ""},
        {" ,\t", 1, ""},
        {"127.0.0.1", 1, "127.0.0.1"},
        {"127.0.0.2, 127.0.0.3", 2, "127.0.0.2"},
        {"lo,127.0.0.9", 2, "lo"},
        {"192.0.2.1", 0, "192.0.2.1 is not an address of this machine"},
        {"127.0.0.1,2001:db8::1", 0, "2001:db8::1 is not"},
        {"127.0.0.1 127.0.0.1", 0, "twice"},
        {"nosuch0", 0, "'nosuch0' is neither"},
        {"127.0.0.1/8", 0, "neither"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, "is no address"},
        {"127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5,127.0.0.6,127.0.0.7,127.0.0.8,127.0.0.9,127.0.0."
         "10,"
         "127.0.0.11,127.0.0.12,127.0.0.13,127.0.0.14,127.0.0.15,127.0.0.16,127.0.0.17",
         0, "more than 16"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct sources sources;
        struct err why = {.code = ERR_OK};
        enum err_code code = sources_read(rows[i].list, &sources, &why);
        assert_int_equal(code, rows[i].count == 0 ? ERR_CONFIG : ERR_OK);
        if (code == ERR_OK) {
            assert_int_equal(sources.count, rows[i].count);
            assert_string_equal(sources.name[0], rows[i].word);
        } else if (strstr(why.text, rows[i].word) == NULL) {
            fail_msg("%s: %s", rows[i].list, why.text);
        }
    }
}

static void test_family(void **state)
{
    (void)state;
    assert_int_equal(sources_family("127.0.0.1"), 4);
    assert_int_equal(sources_family("::1"), 6);
    assert_int_equal(sources_family("eth0"), 0);
    assert_int_equal(sources_family(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read), cmocka_unit_test(test_family)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
