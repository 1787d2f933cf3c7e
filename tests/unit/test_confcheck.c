/* What `config check` finds on the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/confcheck.h"

static struct conf conf_of(enum conf_key key, const char *value)
{
    struct conf conf;
    struct err why = {0};
    if (conf_load(NULL, &conf, &why) != ERR_OK ||
        conf_set(&conf, key, value, CONF_FROM_OPTION, "test", &why) != ERR_OK)
        fail_msg("%s", why.text);
    return conf;
}

static void places(void **state)
{
    static const struct {
        enum conf_key key;
        const char *value;
        const char *wrong; /* NULL: fine */
    } rows[] = {
        {CONF_KEY_ingest_source_addresses, "", NULL},
        {CONF_KEY_ingest_source_addresses, "127.0.0.1, 127.0.0.2", NULL},
        {CONF_KEY_ingest_source_addresses, "192.0.2.1", "ingest.source_addresses"},
        {CONF_KEY_ingest_source_addresses, "127.0.0.1,127.0.0.1", "ingest.source_addresses"},
        {CONF_KEY_ingest_source_addresses, "nowhere", "ingest.source_addresses"},
        {CONF_KEY_db_maintain_hours, "22-4", NULL},
        {CONF_KEY_db_maintain_hours, "25", "db.maintain_hours: '25'"},
        {CONF_KEY_ingest_log_list, "none", NULL},
        {CONF_KEY_ingest_log_list, "google", NULL},
        {CONF_KEY_ingest_log_list, "https://lists.test/x.json", NULL},
        {CONF_KEY_ingest_log_list, "/proc/self/status", NULL},
        {CONF_KEY_ingest_log_list, "/nonexistent/list.json", "ingest.log_list: /nonexistent/list.json"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct conf conf = conf_of(rows[i].key, rows[i].value);
        struct err why = {0};
        enum err_code code = confcheck_places(&conf, &why);
        if (code != (rows[i].wrong == NULL ? ERR_OK : ERR_CONFIG) ||
            (rows[i].wrong != NULL && strstr(why.text, rows[i].wrong) == NULL))
            fail_msg("%s: %s", rows[i].value, why.text);
        conf_free(&conf);
    }
}

static void operators(void **state)
{
    struct conf conf = conf_of(CONF_KEY_ingest_http2, "sectigo.com, Sectigo , DIGICERT.com");
    struct err why = {0};
    char text[CONFCHECK_TEXT_MAX];
    size_t at = 0;
    (void)state;
    assert_int_equal(
        conf_set(&conf, CONF_KEY_ingest_no_keepalive, "nobody.test", CONF_FROM_OPTION, "test", &why), ERR_OK);
    assert_true(confcheck_next(&conf, &at, text));
    assert_non_null(strstr(text, "ingest.http2: 'Sectigo'"));
    assert_true(confcheck_next(&conf, &at, text));
    assert_non_null(strstr(text, "ingest.no_keepalive: 'nobody.test'"));
    assert_false(confcheck_next(&conf, &at, text));
    conf_free(&conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(places), cmocka_unit_test(operators)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
