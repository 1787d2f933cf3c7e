#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/ctlog.h"

static void protocols_there_and_back(void **state)
{
    static const char *const wrong[] = {"", "RFC6962", "rfc6962 ", "static", "static_ct"};
    enum ctlog_protocol protocol = CTLOG_HYBRID;
    (void)state;
    for (int i = CTLOG_RFC6962; i <= CTLOG_ARCHIVE; i++) {
        assert_true(ctlog_protocol_parse(ctlog_protocol_name((enum ctlog_protocol)i), &protocol));
        assert_int_equal(protocol, i);
    }
    for (size_t i = 0; i < countof(wrong); i++)
        assert_false(ctlog_protocol_parse(wrong[i], &protocol));
    assert_string_equal(ctlog_protocol_name(CTLOG_STATIC_CT), "static-ct");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(protocols_there_and_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
