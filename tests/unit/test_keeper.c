/* The keeper of a server that does not start: what it tells, and that all goes on when the cause is gone. */
#include "tests/fixture/clusterrig.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

static int setup(void **state)
{
    static struct fixture_db fixture;
    fixture = (struct fixture_db){0};
    fixture_db_folder(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_db_folder_gone(*state);
    return 0;
}

static bool says_what_is_missing(const struct err *why)
{
    bool good = strstr(why->text, "private database: the server does not start: ") != NULL &&
                strstr(why->text, "pg_control") != NULL && strchr(why->text, '\n') == NULL;
    if (!good)
        print_error("%s\n", why->text);
    return good;
}

static bool back_within(struct cluster *cluster, int64_t wait_ms)
{
    int64_t deadline = clock_mono_ms() + wait_ms;
    while (cluster_keep(cluster, NULL) != ERR_OK) {
        if (clock_mono_ms() > deadline)
            return false;
        clock_sleep_ms(50);
    }
    return clusterrig_works(cluster_dsn(cluster), "SELECT 1");
}

static void a_cluster_that_can_not_come_back(void **state)
{
    struct fixture_db *fixture = *state;
    struct err why = {0};
    char path[4200];
    struct cluster *cluster = clusterrig_use(fixture);
    struct cluster_status status = clusterrig_look(fixture);
    char away[4300];
    (void)snprintf(path, sizeof path, "%s/data/global/pg_control", status.home);
    (void)snprintf(away, sizeof away, "%s.away", path);
    assert_int_equal(rename(path, away), 0);
    (void)kill(status.keeper, SIGKILL);
    assert_true(clusterrig_gone_within(status.keeper, 60000));
    assert_int_equal(cluster_keep(cluster, &why), ERR_CLUSTER);
    assert_true(says_what_is_missing(&why));
    /* Not a storm of starts: the same answer, at once. */
    int64_t begin = clock_mono_ms();
    for (int i = 0; i < 1000; i++) {
        err_clear(&why);
        assert_int_equal(cluster_keep(cluster, &why), ERR_CLUSTER);
    }
    assert_true(clock_mono_ms() - begin < 30000); /* each start takes longer than a thirtieth of a second */
    assert_true(says_what_is_missing(&why));
    /* It comes back by itself once it can. */
    assert_int_equal(rename(away, path), 0);
    assert_true(back_within(cluster, 60000));
    cluster_release(cluster);
}

/* The keeper lives, its server can not be started: whoever comes is told at once, whoever stays is told too,
 * and all goes on when it can. */
static void a_server_that_can_not_come_back(void **state)
{
    struct fixture_db *fixture = *state;
    struct err why = {0};
    char path[4200];
    char away[4300];
    struct cluster *late;
    struct cluster *cluster = clusterrig_use(fixture);
    struct cluster_status status = clusterrig_look(fixture);
    assert_string_equal(status.why, "");
    (void)snprintf(path, sizeof path, "%s/data/global/pg_control", status.home);
    (void)snprintf(away, sizeof away, "%s.away", path);
    assert_int_equal(rename(path, away), 0);
    (void)kill(status.server, SIGKILL);
    int64_t begin = clock_mono_ms();
    for (int round = 0; round < 2; round++) {
        err_clear(&why);
        assert_int_equal(cluster_use(fixture->state, CLUSTERRIG_SELF, &late, &why), ERR_CLUSTER);
        assert_true(says_what_is_missing(&why));
    }
    assert_true(clock_mono_ms() - begin < 60000); /* seconds; a machine may be busy */
    assert_int_equal(clusterrig_look(fixture).keeper, status.keeper);
    struct err known = {0};
    (void)snprintf(known.text, sizeof known.text, "%s", clusterrig_look(fixture).why);
    assert_true(says_what_is_missing(&known));
    err_clear(&why);
    assert_int_not_equal(cluster_keep(cluster, &why), ERR_OK);
    assert_true(says_what_is_missing(&why));
    assert_int_equal(rename(away, path), 0);
    late = clusterrig_use(fixture); /* the keeper tries again because somebody waits */
    assert_true(clusterrig_works(cluster_dsn(late), "SELECT 1"));
    assert_true(back_within(cluster, 0));
    assert_string_equal(clusterrig_look(fixture).why, "");
    assert_int_equal(clusterrig_look(fixture).keeper, status.keeper);
    cluster_release(late);
    cluster_release(cluster);
}

/* A server that fills its disk under its users: they are told that, and it heals when there is room again. */
static int disk_fills_up(struct fixture_db *fixture)
{
    char ballast[4100];
    struct err why = {0};
    if (mount("none", fixture->state, "tmpfs", 0, "size=80m") != 0)
        return 77;
    struct cluster *cluster = clusterrig_use(fixture);
    (void)snprintf(ballast, sizeof ballast, "%s/ballast", fixture->state);
    int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    static const char zeros[65536];
    while (fd >= 0 && write(fd, zeros, sizeof zeros) > 0)
        continue;
    while (fd >= 0 && write(fd, zeros, 1) > 0)
        continue;
    (void)close(fd);
    (void)kill(clusterrig_look(fixture).server, SIGKILL);
    int64_t deadline = clock_mono_ms() + 30000;
    while (cluster_keep(cluster, &why) != ERR_CLUSTER && clock_mono_ms() < deadline) {
        err_clear(&why);
        clock_sleep_ms(100);
    }
    print_message("%s\n", why.text);
    bool told =
        strstr(why.text, "No space left on device") != NULL || strstr(why.text, "disk is full") != NULL;
    int failed = told ? 0 : 10;
    failed = failed != 0 ? failed : clusterrig_refuses(fixture, "private database: ");
    (void)unlink(ballast);
    if (failed == 0 && !back_within(cluster, 60000))
        failed = 11;
    pid_t keeper = clusterrig_look(fixture).keeper;
    cluster_release(cluster);
    return clusterrig_gone_within(keeper, 60000) ? failed : 12;
}

static void full_disk_is_named_and_heals(void **state)
{
    clusterrig_in_own_namespace(disk_fills_up, *state);
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cluster_that_can_not_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_that_can_not_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk_is_named_and_heals, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
