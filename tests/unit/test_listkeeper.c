/* One round of looking after the log list, with lists in files. */
#include "tests/fixture_db.h"

#include <openssl/x509.h>

#include "base/text.h"
#include "cli/listkeeper.h"
#include "db/db_log.h"
#include "db/pgexec.h"
#include "signer.h"
#include "verify/digest.h"

static struct fixture_db fixture;
static EVP_PKEY *list_key;
static char key_text[2][256];
static char id_text[2][64];
static char list_path[128];
static char key_path[128];
static const char *list_host = "http://127.0.0.1:9"; /* of the first log; the others are of this machine */

static int64_t number(const char *text)
{
    struct err why = {0};
    PGresult *res = NULL;
    if (pgexec_run(fixture.db.conn, text, &PGEXEC_NO_ARGS, &res, &why) != ERR_OK)
        fail_msg("%s", why.text);
    int64_t value = PQntuples(res) == 0 ? -1 : pgexec_get_int(res, 0, 0);
    PQclear(res);
    return value;
}

static void put(const char *path, struct span bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.at, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

/* A list of `count` logs, signed, or signed for other bytes. */
static void publish(const char *version, const char *made, size_t count, bool forged)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t signature[1024];
    size_t len = sizeof signature;
    char path[160];
    struct buf text;

    buf_init(&text, 1u << 16);
    buf_fmt(&text,
            "{\"version\":\"%s\",\"log_list_timestamp\":\"%s\",\"operators\":[{\"name\":\"Op\",\"logs\":[",
            version, made);
    for (size_t i = 0; i < count; i++)
        buf_fmt(&text,
                "%s{\"description\":\"Op "
                "'log%zu'\",\"log_id\":\"%s\",\"key\":\"%s\",\"url\":\"%s/%zu\","
                "\"state\":{\"usable\":{\"timestamp\":\"2026-01-01T00:00:00Z\"}}}",
                i == 0 ? "" : ",", i, id_text[i], key_text[i], i == 0 ? list_host : "http://127.0.0.1:9", i);
    buf_str(&text, "]}]}");
    must(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, list_key, NULL) == 1);
    must(EVP_DigestSign(ctx, signature, &len, text.at, text.len - (forged ? 1 : 0)) == 1);
    EVP_MD_CTX_free(ctx);
    put(list_path, buf_span(&text));
    (void)snprintf(path, sizeof path, "%.*s.sig", (int)strlen(list_path) - 5, list_path);
    put(path, span_of(signature, len));
    buf_fini(&text);
}

static struct conf configuration(const char *list, const char *from)
{
    struct conf conf;
    struct err why = {0};
    if (conf_load(NULL, &conf, &why) != ERR_OK ||
        conf_set(&conf, CONF_KEY_ingest_log_list, list, CONF_FROM_OPTION, "test", &why) != ERR_OK ||
        conf_set(&conf, CONF_KEY_ingest_log_list_key, key_path, CONF_FROM_OPTION, "test", &why) != ERR_OK ||
        conf_set(&conf, CONF_KEY_ingest_log_list_from, from, CONF_FROM_OPTION, "test", &why) != ERR_OK)
        fail_msg("%s", why.text);
    return conf;
}

static enum err_code update(const char *from, struct listkeeper_report *report, struct err *why)
{
    struct conf conf = configuration(list_path, from);
    *why = (struct err){.code = ERR_OK};
    enum err_code code = listkeeper_update(&conf, fixture.db.dsn, fixture.db.conn, report, why);
    conf_free(&conf);
    return code;
}

static void lists_come_and_are_judged(void **state)
{
    static const struct {
        const char *what, *version, *made;
        size_t logs;
        bool forged;
        const char *refused; /* NULL: taken */
        bool unchanged;
        uint32_t added, left;
    } rows[] = {
        {"the first one", "1.5", "2026-11-01T00:00:00Z", 1, false, NULL, false, 1, 0},
        {"the same again", "1.5", "2026-11-01T00:00:00Z", 1, false, NULL, true, 0, 0},
        {"one more log", "1.6", "2026-11-02T00:00:00Z", 2, false, NULL, false, 1, 0},
        {"made earlier", "1.7", "2026-11-01T00:00:00Z", 1, false, "step back", false, 0, 0},
        {"a lower version", "1.4", "2026-11-03T00:00:00Z", 1, false, "step back", false, 0, 0},
        {"from the future", "1.8", "2999-01-01T00:00:00Z", 1, false, "future", false, 0, 0},
        {"forged", "1.8", "2026-11-03T00:00:00Z", 1, true, "signature", false, 0, 0},
        {"without any log", "1.8", "2026-11-03T00:00:00Z", 0, false, "no usable log", false, 0, 0},
        {"one less", "1.8", "2026-11-03T00:00:00Z", 1, false, NULL, false, 0, 1},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct listkeeper_report report;
        struct err why;
        publish(rows[i].version, rows[i].made, rows[i].logs, rows[i].forged);
        int64_t logs = number("SELECT count(*) FROM log");
        enum err_code code = update("0", &report, &why);
        if ((code == ERR_OK) != (rows[i].refused == NULL))
            fail_msg("%s: %s", rows[i].what, why.text);
        assert_int_equal(number("SELECT refused::int FROM log_list"), rows[i].refused != NULL);
        if (rows[i].refused != NULL) {
            assert_non_null(strstr(why.text, rows[i].refused));
            assert_int_equal(number("SELECT count(*) FROM log"), logs);
            continue;
        }
        assert_int_equal(report.unchanged, rows[i].unchanged);
        assert_int_equal(report.change.added, rows[i].added);
        assert_int_equal(report.change.left, rows[i].left);
        assert_string_equal(report.list.version, rows[i].version);
    }
    /* Both are begun, the second one too, although nobody answers there. */
    assert_int_equal(number("SELECT count(*) FROM log_range WHERE range_begin = 0"), 2);
}

