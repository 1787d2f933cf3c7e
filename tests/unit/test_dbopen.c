/* Which database is opened, and what is said when it can not be. */
#include "tests/fixture_db.h"

#include "db/pgexec.h"

static void refused_says_where_the_string_came_from(void **state)
{
    (void)state;
    char file[] = "/tmp/ctvigil-dsn-XXXXXX";
    static const char secret[] = "host=/nonexistent user=me password=geheim dbname=x";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, secret, sizeof secret - 1), sizeof secret - 1);
    assert_int_equal(close(fd), 0);
    const struct {
        struct dbopen_options options;
        enum err_code code;
        const char *says;
    } rows[] = {
        {{.dsn = secret, .dsn_from = "option"}, ERR_DB_DOWN, "db.dsn (given by option): database: "},
        {{.dsn = secret, .dsn_from = "environment", .dsn_file = file},
         ERR_DB_DOWN,
         "db.dsn (given by environment): database: "},
        {{.dsn_file = file}, ERR_DB_DOWN, "db.dsn_file /tmp/ctvigil-dsn-"},
        {{.dsn = "host=/nonexistent password=geheim nonsense", .dsn_from = "option"},
         ERR_CONFIG,
         "db.dsn: not a "},
        {{.dsn_file = "/nonexistent/dsn"}, ERR_CONFIG, "db.dsn_file: /nonexistent/dsn: "},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        struct dbopen db;
        struct err why = {0};
        assert_int_equal(dbopen_open(&rows[i].options, &db, &why), rows[i].code);
        if (strncmp(why.text, rows[i].says, strlen(rows[i].says)) != 0)
            fail_msg("%s", why.text);
        assert_null(strstr(why.text, "geheim"));
        assert_null(strstr(why.text, "  "));
        assert_null(strchr(why.text, '\n'));
        assert_null(strstr(why.text, "\\x0a"));
    }
    assert_int_equal(unlink(file), 0);
}

static void text_that_is_not_utf8_is_a_usage_error(void **state)
{
    struct fixture_db *fixture = *state;
    struct pgexec_args args = {0};
    struct err why = {0};
    PGresult *res = NULL;
    pgexec_text(&args, "caf\xe9");
    assert_int_equal(pgexec_run(fixture->db.conn, "SELECT 1 WHERE $1::text <> ''", &args, &res, &why),
                     ERR_USAGE);
    assert_non_null(strstr(why.text, "not UTF-8"));
}

static int open_db(void **state)
{
    static struct fixture_db fixture;
    fixture_db_open(&fixture);
    *state = &fixture;
    return 0;
}

static int close_db(void **state)
{
    fixture_db_close(*state);
    return 0;
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_says_where_the_string_came_from),
        cmocka_unit_test(text_that_is_not_utf8_is_a_usage_error),
    };
    return cmocka_run_group_tests_name("dbopen", tests, open_db, close_db);
}
