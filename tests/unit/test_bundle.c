/* Accounts as documents: what they hold is read, what they say wrongly is refused, and real heads are judged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/limits.h"
#include "ingest/bundle.h"
#include "vecfile.h"

static enum account_weight judge(const json_t *document, struct account_report *report)
{
    char *text = json_dumps(document, JSON_COMPACT);
    struct bundle *bundle = NULL;
    struct err why = {0};
    if (bundle_read(span_str(text), &bundle, &why) != ERR_OK)
        fail_msg("%s", why.text);
    free(text);
    account_check(&bundle->account, report);
    bundle_free(bundle);
    return report->gravest;
}

static bool shows(const struct account_report *report, enum account_what what)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->finding[i].what == what)
            return true;
    return false;
}

static json_t *put_base64(struct span bytes)
{
    char *text = malloc(bytes.len * 2 + 8);
    must(text != NULL);
    text_base64(bytes, text);
    json_t *value = json_string(text);
    free(text);
    return value;
}

static json_t *put_hex(const char *base64)
{
    uint8_t bytes[32];
    char hex[65];
    size_t len = 0;
    must(text_unbase64(span_str(base64), bytes, sizeof bytes, &len) && len == 32);
    return json_string(text_hex(span_of(bytes, 32), hex));
}

/* A head as evidence.c writes it, from the reply of a real log. */
static json_t *real_head(const char *name)
{
    struct span raw = vecfile_load(name);
    must(raw.at != NULL);
    json_t *sth = json_loadb((const char *)raw.at, raw.len, 0, NULL);
    json_t *head = json_object();
    json_object_set(head, "size", json_object_get(sth, "tree_size"));
    json_object_set_new(head, "root", put_hex(json_string_value(json_object_get(sth, "sha256_root_hash"))));
    json_object_set_new(head, "raw_base64", put_base64(raw));
    json_decref(sth);
    vecfile_free(raw);
    return head;
}

/* Yeti2022 signed two heads that are consistent with each other, and served an entry between them that is not
 * of the second tree. All that is left of it to check are the heads and the root that its entries gave: the
 * signatures are right, and that the entries gave another root is the word of those who read them. */
static void yeti2022(void **state)
{
    struct span text = vecfile_load("yeti2022/log.json");
    struct account_report report;
    (void)state;
    if (text.at == NULL)
        skip();
    json_t *listed = json_loadb((const char *)text.at, text.len, 0, NULL);
    json_t *document = json_pack(
        "{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:o, s:O}, s:I, s:I, s:o, s:{s:I, s:o}, s:o}", "schema",
        "ctvigil.evidence.1", "kind", "root_mismatch", "sentence", "entry 65562066 does not fit", "log",
        "name", "yeti2022", "protocol", "rfc6962", "url", "https://yeti2022.ct.digicert.com/log", "origin",
        "", "log_id", put_hex(json_string_value(json_object_get(listed, "log_id"))), "key_base64",
        json_object_get(listed, "key"), "begin", (json_int_t)65551225, "end", (json_int_t)65569149, "head",
        real_head("yeti2022/get-sth-65569149.json"), "computed", "size", (json_int_t)65569149, "root",
        put_hex("KTFRWeiy7n+HvsK6lZ7AM1RInOUeYHBhFHMJRO5iGcs="), "base_head",
        real_head("yeti2022/get-sth-65551225.json"));
    assert_non_null(document);
    assert_int_equal(judge(document, &report), ACCOUNT_NOTE);
    assert_true(shows(&report, ACCOUNT_IS_KEY) && shows(&report, ACCOUNT_IS_ENTRIES_ABSENT));
    size_t heads = 0;
    for (size_t i = 0; i < report.count; i++)
        heads += report.finding[i].what == ACCOUNT_IS_HEAD_SIGNED;
    assert_int_equal(heads, 2);
    /* The two as each other's opposite: of different sizes, no fork. */
    json_object_set(document, "other_head", json_object_get(document, "base_head"));
    assert_int_equal(judge(document, &report), ACCOUNT_NOTE);
    assert_false(shows(&report, ACCOUNT_IS_FORK));
    /* The root that was computed, passed off as signed. */
    json_object_set(json_object_get(document, "head"), "root",
                    json_object_get(json_object_get(document, "computed"), "root"));
    assert_int_equal(judge(document, &report), ACCOUNT_BROKEN);
    assert_true(shows(&report, ACCOUNT_IS_HEAD_OTHER));
    json_decref(document);
    json_decref(listed);
    vecfile_free(text);
}

static void refused(void **state)
{
    static const struct {
        const char *text;
        enum err_code code;
    } cases[] = {
        {"", ERR_FORMAT},
        {"{", ERR_FORMAT},
        {"[]", ERR_FORMAT},
        {"{\"schema\":\"ctvigil.alert.1\"}", ERR_FORMAT},
        {"{\"schema\":\"ctvigil.evidence.1\"}", ERR_FORMAT},
        {"{\"schema\":\"ctvigil.evidence.1\",\"log\":{\"protocol\":\"gopher\"}}", ERR_FORMAT},
        {"{\"schema\":\"ctvigil.evidence.1\",\"log\":{\"protocol\":\"rfc6962\",\"log_id\":"
         "\"0000000000000000000000000000000000000000000000000000000000000000\",\"key_base64\":\"AAAA\"}}",
         ERR_KEY},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct bundle *bundle = NULL;
        struct err why = {0};
        assert_int_equal(bundle_read(span_str(cases[i].text), &bundle, &why), cases[i].code);
        assert_null(bundle);
        assert_true(why.text[0] != '\0');
    }
    struct bundle *bundle = NULL;
    struct err why = {0};
    char *much = calloc(1, LIMIT_ACCOUNT_BYTES + 1);
    assert_int_equal(bundle_read(span_of(much, LIMIT_ACCOUNT_BYTES + 1), &bundle, &why), ERR_TOO_BIG);
    free(much);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yeti2022),
        cmocka_unit_test(refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
