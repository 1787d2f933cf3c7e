#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/conf.h"
#include "base/limits.h"

static char path[] = "/tmp/ctvigil-test-conf-XXXXXX";

static enum err_code load(const char *yaml, struct conf *conf, struct err *why)
{
    FILE *file = fopen(path, "wbe");
    assert_non_null(file);
    assert_true(fputs(yaml, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return conf_load(path, conf, why);
}

static void defaults(void **state)
{
    struct conf conf;
    struct err why = {0};
    (void)state;
    assert_int_equal(conf_load(NULL, &conf, &why), ERR_OK);
    assert_string_equal(conf.state.dir, "");
    assert_string_equal(conf.say.level, "info");
    assert_false(conf.say.json);
    assert_true(conf.stdout.enabled);
    assert_int_equal(conf.ingest.poll_ms, 5000);
    for (int key = 0; key < CONF_KEY_COUNT; key++)
        assert_int_equal(conf.origin[key], CONF_FROM_DEFAULT);
    conf_free(&conf);
    conf_free(&conf);
}

static void file_then_environment(void **state)
{
    struct conf conf;
    struct err why = {0};
    (void)state;
    assert_int_equal(setenv("CTVIGIL_INGEST_WORKERS", "3", 1), 0);
    assert_int_equal(setenv("CTVIGIL_STATE_DIR", "/from/env", 1), 0);
    enum err_code code = load("# comment\n"
                              "ingest:\n"
                              "  workers: 2\n"
                              "  poll_ms: 100\n"
                              "  contact: \"mailto:a@example.com\"\n"
                              "say: {json: yes}\n"
                              "stdout:\n"
                              "  enabled: off\n",
                              &conf, &why);
    assert_int_equal(unsetenv("CTVIGIL_INGEST_WORKERS"), 0);
    assert_int_equal(unsetenv("CTVIGIL_STATE_DIR"), 0);
    assert_string_equal(why.text, "");
    assert_int_equal(code, ERR_OK);
    assert_int_equal(conf.ingest.workers, 3);
    assert_int_equal(conf.origin[CONF_KEY_ingest_workers], CONF_FROM_ENVIRONMENT);
    assert_int_equal(conf.ingest.poll_ms, 100);
    assert_int_equal(conf.origin[CONF_KEY_ingest_poll_ms], CONF_FROM_FILE);
    assert_string_equal(conf.ingest.contact, "mailto:a@example.com");
    assert_string_equal(conf.state.dir, "/from/env");
    assert_true(conf.say.json);
    assert_false(conf.stdout.enabled);
    assert_int_equal(conf.origin[CONF_KEY_ingest_window], CONF_FROM_DEFAULT);
    assert_int_equal(conf_set(&conf, CONF_KEY_db_dsn, "host=x", CONF_FROM_OPTION, "--db", &why), ERR_OK);
    assert_string_equal(conf.db.dsn, "host=x");
    assert_int_equal(conf.origin[CONF_KEY_db_dsn], CONF_FROM_OPTION);
    assert_int_equal(conf_set(&conf, CONF_KEY_ingest_window, "65", CONF_FROM_OPTION, "--window", &why),
                     ERR_CONFIG);
    assert_string_equal(why.text,
                        "--window: ingest.window: '65' is not allowed, but a whole number from 1 to 64");
    assert_int_equal(conf.ingest.window, 8);
    assert_int_equal(conf.origin[CONF_KEY_ingest_window], CONF_FROM_DEFAULT);
    conf_free(&conf);
}

/* Every one: one line, the line's number, the key, what is allowed; and nothing half-filled. */
static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *yaml, *line, *says;
    } rows[] = {
        {"ingest:\n  workers: 2\n  werkers: 2\n",
         ":3: ", "unknown key 'ingest.werkers'; allowed: contact, workers,"},
        {"say:\n  level: info\nlogs: {}\n",
         ":3: ", "unknown section 'logs'; allowed: state, db, say, ingest,"},
        {"ingest:\n\n  workers: many\n",
         ":3: ", "ingest.workers: 'many' is not allowed, but a whole number from 0 to 64"},
        {"ingest:\n  workers: 65\n", ":2: ", "ingest.workers: '65'"},
        {"ingest:\n  workers: -1\n", ":2: ", "ingest.workers: '-1'"},
        {"ingest:\n  workers: 99999999999999999999\n", ":2: ", "ingest.workers: "},
        {"ingest:\n  workers: 1.5\n", ":2: ", "ingest.workers: '1.5'"},
        {"ingest:\n  workers:\n", ":2: ", "ingest.workers: ''"},
        {"say:\n  json: maybe\n", ":2: ", "say.json: 'maybe' is not allowed, but true or false"},
        {"say:\n  level: loud\n", ":2: ", "say.level: 'loud' is not allowed, but error, warn, info or debug"},
        {"say:\n  level: \"a\\nb\\e[2J\"\n", ":2: ", "say.level: 'a\\x0ab\\x1b[2J'"},
        {"db:\n  store: some\n", ":2: ", "db.store: 'some' is not allowed, but all or watched"},
        {"db:\n  der: All\n", ":2: ", "db.der: 'All' is not allowed, but none, watched or all"},
        {"say:\n  level: [info]\n", ":2: ", "say: Expecting STRING, got event: SEQUENCE_START"},
        {"say: info\n", ":1: ", "say: Expecting MAPPING, got event: SCALAR"},
        {"- say\n", ":1: ", "Expecting MAPPING"},
        {"just text\n", ":1: ", "Expecting MAPPING"},
        {"say:\n\tlevel: info\n", ":2: ", "not YAML: found character that cannot start any token"},
        {"say:\n  level: \"info\n", ":3: ", "not YAML: "},
        {"say:\n  level: {{{\n", ":3: ", "not YAML: "},
        {"say:\n  level: info\n  json: true\n  level: warn\n", ":4: ", "'level' occurs a second time"},
        {"say:\n  level: info\nsay:\n  json: true\n", ":3: ", "'say' occurs a second time"},
        {"say: &a\n  level: &b info\nhook:\n  command: *b\n", ":4: ", ""},
        {"say:\n  ? [level]\n  : info\n", ":2: ", ""},
        {"say:\n  level: info\n---\nsay:\n  level: debug\n", "", "documents"},
        {"say:\n  level: \xff\xfe\n", ":2: ", "not YAML: "},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct conf conf;
        struct err why = {0};
        char place[64];
        enum err_code code = load(rows[i].yaml, &conf, &why);
        (void)snprintf(place, sizeof place, "%s%s", path, rows[i].line);
        bool good = code == ERR_CONFIG && strstr(why.text, rows[i].says) != NULL &&
                    strncmp(why.text, place, strlen(place)) == 0 && strchr(why.text, '\n') == NULL;
        if (!good)
            print_error("row %zu: %s\n", i, why.text);
        assert_true(good);
        assert_null(conf.say.level);
    }
}

