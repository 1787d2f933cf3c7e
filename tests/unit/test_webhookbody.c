/* Bodies of webhooks: valid JSON of the right form, whatever a certificate says. */
#include "watcher/webhookbody.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/fixture/alertrow.h"
#include "watcher/message.h"

static const char hostile[] = "<!channel> [x](http://evil.test) *b* <https://evil.test|click> & \"q\"";

static json_t *made(enum webhookbody_preset preset, const struct db_alert_row *row)
{
    char *json = NULL;
    char *line = NULL;
    char *body = NULL;
    struct err why = {0};
    assert_int_equal(message_json(row, false, &json, &why), ERR_OK);
    assert_int_equal(message_line(row, &line, &why), ERR_OK);
    const struct channel_message message = {row, json, line, "key"};
    assert_int_equal(webhookbody_one(preset, &message, "secret", &body, &why), ERR_OK);
    json_t *object = json_loads(body, 0, NULL);
    assert_non_null(object);
    free(body);
    free(line);
    free(json);
    return object;
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value == NULL ? "" : value;
}

/* Nothing that the service would read as markup. */
static void only(const json_t *value, const char *const *types)
{
    const char *key;
    json_t *one;
    size_t at;
    if (json_is_object(value) && json_object_get(value, "text") != NULL &&
        json_is_string(json_object_get(value, "text"))) {
        bool fits = false;
        for (size_t i = 0; types[i] != NULL; i++)
            fits = fits || strcmp(text(value, "type"), types[i]) == 0;
        assert_true(fits);
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, one) only(one, types);
    json_array_foreach(value, at, one) only(one, types);
}

static void no_markup(void **state)
{
    static const char *const slack[] = {"plain_text", NULL};
    static const char *const teams[] = {"TextRun", NULL};
    struct db_alert_row row = alertrow();
    (void)state;
    row.name = hostile;
    json_t *object = made(WEBHOOKBODY_SLACK, &row);
    only(json_object_get(object, "blocks"), slack);
    assert_true(json_is_false(json_object_get(object, "mrkdwn")));
    assert_null(strchr(text(object, "text"), '<'));
    assert_non_null(strstr(text(object, "text"), "&lt;!channel&gt;"));
    json_decref(object);
    object = made(WEBHOOKBODY_TEAMS, &row);
    only(object, teams);
    json_decref(object);
}

static void a_pager_knows_the_alert_again(void **state)
{
    struct db_alert_row row = alertrow();
    char *body = NULL;
    (void)state;
    row.created_ms = 1234;
    json_t *object = made(WEBHOOKBODY_PAGERDUTY, &row);
    const json_t *payload = json_object_get(object, "payload");
    assert_string_equal(text(object, "event_action"), "trigger");
    assert_string_equal(text(object, "routing_key"), "secret");
    assert_string_equal(text(object, "dedup_key"), "ctvigil.5.1234");
    assert_string_equal(text(payload, "severity"), "error");
    assert_string_equal(text(payload, "source"), "example.com");
    assert_true(strlen(text(payload, "summary")) <= 1024);
    json_decref(object);
    row.state = "closed";
    object = made(WEBHOOKBODY_PAGERDUTY, &row);
    assert_string_equal(text(object, "event_action"), "resolve");
    assert_string_equal(text(object, "dedup_key"), "ctvigil.5.1234");
    json_decref(object);
    assert_int_equal(webhookbody_over(&row, "secret", &body, NULL), ERR_OK);
    assert_non_null(strstr(body, "\"resolve\""));
    free(body);
}

/* A certificate can have a megabyte of names, and a receiver refuses what is too large for it for ever: Teams
 * takes 28 kB. */
static void what_is_endless_is_cut(void **state)
{
    enum { SIZE = 1 << 20 };
    struct db_alert_row row = alertrow();
    char *name = malloc(SIZE + 1);
    char *issuance = malloc(2 * SIZE);
    (void)state;
    assert_true(name != NULL && issuance != NULL);
    for (size_t i = 0; i < SIZE; i++)
        name[i] = "\xe4\xb8\x80"[i % 3]; /* the last character is not whole */
    name[SIZE / 3 * 3] = '\0';
    (void)snprintf(issuance, (size_t)2 * SIZE, "{\"issuer\":\"%s\",\"subject\":\"<@everyone>\"}", name);
    row.name = name;
    row.owner = name;
    row.issuance = issuance;
    for (int preset = WEBHOOKBODY_SLACK; preset <= WEBHOOKBODY_PAGERDUTY; preset++) {
        json_t *object = made((enum webhookbody_preset)preset, &row);
        char *body = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
        assert_non_null(body);
        assert_in_range(strlen(body), 500, 28000);
        free(body);
        json_decref(object);
    }
    char *page = NULL;
    assert_int_equal(message_page(&row, &page, NULL), ERR_OK); /* of mails and hooks */
    assert_in_range(strlen(page), 500, 28000);
    free(page);
    free(issuance);
    free(name);
}

static void digests(void **state)
{
    enum { COUNT = 128 };
    static struct channel_gathered alerts[COUNT];
    char json[] = "{\"id\":1}";
    char line[4000];
    (void)state;
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    for (size_t i = 0; i < COUNT; i++)
        alerts[i] =
            (struct channel_gathered){.id = (int64_t)i, .severity = "high", .json = json, .line = line};
    const struct channel_digest digest = {alerts, COUNT, "key"};
    for (int preset = WEBHOOKBODY_GENERIC; preset <= WEBHOOKBODY_TEAMS; preset++) {
        char *body = NULL;
        assert_int_equal(webhookbody_digest((enum webhookbody_preset)preset, &digest, &body, NULL), ERR_OK);
        json_t *object = json_loads(body, 0, NULL);
        assert_non_null(object);
        if (preset == WEBHOOKBODY_GENERIC)
            assert_int_equal(json_array_size(json_object_get(object, "alerts")), COUNT);
        if (preset == WEBHOOKBODY_SLACK)
            assert_in_range(json_array_size(json_object_get(object, "blocks")), 2, 50);
        assert_true(preset == WEBHOOKBODY_GENERIC || strstr(body, "and 88 more") != NULL);
        json_decref(object);
        free(body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_markup),
                                       cmocka_unit_test(a_pager_knows_the_alert_again),
                                       cmocka_unit_test(what_is_endless_is_cut), cmocka_unit_test(digests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
