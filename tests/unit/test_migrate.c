/* Schema steps, the suffix list, and how a database is opened: made, refused, found again. */
#include "tests/fixture_db.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/dns.h"
#include "db/db_psl.h"
#include "db/embedded.h"
#include "db/migrate.h"
#include "db/pgexec.h"

static struct fixture_db fixture;

static void sql(struct pgconn *conn, const char *text)
{
    struct err why = {0};
    if (pgexec_script(conn, text, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static void opened_is_complete(void **state)
{
    (void)state;
    struct migrate_status status;
    unsigned applied;
    assert_int_equal(migrate_status(fixture.db.conn, &status, NULL), ERR_OK);
    assert_true(status.known >= 1);
    assert_int_equal(status.applied, status.known);
    assert_int_equal(status.pending, 0);
    assert_int_equal(migrate_check(fixture.db.conn, NULL), ERR_OK);
    assert_int_equal(migrate_run(fixture.db.conn, &applied, NULL), ERR_OK);
    assert_int_equal(applied, 0);
}

static void newer_schema_is_refused(void **state)
{
    (void)state;
    struct err why = {0};
    unsigned applied;
    sql(fixture.db.conn, "INSERT INTO schema_migration VALUES (9999, '9999_later.sql', sha256('later'))");
    assert_int_equal(migrate_run(fixture.db.conn, &applied, &why), ERR_DB_SCHEMA);
    assert_non_null(strstr(why.text, "newer"));
    struct dbopen again;
    struct dbopen_options options = {.dsn = fixture.db.dsn};
    assert_int_equal(dbopen_open(&options, &again, NULL), ERR_DB_SCHEMA);
    sql(fixture.db.conn, "DELETE FROM schema_migration WHERE version = 9999");
    assert_int_equal(migrate_check(fixture.db.conn, NULL), ERR_OK);
}

/* It need not have the highest number. */
static void an_unknown_step_between_is_newer(void **state)
{
    (void)state;
    struct err why = {0};
    struct migrate_status status;
    unsigned applied;
    int64_t known = (int64_t)embedded_count;
    sql(fixture.db.conn, "INSERT INTO schema_migration VALUES (0, '0000_between.sql', sha256('between'))");
    assert_int_equal(migrate_run(fixture.db.conn, &applied, &why), ERR_DB_SCHEMA);
    assert_non_null(strstr(why.text, "0000_between.sql"));
    assert_non_null(strstr(why.text, "newer"));
    assert_int_equal(migrate_check(fixture.db.conn, NULL), ERR_DB_SCHEMA);
    sql(fixture.db.conn, "DELETE FROM schema_migration WHERE version = 0");
    assert_int_equal(migrate_status(fixture.db.conn, &status, NULL), ERR_OK);
    err_clear(&why);
    assert_int_equal(migrate_still((int64_t)status.known, known, &why), ERR_OK);
    assert_int_equal(migrate_still((int64_t)status.known, known + 1, &why), ERR_DB_SCHEMA);
    assert_non_null(strstr(why.text, "stores nothing more"));
    err_clear(&why);
    assert_int_equal(migrate_still((int64_t)status.known + 1, known, &why), ERR_DB_SCHEMA);
}

static char *dsn_of(const char *database)
{
    static char dsn[CLUSTER_DSN_MAX];
    char *at = strstr(fixture.db.dsn, "dbname=");
    assert_non_null(at);
    (void)snprintf(dsn, sizeof dsn, "%.*sdbname=%s", (int)(at - fixture.db.dsn), fixture.db.dsn, database);
    return dsn;
}

struct planned {
    unsigned count;
    char first[64];
    char last[64];
};

static void plan_one(void *arg, const char *name, const char *text)
{
    struct planned *planned = arg;
    assert_true(strlen(text) > 10);
    if (planned->count++ == 0)
        (void)snprintf(planned->first, sizeof planned->first, "%s", name);
    assert_true(strcmp(planned->last, name) < 0);
    (void)snprintf(planned->last, sizeof planned->last, "%s", name);
}

static void a_plan_changes_nothing(void **state)
{
    (void)state;
    struct pgconn *conn;
    struct migrate_status status;
    struct planned planned = {0};
    struct err why = {0};
    int64_t tables = -1;
    sql(fixture.db.conn, "CREATE DATABASE planned");
    assert_int_equal(pgconn_open(dsn_of("planned"), &conn, NULL), ERR_OK);
    assert_int_equal(migrate_plan(conn, plan_one, &planned, NULL), ERR_OK);
    assert_string_equal(planned.first, "0001_core.sql");
    assert_int_equal(migrate_status(conn, &status, NULL), ERR_OK);
    assert_int_equal(planned.count, status.pending);
    assert_int_equal(
        pgexec_number(conn, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace",
                      &PGEXEC_NO_ARGS, &tables, NULL),
        ERR_OK);
    assert_int_equal(tables, 0);
    pgconn_free(conn);
    /* Without a database: all of it. With one that has everything: nothing. With a newer one: the refusal. */
    unsigned all = planned.count;
    memset(&planned, 0, sizeof planned);
    assert_int_equal(migrate_plan(NULL, plan_one, &planned, NULL), ERR_OK);
    assert_int_equal(planned.count, all);
    memset(&planned, 0, sizeof planned);
    assert_int_equal(migrate_plan(fixture.db.conn, plan_one, &planned, NULL), ERR_OK);
    assert_int_equal(planned.count, 0);
    sql(fixture.db.conn, "INSERT INTO schema_migration VALUES (9999, '9999_later.sql', sha256('later'))");
    assert_int_equal(migrate_plan(fixture.db.conn, plan_one, &planned, &why), ERR_DB_SCHEMA);
    assert_int_equal(planned.count, 0);
    assert_non_null(strstr(why.text, "newer"));
    sql(fixture.db.conn, "DELETE FROM schema_migration WHERE version = 9999");
}

/* A step that came to the programs after one of a higher number. */
static void a_lower_step_is_applied_later(void **state)
{
    (void)state;
    struct pgconn *conn;
    struct migrate_status status;
    struct planned planned = {0};
    struct err why = {0};
    unsigned applied;
    sql(fixture.db.conn, "CREATE DATABASE lower");
    assert_int_equal(pgconn_open(dsn_of("lower"), &conn, NULL), ERR_OK);
    assert_int_equal(migrate_run(conn, &applied, NULL), ERR_OK);
    assert_int_equal(applied, embedded_count);
    /* It can be done twice. */
    sql(conn, "DELETE FROM schema_migration WHERE name = '0069_history_again.sql'");
    assert_int_equal(migrate_status(conn, &status, NULL), ERR_OK);
    assert_int_equal(status.applied, status.known);
    assert_int_equal(status.pending, 1);
    assert_int_equal(status.first, 69);
    assert_int_equal(migrate_check(conn, &why), ERR_DB_SCHEMA);
    assert_non_null(strstr(why.text, "lacks step 69: run `ctvigil db migrate`"));
    assert_int_equal(migrate_plan(conn, plan_one, &planned, NULL), ERR_OK);
    assert_int_equal(planned.count, 1);
    assert_string_equal(planned.first, "0069_history_again.sql");
    assert_int_equal(migrate_run(conn, &applied, NULL), ERR_OK);
    assert_int_equal(applied, 1);
    assert_int_equal(migrate_check(conn, NULL), ERR_OK);
    pgconn_free(conn);
}

/* What a schema is made of, as one number. */
static int64_t schema_sum(struct pgconn *conn)
{
    int64_t sum = 0;
    struct err why = {0};
    if (pgexec_number(
            conn,
            "SELECT (sum(x.h::numeric) % 1000000007)::int8 FROM ("
            " SELECT hashtext(table_name || column_name || data_type || ordinal_position) AS h"
            "  FROM information_schema.columns WHERE table_schema IN ('public', 'ct', 'crtsh') UNION ALL"
            " SELECT hashtext(indexdef) FROM pg_indexes WHERE schemaname = 'public' UNION ALL"
            " SELECT hashtext(p.prosrc) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace"
            "  WHERE n.nspname IN ('public', 'ct', 'crtsh') UNION ALL"
            " SELECT hashtext(version || name || encode(sha256, 'hex')) FROM schema_migration) AS x",
            &PGEXEC_NO_ARGS, &sum, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return sum;
}

static int64_t number(struct pgconn *conn, const char *text)
{
    int64_t value = -1;
    struct err why = {0};
    if (pgexec_number(conn, text, &PGEXEC_NO_ARGS, &value, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return value;
}

static int64_t steps_noted(struct pgconn *conn)
{
    int64_t count = 0;
    struct err ignored = {0};
    enum err_code code =
        pgexec_number(conn, "SELECT count(*) FROM schema_migration", &PGEXEC_NO_ARGS, &count, &ignored);
    return code == ERR_OK ? count : 0; /* the table is not there yet */
}

/* Killed wherever it is: the steps that are noted are whole, of the next one there is nothing, and the next
 * run ends at the same schema. */
static void killed_in_the_middle(void **state)
{
    (void)state;
    struct pgconn *conn;
    struct migrate_status status = {0};
    struct err why = {0};
    unsigned applied = 0;
    unsigned halves = 0;
    sql(fixture.db.conn, "CREATE DATABASE killed");
    char dsn[CLUSTER_DSN_MAX];
    (void)snprintf(dsn, sizeof dsn, "%s", dsn_of("killed"));
    static const int64_t marks[] = {0, 1, 9, 17};
    for (size_t mark = 0; mark < countof(marks); mark++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct pgconn *own;
            unsigned made;
            if (pgconn_open(dsn, &own, NULL) != ERR_OK)
                _exit(3);
            _exit(migrate_run(own, &made, NULL) == ERR_OK ? 0 : 1);
        }
        /* As soon as so many steps are noted: it is at one of the next. */
        struct pgconn *look;
        int ended = 0;
        assert_int_equal(pgconn_open(dsn, &look, NULL), ERR_OK);
        for (int i = 0; i < 12000 && steps_noted(look) < marks[mark]; i++)
            (void)usleep(5000);
        pgconn_free(look);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &ended, 0), pid);
        assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
        /* Its session ends when the server gets to it; nobody may migrate before. */
        for (int i = 0;
             i < 600 && number(conn, "SELECT count(*) FROM pg_stat_activity WHERE datname = 'killed'"
                                     " AND backend_type = 'client backend'") > 1;
             i++)
            (void)usleep(20000);
        assert_int_equal(migrate_status(conn, &status, NULL), ERR_OK);
        /* Numbers may be left out. */
        size_t noted =
            status.applied == 0 ? 0 : (size_t)number(conn, "SELECT count(*) FROM schema_migration");
        assert_int_equal(noted + status.pending, embedded_count);
        if (status.applied == 0)
            assert_int_equal(
                number(conn, "SELECT count(*) FROM pg_class WHERE relname IN ('cert', 'log', 'psl')"), 0);
        halves += status.applied > 0 && status.pending > 0;
        pgconn_free(conn);
        if (status.pending == 0)
            break;
    }
    print_message("stopped between two steps %u times\n", halves);
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    if (migrate_run(conn, &applied, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(migrate_check(conn, NULL), ERR_OK);
    assert_int_equal(schema_sum(conn), schema_sum(fixture.db.conn));
    pgconn_free(conn);
}

static void changed_step_is_refused(void **state)
{
    (void)state;
    struct err why = {0};
    sql(fixture.db.conn, "UPDATE schema_migration SET sha256 = sha256('other') WHERE version = 1");
    assert_int_equal(migrate_check(fixture.db.conn, &why), ERR_DB_SCHEMA);
    assert_non_null(strstr(why.text, "0001_core.sql"));
    sql(fixture.db.conn, "DELETE FROM schema_migration");
    err_clear(&why);
    unsigned applied;
    /* The tables are there, so the step fails; it must leave no trace. */
    assert_int_not_equal(migrate_run(fixture.db.conn, &applied, &why), ERR_OK);
    assert_non_null(strstr(why.text, "0001_core.sql"));
    struct migrate_status status;
    assert_int_equal(migrate_status(fixture.db.conn, &status, NULL), ERR_OK);
    assert_int_equal(status.applied, 0);
}

static void *migrate_too(void *arg)
{
    struct pgconn *conn;
    unsigned applied = 0;
    if (pgconn_open(arg, &conn, NULL) != ERR_OK)
        return NULL;
    bool fine = migrate_run(conn, &applied, NULL) == ERR_OK;
    pgconn_free(conn);
    return fine ? (void *)(uintptr_t)(applied + 1) : NULL;
}

static void several_migrate_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    uintptr_t sum = 0;
    sql(fixture.db.conn, "CREATE DATABASE parallel");
    char *dsn = dsn_of("parallel");
    for (size_t i = 0; i < countof(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, migrate_too, dsn), 0);
    for (size_t i = 0; i < countof(threads); i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
        sum += (uintptr_t)result - 1;
    }
    struct pgconn *conn;
    struct migrate_status status;
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    assert_int_equal(migrate_status(conn, &status, NULL), ERR_OK);
    assert_int_equal(status.pending, 0);
    assert_true(sum >= 1 && sum <= status.known);
    pgconn_free(conn);
}

static void foreign_server_is_asked_first(void **state)
{
    (void)state;
    struct dbopen db;
    struct err why = {0};
    sql(fixture.db.conn, "CREATE DATABASE mine");
    struct dbopen_options options = {.dsn = dsn_of("mine")};
    assert_int_equal(dbopen_open(&options, &db, &why), ERR_DB_SCHEMA);
    assert_non_null(strstr(why.text, "ctvigil db init"));
    options.migrate = true;
    err_clear(&why);
    if (dbopen_open(&options, &db, &why) != ERR_OK)
        fail_msg("%s", why.text);
    sql(db.conn, "SELECT 1 / count(*) FROM psl");
    dbopen_close(&db);
    options.migrate = false;
    assert_int_equal(dbopen_open(&options, &db, NULL), ERR_OK);
    sql(db.conn, "DELETE FROM psl");
    dbopen_close(&db);
    err_clear(&why);
    assert_int_equal(dbopen_open(&options, &db, &why), ERR_DB_SCHEMA);
    assert_non_null(strstr(why.text, "suffix"));
}

static bool installed_replaces(struct pgconn *conn)
{
    struct span name = SPAN_LIT("a.b.odd.example.com");
    assert_int_equal(db_psl_install(conn, NULL, NULL), ERR_OK);
    assert_int_equal(db_psl_activate(conn, NULL), ERR_OK);
    return !span_eq(dns_apex(name), SPAN_LIT("b.odd.example.com"));
}

static void suffix_list_of_the_database_counts(void **state)
{
    (void)state;
    struct pgconn *conn;
    char path[128];
    struct err why = {0};
    unsigned applied;
    sql(fixture.db.conn, "CREATE DATABASE suffixes");
    assert_int_equal(pgconn_open(dsn_of("suffixes"), &conn, NULL), ERR_OK);
    assert_int_equal(migrate_run(conn, &applied, NULL), ERR_OK);
    assert_int_not_equal(db_psl_install(conn, "/nonexistent", &why), ERR_OK);
    assert_non_null(strstr(why.text, "/nonexistent: No such file"));
    (void)snprintf(path, sizeof path, "%s/list", fixture.root);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("// ===BEGIN ICANN DOMAINS===\ncom\nodd.example.com\n// ===END ICANN DOMAINS===\n", file);
    assert_int_equal(fclose(file), 0);
    err_clear(&why);
    if (db_psl_install(conn, path, &why) != ERR_OK || db_psl_activate(conn, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_true(span_eq(dns_apex(SPAN_LIT("a.b.odd.example.com")), SPAN_LIT("b.odd.example.com")));
    /* A second list does not replace the first while somebody else may be using it ... */
    struct pgconn *other;
    struct db_psl_state look;
    assert_int_equal(pgconn_open(dsn_of("suffixes"), &other, NULL), ERR_OK);
    assert_false(installed_replaces(conn));
    assert_int_equal(db_psl_look(conn, path, &look, NULL), ERR_OK);
    assert_false(look.differs);
    assert_int_equal(db_psl_look(conn, "/nonexistent", &look, NULL), ERR_OK);
    assert_false(look.differs);
    assert_int_equal(db_psl_look(conn, NULL, &look, NULL), ERR_OK);
    assert_true(look.differs);
    assert_true(look.loaded_ms > INT64_C(1700000000000));
    pgconn_free(other);
    /* ... nor when there are rows, whose keys would move ... */
    sql(conn, "INSERT INTO cert VALUES ('1950-01-02', '1950-01-01', now(), 0, 0, 0, 1, 1, '\\x00', '\\x00', "
              "'\\x00', '')");
    assert_false(installed_replaces(conn));
    assert_int_equal(db_psl_install(conn, "/nonexistent", NULL), ERR_OK);
    sql(conn, "TRUNCATE cert");
    /* ... and is taken when nothing depends on the first. */
    for (int i = 0; i < 600 && !installed_replaces(conn); i++)
        (void)usleep(100000); /* the server takes its time to forget the connection */
    assert_true(installed_replaces(conn));
    assert_int_equal(db_psl_look(conn, NULL, &look, NULL), ERR_OK);
    assert_false(look.differs);
    pgconn_free(conn);
}

static void other_encodings_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"LATIN1", "SQL_ASCII"};
    sql(fixture.db.conn, "CREATE DATABASE \"LATIN1\" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    sql(fixture.db.conn, "CREATE DATABASE \"SQL_ASCII\" ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
    for (size_t i = 0; i < countof(names); i++) {
        for (int migrate = 0; migrate < 2; migrate++) {
            struct dbopen db;
            struct err why = {0};
            struct dbopen_options options = {.dsn = dsn_of(names[i]), .migrate = migrate != 0};
            assert_int_equal(dbopen_open(&options, &db, &why), ERR_CONFIG);
            assert_non_null(strstr(why.text, names[i]));
            assert_non_null(strstr(why.text, "ENCODING 'UTF8'"));
        }
    }
}

/* Whoever is not allowed to is told what to do, in one line. */
static void a_role_without_rights(void **state)
{
    (void)state;
    struct pgconn *conn;
    struct err why = {0};
    unsigned applied;
    sql(fixture.db.conn, "CREATE ROLE stranger");
    sql(fixture.db.conn, "CREATE DATABASE empty");
    assert_int_equal(pgconn_open(fixture.db.dsn, &conn, NULL), ERR_OK);
    sql(conn, "SET ROLE stranger");
    assert_int_equal(migrate_check(conn, &why), ERR_DB);
    assert_non_null(strstr(why.text, "schema_migration (42501): connect as the role that made the schema"));
    pgconn_free(conn);
    err_clear(&why);
    assert_int_equal(pgconn_open(dsn_of("empty"), &conn, NULL), ERR_OK);
    sql(conn, "SET ROLE stranger");
    assert_int_equal(migrate_run(conn, &applied, &why), ERR_DB);
    assert_non_null(strstr(why.text, "(42501): the role must own the database: ALTER DATABASE"));
    pgconn_free(conn);
}

static void wrong_dsn_is_one_line_without_password(void **state)
{
    (void)state;
    static const struct {
        const char *dsn;
        enum err_code code;
    } rows[] = {
        {"nonsense SECRET", ERR_CONFIG},
        {"host=/nowhere password=SECRET", ERR_DB_DOWN},
        {"postgresql://u:SECRET@127.0.0.1:1/x", ERR_DB_DOWN},
        {"postgresql://u:SECRET@[bad/x", ERR_CONFIG},
        {"host=127.0.0.1 port=1 passwd=SECRET", ERR_CONFIG},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        struct pgconn *conn;
        struct err why = {0};
        assert_int_equal(pgconn_open(rows[i].dsn, &conn, &why), rows[i].code);
        assert_null(conn);
        assert_true(why.text[0] != '\0');
        assert_null(strchr(why.text, '\n'));
        assert_null(strstr(why.text, "SECRET"));
    }
}

static void errors_have_their_class(void **state)
{
    (void)state;
    struct pgconn *conn = fixture.db.conn;
    struct err why = {0};
    static const struct {
        const char *sql;
        enum err_code code;
    } rows[] = {
        {"SELECT * FROM no_such_table", ERR_DB_SCHEMA},
        {"SELECT no_such_column FROM log", ERR_DB_SCHEMA},
        {"SELECT no_such_function()", ERR_DB_SCHEMA},
        {"SELECT 1 / 0", ERR_DB},
        {"DO $$ BEGIN RAISE serialization_failure; END $$", ERR_DB_CONFLICT},
        {"DO $$ BEGIN RAISE deadlock_detected; END $$", ERR_DB_CONFLICT},
        {"DO $$ BEGIN RAISE too_many_connections; END $$", ERR_DB_DOWN},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        err_clear(&why);
        assert_int_equal(pgexec_script(conn, rows[i].sql, &why), rows[i].code);
        assert_null(strchr(why.text, '\n'));
    }
    /* A transaction that has failed says ROLLBACK to COMMIT: that is no success. */
    assert_int_equal(pgexec_begin(conn, NULL), ERR_OK);
    assert_int_equal(pgexec_script(conn, "SELECT 1 / 0", NULL), ERR_DB);
    assert_int_equal(pgexec_commit(conn, NULL), ERR_DB);
    sql(conn, "SELECT 1");
    err_clear(&why);
    assert_int_equal(pgexec_script(conn, "SELECT pg_terminate_backend(pg_backend_pid())", &why), ERR_DB_DOWN);
    assert_int_equal(pgexec_script(conn, "SELECT 1", NULL), ERR_DB_DOWN);
    assert_int_equal(pgconn_reopen(conn, NULL), ERR_OK);
    sql(conn, "SELECT 1");
}

static void values_round_trip(void **state)
{
    (void)state;
    static const int64_t times[] = {0, 1, -1, 946684800000, -62135596800000, 253402300799999, 1763715600123};
    static const int64_t numbers[] = {0, -1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < countof(times); i++) {
        struct pgexec_args args = {0};
        PGresult *res;
        pgexec_time(&args, times[i]);
        pgexec_int(&args, numbers[i % countof(numbers)]);
        pgexec_bytes(&args, span_of("\0\xff", i % 3));
        pgexec_bytes(&args, SPAN_NONE);
        pgexec_text(&args, "'; DROP TABLE log; --");
        pgexec_bool(&args, i % 2 == 1);
        assert_int_equal(pgexec_cached(fixture.db.conn,
                                       "SELECT $1, $2, $3, $4, $5::text, $6, $2::int8::int8 % 7 < 9", &args,
                                       &res, NULL),
                         ERR_OK);
        assert_int_equal(pgexec_get_time(res, 0, 0), times[i]);
        assert_int_equal(pgexec_get_int(res, 0, 1), numbers[i % countof(numbers)]);
        assert_int_equal(pgexec_get_bytes(res, 0, 2).len, i % 3);
        assert_true(pgexec_is_null(res, 0, 3));
        assert_string_equal(pgexec_get_text(res, 0, 4), "'; DROP TABLE log; --");
        assert_int_equal(pgexec_get_bool(res, 0, 5), i % 2 == 1);
        PQclear(res);
    }
}

static int open_all(void **state)
{
    (void)state;
    fixture_db_open(&fixture);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fixture_db_close(&fixture);
    return 0;
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opened_is_complete),
        cmocka_unit_test(newer_schema_is_refused),
        cmocka_unit_test(an_unknown_step_between_is_newer),
        cmocka_unit_test(values_round_trip),
        cmocka_unit_test(errors_have_their_class),
        cmocka_unit_test(wrong_dsn_is_one_line_without_password),
        cmocka_unit_test(several_migrate_at_once),
        cmocka_unit_test(foreign_server_is_asked_first),
        cmocka_unit_test(suffix_list_of_the_database_counts),
        cmocka_unit_test(other_encodings_are_refused),
        cmocka_unit_test(a_role_without_rights),
        cmocka_unit_test(a_plan_changes_nothing),
        cmocka_unit_test(a_lower_step_is_applied_later),
        cmocka_unit_test(killed_in_the_middle),
        cmocka_unit_test(changed_step_is_refused),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
