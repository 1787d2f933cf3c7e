/* Which channels a configuration makes, and which it can not. */
#include "cli/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void channels_of_the_configuration(void **state)
{
    static const struct {
        const char *enabled;
        const char *command;
        enum err_code code;
        const char *names;
    } rows[] = {
        {"true", "", ERR_OK, "stdout "},
        {"false", "", ERR_OK, ""},
        {"true", "/bin/true", ERR_OK, "stdout hook "},
        {"false", "true", ERR_OK, "hook "},
        {"true", "/no/such/program", ERR_CONFIG, ""},
        {"false", "/etc/passwd", ERR_CONFIG, ""},
        {"false", "/tmp", ERR_CONFIG, ""},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct conf conf;
        struct channel *channels[NOTIFY_CHANNELS_MAX];
        struct cmd cmd = {.conf = &conf};
        struct err why = {0};
        size_t count = 99;
        char names[64] = "";
        size_t len = 0;
        assert_int_equal(conf_load(NULL, &conf, &why), ERR_OK);
        assert_int_equal(
            conf_set(&conf, CONF_KEY_stdout_enabled, rows[i].enabled, CONF_FROM_OPTION, "the test", &why),
            ERR_OK);
        assert_int_equal(
            conf_set(&conf, CONF_KEY_hook_command, rows[i].command, CONF_FROM_OPTION, "the test", &why),
            ERR_OK);
        enum err_code code = notify_channels(&cmd, channels, &count, &why);
        assert_int_equal(code, rows[i].code);
        for (size_t k = 0; code == ERR_OK && k < count; k++) {
            len += (size_t)snprintf(names + len, sizeof names - len, "%s ", channels[k]->name);
            assert_true(notify_known(&cmd, channels[k]->name));
            assert_true(channels[k]->send_ms_max > 0);
            channel_free(channels[k]);
        }
        assert_string_equal(names, rows[i].names);
        assert_true(notify_known(&cmd, "stdout") && notify_known(&cmd, "hook"));
        assert_false(notify_known(&cmd, "pigeon") || notify_known(&cmd, ""));
        conf_free(&conf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(channels_of_the_configuration)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
