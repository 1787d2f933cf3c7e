/* Entries of the list of channels. */
#include "base/chanconf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void entries(void **state)
{
    static const struct {
        const char *name, *kind;
        enum chanconf_key at;
        const char *value;
        const char *complaint; /* NULL: fine */
    } rows[] = {
        {"a", "webhook", CHANCONF_KEY_url, "https://x/", NULL},
        {"a.b-c_D9", "mail", CHANCONF_KEY_to, "a@b", NULL},
        {"", "mail", CHANCONF_KEY_to, "a@b", "name: ''"},
        {"a/b", "mail", CHANCONF_KEY_to, "a@b", "name: 'a/b'"},
        {"a", "pigeon", CHANCONF_KEY_to, "a@b", "kind: 'pigeon'"},
        {"a", "syslog", CHANCONF_KEY_url, "https://x/", "url: a channel of kind syslog has no such key"},
        {"a", "mail", CHANCONF_KEY_from, "a@b\r\nBcc: c@d", "from: "},
        {"a", "mail", CHANCONF_KEY_severity, "loud", "severity: 'loud'"},
        {"a", "webhook", CHANCONF_KEY_preset, "irc", "preset: 'irc'"},
        {"a", "webhook", CHANCONF_KEY_allow_private, "perhaps", "allow_private: 'perhaps'"},
        {"a", "webhook", CHANCONF_KEY_timeout_s, "61", "timeout_s: '61'"},
        {"a", "webhook", CHANCONF_KEY_escalate_to, "b", "escalate_to: it goes with escalate_min"},
        {"a", "webhook", CHANCONF_KEY_escalate_min, "5", "escalate_to: it goes with escalate_min"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const char *texts[CHANCONF_KEY_COUNT] = {0};
        struct chanconf conf;
        struct err why = {0};
        enum chanconf_key wrong;
        texts[CHANCONF_KEY_name] = rows[i].name;
        texts[CHANCONF_KEY_kind] = rows[i].kind;
        texts[rows[i].at] = rows[i].value;
        enum err_code code = chanconf_read(texts, &conf, &wrong, &why);
        if (rows[i].complaint == NULL) {
            assert_int_equal(code, ERR_OK);
            assert_string_equal(conf.severity, "info");
            chanconf_free(&conf);
            continue;
        }
        assert_int_equal(code, ERR_CONFIG);
        if (strncmp(why.text, rows[i].complaint, strlen(rows[i].complaint)) != 0)
            fail_msg("%s", why.text);
        assert_int_equal(strncmp(chanconf_key_name(wrong), why.text, strlen(chanconf_key_name(wrong))), 0);
        assert_null(conf.name);
    }
}

static void secrets_are_not_shown(void **state)
{
    const char *texts[CHANCONF_KEY_COUNT] = {[CHANCONF_KEY_name] = "a",
                                             [CHANCONF_KEY_kind] = "webhook",
                                             [CHANCONF_KEY_url] =
                                                 "https://user:pass@hooks.test:8443/T0/SECRET?x"};
    struct chanconf conf;
    enum chanconf_key wrong;
    struct buf out;
    (void)state;
    buf_init(&out, 1u << 16);
    assert_int_equal(chanconf_read(texts, &conf, &wrong, NULL), ERR_OK);
    chanconf_show(&conf, &out);
    assert_string_equal(buf_text(&out), "channels[a].kind = \"webhook\"  (file)\n"
                                        "channels[a].url = \"https://***@hooks.test:8443/***\"  (file)\n");
    chanconf_free(&conf);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(entries), cmocka_unit_test(secrets_are_not_shown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