static void a_log_that_does_not_say_where_it_is(void **state)
{
    struct listkeeper_report report;
    struct err why;
    (void)state;
    assert_int_equal(
        pgexec_script(fixture.db.conn, "DELETE FROM log_range; DELETE FROM log; DELETE FROM log_list", NULL),
        ERR_OK);
    publish("1.0", "2026-11-01T00:00:00Z", 2, false);
    if (update("now", &report, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(report.unstarted, 2);
    assert_int_equal(number("SELECT count(*) FROM log WHERE followed AND last_error LIKE '%127.0.0.1:9%'"),
                     2);
    assert_int_equal(number("SELECT count(*) FROM log_range"), 0);
}

/* A list that lies on this machine names a log that does not: nobody asks it before there is a contact. */
static void a_log_of_others_without_a_contact(void **state)
{
    struct listkeeper_report report;
    struct err why;
    (void)state;
    assert_int_equal(
        pgexec_script(fixture.db.conn, "DELETE FROM log_range; DELETE FROM log; DELETE FROM log_list", NULL),
        ERR_OK);
    list_host = "https://192.0.2.1";
    publish("1.0", "2026-11-01T00:00:00Z", 2, false);
    if (update("0", &report, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(report.change.added, 2);
    assert_int_equal(report.unasked, 1);
    assert_int_equal(report.unstarted, 1);
    assert_int_equal(number("SELECT count(*) FROM log_range"), 1);
    assert_int_equal(number("SELECT count(*) FROM log WHERE last_error LIKE '%ingest.contact%'"
                            " AND url LIKE 'https:%'"),
                     1);
    /* Later there is one, and the same list is enough. */
    struct conf conf = configuration(list_path, "0");
    assert_int_equal(conf_set(&conf, CONF_KEY_ingest_contact, "a@b.test", CONF_FROM_OPTION, "test", &why),
                     ERR_OK);
    assert_int_equal(listkeeper_update(&conf, fixture.db.dsn, fixture.db.conn, &report, &why), ERR_OK);
    conf_free(&conf);
    assert_true(report.unchanged);
    assert_int_equal(report.unasked, 0);
    assert_int_equal(number("SELECT count(*) FROM log_range"), 2);
    list_host = "http://127.0.0.1:9";
}

/* Nothing is configured: the world's list for whoever added nothing by hand, and what was followed once goes
 * on. */
static void which_list(void **state)
{
    static const struct {
        const char *configured;
        const char *before;
        const char *named; /* NULL: none */
    } rows[] = {
        {"", "DELETE FROM log_range; DELETE FROM log; DELETE FROM log_list", "google"},
        {"none", "SELECT 1", NULL},
        {"apple", "SELECT 1", "apple"},
        {"",
         "INSERT INTO log (name, protocol, url, log_id, key) VALUES ('mine', 'rfc6962', 'https://a', "
         "sha256('a'), '')",
         NULL},
        {"/x.json", "SELECT 1", "/x.json"},
        {"", "INSERT INTO log_list (source, revision) VALUES ('x', 1)", "google"},
        {"", "DELETE FROM log_list; UPDATE log SET state = 'removed'", "google"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct conf conf = configuration(rows[i].configured, "now");
        const char *named = "";
        struct err why = {0};
        assert_int_equal(pgexec_script(fixture.db.conn, rows[i].before, NULL), ERR_OK);
        assert_int_equal(listkeeper_named(&conf, fixture.db.conn, &named, &why), ERR_OK);
        if (rows[i].named == NULL)
            assert_null(named);
        else
            assert_string_equal(named, rows[i].named);
        conf_free(&conf);
    }
}

static void configurations(void **state)
{
    static const struct {
        const char *list, *from;
        const char *wrong; /* key; NULL: fine */
    } rows[] = {
        {"", "now", NULL},
        {"none", "0", NULL},
        {"google", "now", NULL},
        {"http://lists.net/x", "now", "ingest.log_list"},
        {"", "yesterday", "ingest.log_list_from"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct conf conf = configuration(rows[i].list, rows[i].from);
        struct err why = {0};
        enum err_code code = listkeeper_check(&conf, &why);
        assert_int_equal(code, rows[i].wrong == NULL ? ERR_OK : ERR_CONFIG);
        if (rows[i].wrong != NULL)
            assert_non_null(strstr(why.text, rows[i].wrong));
        conf_free(&conf);
    }
}

static int open_all(void **state)
{
    uint8_t spki[1024], id[32];
    (void)state;
    fixture_db_open(&fixture);
    (void)snprintf(list_path, sizeof list_path, "%s/list.json", fixture.root);
    (void)snprintf(key_path, sizeof key_path, "%s/list.key", fixture.root);
    list_key = signer_key("RSA", 2048, NULL);
    put(key_path, signer_spki(list_key, spki, sizeof spki));
    for (size_t i = 0; i < countof(key_text); i++) {
        EVP_PKEY *key = signer_key("EC", 0, "P-256");
        struct span der = signer_spki(key, spki, sizeof spki);
        digest_sha256(der, id);
        (void)text_base64(der, key_text[i]);
        (void)text_base64(span_of(id, sizeof id), id_text[i]);
        EVP_PKEY_free(key);
    }
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    EVP_PKEY_free(list_key);
    fixture_db_close(&fixture);
    return 0;
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_come_and_are_judged),
        cmocka_unit_test(a_log_that_does_not_say_where_it_is),
        cmocka_unit_test(a_log_of_others_without_a_contact),
        cmocka_unit_test(which_list),
        cmocka_unit_test(configurations),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
