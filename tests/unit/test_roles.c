/* Logs that move, again and again, while the pipeline runs. */
#include "tests/fixture_db.h"

#include <time.h>

#include "cli/roles.h"
#include "db/db_log.h"
#include "db/pgexec.h"
#include "tests/fixture/simrun.h"

static struct fixture_db fixture;
static struct simrun sim;
static struct conf conf;

static int64_t number(const char *text)
{
    int64_t value = -1;
    struct err why = {0};
    if (pgexec_number(fixture.db.conn, text, &PGEXEC_NO_ARGS, &value, &why) != ERR_OK)
        fail_msg("%s: %s", why.text, text);
    return value;
}

static void until(int64_t position)
{
    for (int i = 0; number("SELECT coalesce(max(next), 0) FROM log_range") != position; i++) {
        if (i == 600)
            fail_msg("entry %d was never read", (int)position);
        (void)usleep(50000);
    }
}

static void move(const char *host)
{
    char url[CTLOG_URL_MAX];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    (void)snprintf(url, sizeof url, "http://%s%s", host, strrchr(sim.url + 7, ':'));
    pgexec_text(&args, url);
    assert_int_equal(pgexec_do(fixture.db.conn, "UPDATE log SET url = $1", &args, NULL, NULL), ERR_OK);
}

/* Three places for logs, and one log that moves four times: it is read at every new place. */
static void places_that_are_used_up(void **state)
{
    static const char *const hosts[] = {"127.1", "127.0.1", "127.0.0.1"};
    struct cmd cmd = {.conf = &conf, .program = "/proc/self/exe"};
    struct roles_options options = {.no_list = true, .poll_ms = 100, .logs_max = 3};
    struct roles_ingest *ingest = NULL;
    struct pgconn *conn = NULL;
    struct pipe_result result;
    struct err why = {0};
    struct ctlog log;

    (void)state;
    if (cmd_db_open(&cmd, &conn, &why) != ERR_OK)
        fail_msg("%s", why.text);
    simrun_log(&sim, CTLOG_RFC6962, 0, &log);
    assert_int_equal(db_log_add(conn, &log, "0", 0, &why), ERR_OK);
    if (roles_ingest_start(&cmd, conn, &options, &ingest, &why) != ERR_OK)
        fail_msg("%s", why.text);
    until(50);
    for (size_t i = 0; i < 4; i++) {
        move(hosts[i % countof(hosts)]);
        roles_ingest_refresh(ingest, conn); /* leaves it */
        roles_ingest_refresh(ingest, conn); /* takes it up */
        simrun_do(&sim, "{\"append\":10}");
        until(60 + 10 * (int64_t)i);
        assert_false(roles_ingest_wait(ingest, 0, &result));
    }
    roles_ingest_stop(ingest, &result);
    cmd_db_close(conn);
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    static const char *const args[] = {"--entries", "50", NULL};
    const struct CMUnitTest tests[] = {cmocka_unit_test(places_that_are_used_up)};
    struct err why = {0};

    if (simrun_path() == NULL)
        return 77;
    simrun_start(&sim, args);
    fixture_db_open(&fixture);
    must(conf_load(NULL, &conf, &why) == ERR_OK);
    must(conf_set(&conf, CONF_KEY_state_dir, fixture.state, CONF_FROM_OPTION, "test", &why) == ERR_OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    conf_free(&conf);
    fixture_db_close(&fixture);
    simrun_stop(&sim);
    return failed;
}