static void files_that_are_none(void **state)
{
    struct conf conf;
    struct err why = {0};
    (void)state;
    assert_int_equal(conf_load("/nonexistent/ctvigil.yaml", &conf, &why), ERR_CONFIG);
    assert_string_equal(why.text, "/nonexistent/ctvigil.yaml: the configuration file can not be opened: "
                                  "No such file or directory");
    err_clear(&why);
    assert_int_equal(conf_load("/tmp", &conf, &why), ERR_CONFIG);
    assert_non_null(strstr(why.text, "directory"));
    err_clear(&why);
    FILE *file = fopen(path, "wbe");
    assert_non_null(file);
    for (unsigned i = 0; i <= LIMIT_CONFIG_BYTES; i++)
        (void)fputc('#', file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(conf_load(path, &conf, &why), ERR_CONFIG);
    assert_non_null(strstr(why.text, "longer than"));
    static const char *const empty[] = {"", "# nothing\n", "---\n"};
    for (size_t i = 0; i < countof(empty); i++) {
        err_clear(&why);
        if (load(empty[i], &conf, &why) == ERR_OK)
            conf_free(&conf);
        else
            assert_true(i == 2); /* a document that is there and empty is no mapping */
    }
}

static void environment_is_checked(void **state)
{
    struct conf conf;
    struct err why = {0};
    (void)state;
    assert_int_equal(setenv("CTVIGIL_SAY_JSON", "2", 1), 0);
    assert_int_equal(conf_load(NULL, &conf, &why), ERR_CONFIG);
    assert_int_equal(unsetenv("CTVIGIL_SAY_JSON"), 0);
    assert_string_equal(why.text, "CTVIGIL_SAY_JSON: say.json: '2' is not allowed, but true or false");
    assert_null(conf.say.level);
}

static void the_sample_loads_to_the_defaults(void **state)
{
    struct conf conf, other;
    struct err why = {0};
    struct buf sample, shown, expected;
    (void)state;
    buf_init(&sample, 100000);
    buf_init(&shown, 100000);
    buf_init(&expected, 100000);
    conf_sample(&sample);
    assert_true(buf_ok(&sample));
    assert_int_equal(load(buf_text(&sample), &conf, &why), ERR_OK);
    assert_int_equal(conf_load(NULL, &other, &why), ERR_OK);
    for (int key = 0; key < CONF_KEY_COUNT; key++) {
        assert_int_equal(conf.origin[key], CONF_FROM_FILE);
        conf.origin[key] = CONF_FROM_DEFAULT;
        assert_non_null(strstr(buf_text(&sample), conf_rows()[key].sentence));
        assert_non_null(strstr(buf_text(&sample), conf_rows()[key].section_sentence));
    }
    conf_show(&conf, &shown);
    conf_show(&other, &expected);
    assert_string_equal(buf_text(&shown), buf_text(&expected));
    assert_non_null(strstr(buf_text(&shown), "\ningest.poll_ms = 5000  (default)\n"));
    assert_non_null(strstr(buf_text(&shown), "\nsay.level = \"info\"  (default)\n"));
    conf_free(&conf);
    conf_free(&other);
    buf_fini(&sample);
    buf_fini(&shown);
    buf_fini(&expected);
}

static void passwords_are_never_shown(void **state)
{
    static const struct {
        const char *dsn, *shown;
    } rows[] = {
        {"", ""},
        {"postgresql://u:sEcret@db.example:5432/ct", "postgresql://u:***@db.example:5432/ct"},
        {"postgres://u:sEcret@db.example/ct?sslmode=require&password=sEcret",
         "postgres://u:***@db.example/ct?***"},
        {"postgresql://u:sE/cr@et:x@db.example/ct", "postgresql://u:***@db.example/ct"},
        {"postgresql://u:sEc?ret@db.example/ct", "postgresql://u:***@db.example/ct"},
        {"postgresql://db.example/ct", "postgresql://db.example/ct"},
        {"postgresql://db.example:5432/ct?passw%6Frd=sEcret", "postgresql://db.example:5432/ct?***"},
        {"postgresql://", "postgresql://"},
        {"host=db password=sEcret dbname=ct", "host=db password=*** dbname=ct"},
        {"host=db password = 'sEc\\' ret' user=u", "host=db password=*** user=u"},
        {"password='sEcret host=db", "password=***"},
        {"host=db sslpassword=sEcret passfile=/x", "host=db sslpassword=*** passfile=***"},
        {"  host = db  ", "host=db"},
        {"sEcret", "***"},
        {"host=db sEcret", "host=db ***"},
        {"host='a b' port=1", "host='a b' port=1"},
        {"host=a\\ b password=sEcret", "host=a\\\\ b password=***"},
        {"mysql://u:sEcret@h", "***"},
        {"host=", "host="},
        {"=", "=***"},
    };
    struct conf conf;
    struct err why = {0};
    char text[256];
    (void)state;
    assert_int_equal(conf_load(NULL, &conf, &why), ERR_OK);
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf shown;
        buf_init(&shown, 100000);
        assert_int_equal(conf_set(&conf, CONF_KEY_db_dsn, rows[i].dsn, CONF_FROM_OPTION, "--db", &why),
                         ERR_OK);
        if (strcmp(conf_value_text(&conf, CONF_KEY_db_dsn, text, sizeof text), rows[i].shown) != 0)
            print_error("%s: %s\n", rows[i].dsn, text);
        assert_string_equal(text, rows[i].shown);
        conf_show(&conf, &shown);
        assert_null(strstr(buf_text(&shown), "sEc"));
        buf_fini(&shown);
    }
    conf_free(&conf);
}

static void rows_are_whole(void **state)
{
    const struct conf_row *rows = conf_rows();
    (void)state;
    for (int key = 0; key < CONF_KEY_COUNT; key++) {
        assert_true(strlen(rows[key].sentence) > 10);
        assert_true(strlen(rows[key].section_sentence) > 4);
        if (rows[key].type == CONF_TYPE_INT)
            assert_true(rows[key].min < rows[key].max);
    }
    assert_string_equal(rows[CONF_KEY_hook_timeout_s].section, "hook");
    assert_string_equal(rows[CONF_KEY_hook_timeout_s].key, "timeout_s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(file_then_environment),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(files_that_are_none),
        cmocka_unit_test(environment_is_checked),
        cmocka_unit_test(the_sample_loads_to_the_defaults),
        cmocka_unit_test(passwords_are_never_shown),
        cmocka_unit_test(rows_are_whole),
    };
    int file = mkstemp(path);
    if (file < 0)
        return 1;
    (void)close(file);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    return failed;
}
