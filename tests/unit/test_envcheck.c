#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/conf.h"
#include "cli/envcheck.h"

static char *const environment[] = {
    (char *)(uintptr_t) "PATH=/bin",
    (char *)(uintptr_t) "CTVIGIL_INGEST_WINDOW=3",
    (char *)(uintptr_t) "CTVIGIL_INGEST_WNDOW=3",
    (char *)(uintptr_t) "CTVIGIL_CPU=portable",
    (char *)(uintptr_t) "CTVIGIL_CPUS=2",
    (char *)(uintptr_t) "CTVIGIL_TEST_CLOCK_OFFSET_S=1",
    (char *)(uintptr_t) "CTVIGIL_ALERT_JSON=/tmp/x",
    (char *)(uintptr_t) "CTVIGIL_DB_DNS=password=geheim",
    (char *)(uintptr_t) "CTVIGIL_\x1b[31m",
    (char *)(uintptr_t) "XCTVIGIL_NO=1",
    (char *)(uintptr_t) "CTVIGIL_",
    NULL,
};

static void what_is_misspelt_is_named(void **state)
{
    static const char *const says[] = {
        ("CTVIGIL_INGEST_WNDOW: the environment names a key that does not exist; did you mean "
         "CTVIGIL_INGEST_WINDOW?"),
        "CTVIGIL_CPUS: ",
        "CTVIGIL_DB_DNS: the environment names a key that does not exist; did you mean CTVIGIL_DB_DSN?",
        "CTVIGIL_\\x1b[31m: ",
        "CTVIGIL_: ",
    };
    char text[ENVCHECK_TEXT_MAX];
    size_t at = 0;
    (void)state;
    for (size_t i = 0; i < countof(says); i++) {
        assert_true(envcheck_next(environment, &at, text));
        if (strncmp(text, says[i], strlen(says[i])) != 0)
            fail_msg("%s", text);
        assert_null(strstr(text, "geheim"));
    }
    assert_false(envcheck_next(environment, &at, text));
    assert_false(envcheck_next(environment, &at, text));
}

static void every_key_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
        char variable[200];
        char text[ENVCHECK_TEXT_MAX];
        char *const one[] = {variable, NULL};
        size_t at = 0;
        (void)snprintf(variable, sizeof variable, "CTVIGIL_%s_%s=", conf_rows()[i].section,
                       conf_rows()[i].key);
        for (char *c = variable; *c != '\0'; c++)
            *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
        assert_false(envcheck_next(one, &at, text));
        (void)snprintf(variable + strlen(variable) - 1, 3, "S=");
        at = 0;
        assert_true(envcheck_next(one, &at, text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_misspelt_is_named),
        cmocka_unit_test(every_key_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
