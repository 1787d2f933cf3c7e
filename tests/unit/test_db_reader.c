/* Readers of the database, made by an administrator and by a user of the server who may little. */
#include "db/db_reader.h"

#include "base/limits.h"
#include "tests/fixture_cert.h"

struct said {
    char text[4096];
    size_t count;
};

static void hear(void *arg, const char *line)
{
    struct said *said = arg;
    size_t len = strlen(said->text);
    (void)snprintf(said->text + len, sizeof said->text - len, "%s\n", line);
    said->count++;
}

static struct db_reader last;
static char last_name[64];

static void keep(void *arg, const struct db_reader *reader)
{
    size_t *count = arg;
    ++*count;
    last = *reader;
    (void)snprintf(last_name, sizeof last_name, "%s", reader->name);
    last.name = last_name;
}

static int setup(void **state)
{
    static struct fixture_db fixture;
    fixture_db_open(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_db_close(*state);
    return 0;
}

static void test_add_change_remove(void **state)
{
    struct pgconn *conn = ((struct fixture_db *)*state)->db.conn;
    struct err why = {0};
    struct said said = {0};
    size_t count = 0;
    /* Who migrated could make the group, so nothing is lacking. */
    assert_int_equal(db_reader_lacks(conn, hear, &said, &why), ERR_OK);
    assert_int_equal(said.count, 0);
    fixture_sql(conn, "CREATE ROLE nobody; DO $$ BEGIN ASSERT has_function_privilege('ctvigil_reader',"
                      " 'place_find(int2, int8[])', 'EXECUTE') AND NOT has_function_privilege('nobody',"
                      " 'place_find(int2, int8[])', 'EXECUTE'); END $$; DROP ROLE nobody");
    assert_int_equal(db_reader_add(conn, "alice", 30, 3, hear, &said, &why), ERR_OK);
    assert_int_equal(db_reader_add(conn, "alice", 40, 4, hear, &said, &why), ERR_OK);
    assert_int_equal(said.count, 0);
    assert_int_equal(db_reader_list(conn, keep, &count, &why), ERR_OK);
    assert_int_equal(count, 1);
    assert_string_equal(last.name, "alice");
    assert_int_equal(last.timeout_s, 40);
    assert_int_equal(last.connections, 4);
    assert_false(last.gone);
    fixture_sql(conn,
                "DO $$ BEGIN ASSERT (SELECT rolconnlimit = 4 AND NOT rolsuper FROM pg_roles WHERE rolname ="
                " 'alice'); END $$");
    assert_int_equal(db_reader_remove(conn, "alice", &why), ERR_OK);
    fixture_sql(conn, "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'alice'); END $$");
    assert_int_equal(db_reader_remove(conn, "alice", &why), ERR_NOT_FOUND);
}

static void test_refused(void **state)
{
    static const char *const names[] = {"ctvigil", "ctvigil_reader", "pg_monitor", "public", "", "other"};
    struct pgconn *conn = ((struct fixture_db *)*state)->db.conn;
    fixture_sql(conn, "CREATE ROLE other LOGIN CREATEDB");
    for (size_t i = 0; i < countof(names); i++) {
        struct err why = {0};
        struct said said = {0};
        assert_int_equal(db_reader_add(conn, names[i], 30, 3, hear, &said, &why), ERR_USAGE);
        assert_non_null(
            strstr(why.text, i < 1 || i > 4 ? "may do more than read" : "not a name for a reader"));
    }
    fixture_sql(conn, "DROP ROLE other");
}

/* A role that was there before stays when it is no reader any more; one that somebody dropped is said to be
 * gone. */
static void test_roles_of_others(void **state)
{
    struct pgconn *conn = ((struct fixture_db *)*state)->db.conn;
    struct err why = {0};
    struct said said = {0};
    size_t count = 0;
    fixture_sql(conn, "CREATE ROLE before LOGIN");
    assert_int_equal(db_reader_add(conn, "before", 30, 3, hear, &said, &why), ERR_OK);
    assert_int_equal(db_reader_remove(conn, "before", &why), ERR_OK);
    fixture_sql(conn, "DO $$ BEGIN ASSERT (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'before');"
                      " ASSERT NOT has_schema_privilege('before', 'ct', 'USAGE'); END $$; DROP ROLE before");
    assert_int_equal(db_reader_add(conn, "fleeting", 30, 3, hear, &said, &why), ERR_OK);
    fixture_sql(conn, "DROP OWNED BY fleeting; DROP ROLE fleeting");
    assert_int_equal(db_reader_list(conn, keep, &count, &why), ERR_OK);
    assert_true(count == 1 && last.gone);
    assert_int_equal(db_reader_remove(conn, "fleeting", &why), ERR_OK);
}

/* The owner of the tables, who may not make roles: says so, and what an administrator has to run. */
static void test_little_rights(void **state)
{
    struct pgconn *conn = ((struct fixture_db *)*state)->db.conn;
    struct err why = {0};
    struct said said = {0};
    fixture_sql(conn,
                "DROP OWNED BY ctvigil_reader; DROP ROLE ctvigil_reader; CREATE ROLE plain;"
                " GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO plain; GRANT ALL ON reader TO plain;"
                " SET SESSION AUTHORIZATION plain");
    db_reader_ready(conn);
    assert_int_equal(db_reader_lacks(conn, hear, &said, &why), ERR_OK);
    assert_non_null(strstr(said.text, "CREATE ROLE ctvigil_reader NOLOGIN;\n"));
    assert_int_equal(db_reader_add(conn, "alice", 30, 3, hear, &said, &why), ERR_CONFIG);
    assert_non_null(strstr(why.text, "CREATEROLE"));
    /* Those statements are all that it takes. */
    char *script = said.text;
    fixture_sql(conn, "RESET SESSION AUTHORIZATION");
    fixture_sql(conn, script);
    said = (struct said){0};
    assert_int_equal(db_reader_lacks(conn, hear, &said, &why), ERR_OK);
    assert_int_equal(said.count, 0);
    fixture_sql(conn, "DROP OWNED BY plain; DROP ROLE plain");
}

/* SQL and the program read the public suffix list alike: else what the one wrote the other would not find. */
static void compare_domain(struct pgconn *conn, const char *typed)
{
    struct err why = {0};
    char name[DNS_TEXT_MAX];
    char domain[DNS_TEXT_MAX + 1];
    struct pgexec_args args = {0};
    PGresult *res = NULL;
    if (dns_from_user(typed, name, &why) != ERR_OK)
        return; /* no name that could be asked for */
    struct span apex = dns_apex(span_str(name));
    (void)snprintf(domain, sizeof domain, "%.*s", (int)apex.len, (const char *)apex.at);
    pgexec_text(&args, typed);
    assert_int_equal(pgexec_cached(conn, "SELECT ct.registrable_domain($1)", &args, &res, &why), ERR_OK);
    if (strcmp(pgexec_get_text(res, 0, 0), domain) != 0)
        fail_msg("%s: SQL says %s, the program %s", typed, pgexec_get_text(res, 0, 0), domain);
    PQclear(res);
}

static void test_registrable_domain(void **state)
{
    struct pgconn *conn = ((struct fixture_db *)*state)->db.conn;
    struct err why = {0};
    PGresult *res = NULL;
    /* All that is special, and some of the plain ones. */
    const char *every = getenv("CTVIGIL_TEST_ALL_SUFFIXES") != NULL ? "1" : "97";
    struct pgexec_args args = {0};
    pgexec_text(&args, every);
    assert_int_equal(
        pgexec_run(
            conn,
            "SELECT p || replace(ltrim(r, '!'), '*', 'w') FROM psl, unnest(string_to_array(list, E'\\n'))"
            "  WITH ORDINALITY AS u (r, n), unnest(ARRAY['', 'a.', 'b.a.', 'c.b.a.']) AS p"
            " WHERE r <> '' AND r !~ '^//|[[:space:]]' AND (n % $1::int = 0 OR r ~ '[!*]' OR (r ~ '[^ -~]' "
            "AND n % 5 = 0))",
            &args, &res, &why),
        ERR_OK);
    assert_true(PQntuples(res) > 500);
    for (int row = 0; row < PQntuples(res); row++)
        compare_domain(conn, pgexec_get_text(res, row, 0));
    PQclear(res);
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registrable_domain),
        cmocka_unit_test(test_add_change_remove),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_roles_of_others),
        cmocka_unit_test(test_little_rights),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
