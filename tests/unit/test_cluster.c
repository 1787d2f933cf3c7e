/* The life of the private PostgreSQL, with real processes: started, shared, killed in every part, found in
 * odd places. */
#include "tests/fixture/clusterrig.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "db/clusterdir.h"

/* Most tests take one cluster after the other, since making it is what costs time. */
static struct fixture_db shared;

static int setup_shared(void **state)
{
    *state = &shared;
    if (shared.root[0] == '\0')
        fixture_db_folder(&shared);
    return 0;
}

/* The same with a folder that has no cluster yet. */
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

static int teardown_shared(void **state)
{
    (void)state;
    fixture_db_folder_gone(&shared);
    return 0;
}

static uid_t owner_of(pid_t pid)
{
    char path[64];
    struct stat info;
    (void)snprintf(path, sizeof path, "/proc/%d", (int)pid);
    assert_int_equal(stat(path, &info), 0);
    return info.st_uid;
}

static void made_used_and_ended(void **state)
{
    struct fixture_db *fixture = *state;
    struct stat home;
    struct cluster *cluster = clusterrig_use(fixture);
    struct cluster_status status = clusterrig_look(fixture);
    assert_true(status.made && status.running && !status.stays);
    assert_string_equal(status.dsn, cluster_dsn(cluster));
    assert_true(clusterrig_works(cluster_dsn(cluster),
                                 "CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1)"));
    assert_int_equal(stat(status.home, &home), 0);
    assert_int_not_equal(home.st_uid, 0);
    assert_int_not_equal(owner_of(status.server), 0);
    cluster_release(cluster);
    assert_true(clusterrig_gone_within(status.server, 60000));
    assert_true(clusterrig_gone_within(status.keeper, 60000));
    assert_false(clusterrig_look(fixture).running);
    cluster = clusterrig_use(fixture);
    assert_true(clusterrig_works(cluster_dsn(cluster), "SELECT 1 / max(n) FROM t"));
    cluster_release(cluster);
}

/* Starts a child that uses the cluster until it is killed; returns when it has it. */
static pid_t start_user(const struct fixture_db *fixture)
{
    int ends[2];
    char byte = 0;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct cluster *cluster;
        char said = cluster_use(fixture->state, CLUSTERRIG_SELF, &cluster, NULL) == ERR_OK ? 'y' : 'n';
        (void)!write(ends[1], &said, 1);
        (void)pause();
        _exit(0);
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    (void)close(ends[0]);
    assert_int_equal(byte, 'y');
    return pid;
}

/* The same for one that looks after it. */
static pid_t start_keeping_user(const struct fixture_db *fixture)
{
    int ends[2];
    char byte;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct cluster *cluster;
        if (cluster_use(fixture->state, CLUSTERRIG_SELF, &cluster, NULL) != ERR_OK)
            _exit(1);
        (void)!write(ends[1], "y", 1);
        while (cluster_keep(cluster, NULL) == ERR_OK)
            clock_sleep_ms(50);
        _exit(1);
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    (void)close(ends[0]);
    return pid;
}

static void end_user(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static void killed_user_leaves_nothing(void **state)
{
    struct fixture_db *fixture = *state;
    pid_t user = start_user(fixture);
    struct cluster_status status = clusterrig_look(fixture);
    end_user(user);
    assert_true(clusterrig_gone_within(status.server, 60000));
    assert_true(clusterrig_gone_within(status.keeper, 60000));
}

static void user_killed_while_it_starts(void **state)
{
    struct fixture_db *fixture = *state;
    for (int delay_ms = 50; delay_ms < 3000; delay_ms = delay_ms * 5 / 2) {
        pid_t pid = fork();
        if (pid == 0) {
            struct cluster *cluster;
            (void)!cluster_use(fixture->state, CLUSTERRIG_SELF, &cluster, NULL);
            (void)pause();
            _exit(0);
        }
        clock_sleep_ms(delay_ms);
        end_user(pid);
    }
    struct cluster *cluster = clusterrig_use(fixture);
    assert_true(clusterrig_works(cluster_dsn(cluster), "SELECT 1"));
    struct cluster_status status = clusterrig_look(fixture);
    cluster_release(cluster);
    assert_true(clusterrig_gone_within(status.keeper, 60000));
}

static void several_at_once_share_one(void **state)
{
    struct fixture_db *fixture = *state;
    pid_t pids[5];
    for (size_t i = 0; i < countof(pids); i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        struct cluster *cluster;
        if (cluster_use(fixture->state, CLUSTERRIG_SELF, &cluster, NULL) != ERR_OK)
            _exit(1);
        clock_sleep_ms(1500);
        _exit(clusterrig_works(cluster_dsn(cluster), "SELECT 1") ? 0 : 1);
    }
    for (size_t i = 0; i < countof(pids); i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    /* The last one is not waited for by its server. */
    for (int i = 0; i < 600 && clusterrig_look(fixture).running; i++)
        clock_sleep_ms(100);
    assert_false(clusterrig_look(fixture).running);
}

/* One ends while the next begins, over and over: nobody may meet a server that is going away. */
static void hand_over_hand(void **state)
{
    struct fixture_db *fixture = *state;
    for (int round = 0; round < 6; round++) {
        struct cluster *cluster = clusterrig_use(fixture);
        assert_true(clusterrig_works(cluster_dsn(cluster), "SELECT 1"));
        cluster_release(cluster);
        clock_sleep_ms(60 * round + 100);
    }
}

static void killed_keeper_takes_server_along(void **state)
{
    struct fixture_db *fixture = *state;
    struct cluster *cluster = clusterrig_use(fixture);
    struct cluster_status status = clusterrig_look(fixture);
    assert_true(clusterrig_works(cluster_dsn(cluster),
                                 "CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1)"));
    (void)kill(status.keeper, SIGKILL);
    struct cluster *again = clusterrig_use(fixture);
    assert_true(clusterrig_works(cluster_dsn(again), "SELECT 1 / max(n) FROM t"));
    assert_true(clusterrig_gone_within(status.server, 60000));
    assert_int_not_equal(clusterrig_look(fixture).server, status.server);
    cluster_release(cluster);
    cluster_release(again);
}

/* The users have not noticed anything but that the server is away. */
static void users_start_a_killed_keeper_again(void **state)
{
    struct fixture_db *fixture = *state;
    struct err why = {0};
    struct cluster *cluster = clusterrig_use(fixture);
    pid_t user = start_keeping_user(fixture);
    for (int round = 0; round < 3; round++) {
        static const int signals[] = {SIGKILL, SIGTERM, SIGKILL};
        struct cluster_status status = clusterrig_look(fixture);
        if (round == 2)
            (void)kill(status.server, SIGKILL);
        (void)kill(status.keeper, signals[round]);
        assert_true(clusterrig_gone_within(status.keeper, 60000));
        if (cluster_keep(cluster, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_true(clusterrig_works(cluster_dsn(cluster), "SELECT 1"));
        assert_int_not_equal(clusterrig_look(fixture).keeper, status.keeper);
    }
    /* The other one does it alone, too. */
    pid_t keeper = clusterrig_look(fixture).keeper;
    (void)kill(keeper, SIGKILL);
    assert_true(clusterrig_gone_within(keeper, 60000));
    for (int i = 0; i < 600 && !clusterrig_look(fixture).running; i++)
        clock_sleep_ms(100);
    if (cluster_keep(cluster, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_true(clusterrig_works(cluster_dsn(cluster), "SELECT 1"));
    struct cluster_status status = clusterrig_look(fixture);
    end_user(user);
    cluster_release(cluster);
    assert_true(clusterrig_gone_within(status.keeper, 60000));
}

static void killed_server_comes_back(void **state)
{
    struct fixture_db *fixture = *state;
    struct cluster *cluster = clusterrig_use(fixture);
    pid_t server = clusterrig_look(fixture).server;
    assert_true(clusterrig_works(cluster_dsn(cluster),
                                 "CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1)"));
    (void)kill(server, SIGKILL);
    bool back = false;
    for (int i = 0; i < 300 && !back; i++) {
        clock_sleep_ms(200);
        back = clusterrig_look(fixture).server != server &&
               clusterrig_works(cluster_dsn(cluster), "SELECT 1 / max(n) FROM t");
    }
    assert_true(back);
    cluster_release(cluster);
}

static void stale_pid_file_of_a_stranger(void **state)
{
    struct fixture_db *fixture = *state;
    char path[4200];
    struct stat home;
    struct cluster *cluster = clusterrig_use(fixture);
    struct cluster_status status = clusterrig_look(fixture);
    assert_int_equal(stat(status.home, &home), 0);
    cluster_release(cluster);
    assert_true(clusterrig_gone_within(status.keeper, 60000));
    /* A process of the same user that has the number by chance. */
    pid_t stranger = fork();
    if (stranger == 0) {
        if (geteuid() == 0 && setuid(home.st_uid) != 0)
            _exit(1);
        (void)pause();
        _exit(0);
    }
    (void)snprintf(path, sizeof path, "%s/data/postmaster.pid", status.home);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%d\n%s/data\n1700000000\n5432\n/nowhere\n\n  1234 5678\nready\n", (int)stranger,
            status.home);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(geteuid() != 0 || chown(path, home.st_uid, home.st_gid) == 0, 1);
    cluster = clusterrig_use(fixture);
    assert_true(clusterrig_works(cluster_dsn(cluster), "SELECT 1"));
    assert_true(clusterrig_alive(stranger));
    cluster_release(cluster);
    end_user(stranger);
}

static void stays_until_stopped(void **state)
{
    struct fixture_db *fixture = *state;
    bool in_use;
    struct cluster *cluster = clusterrig_use(fixture);
    struct cluster_status status = clusterrig_look(fixture);
    assert_int_equal(cluster_stay(cluster, NULL), ERR_OK);
    cluster_release(cluster);
    clock_sleep_ms(1500);
    assert_true(clusterrig_alive(status.server));
    assert_true(clusterrig_look(fixture).stays);
    cluster = clusterrig_use(fixture);
    assert_int_equal(cluster_stop(fixture->state, &in_use, NULL), ERR_OK);
    assert_true(in_use);
    assert_true(clusterrig_works(cluster_dsn(cluster), "SELECT 1"));
    cluster_release(cluster);
    assert_int_equal(cluster_stop(fixture->state, &in_use, NULL), ERR_OK);
    assert_false(in_use);
    assert_false(clusterrig_alive(status.server));
    assert_int_equal(cluster_stop(fixture->state, &in_use, NULL), ERR_OK);
}

/* The folder in /tmp that the running server needs; "" when it needs none. */
static void run_folder(const struct fixture_db *fixture, char out[CLUSTERDIR_PATH_MAX])
{
    struct clusterdir_socket socket;
    assert_true(clusterdir_read_socket(fixture->state, &socket));
    (void)snprintf(out, CLUSTERDIR_PATH_MAX, "%s", socket.run);
}

static void odd_places(void **state)
{
    struct fixture_db *fixture = *state;
    static const struct {
        const char *name;
        mode_t above; /* mode of the folder above the state directory */
        bool root_only;
    } rows[] = {
        {"long, with spaces, commas and 'quotes' \\ backslashes "
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         0755, false},
        {"closed", 0700, true},
    };
    char run[2][CLUSTERDIR_PATH_MAX];
    for (size_t i = 0; i < countof(rows); i++) {
        struct fixture_db here = *fixture;
        if (rows[i].root_only && geteuid() != 0) {
            print_message("skipped: %s: needs root\n", rows[i].name);
            continue;
        }
        (void)snprintf(here.state, sizeof here.state, "%s/%zu", fixture->root, i);
        assert_int_equal(mkdir(here.state, rows[i].above), 0);
        (void)snprintf(here.state, sizeof here.state, "%s/%zu/%s", fixture->root, i, rows[i].name);
        assert_int_equal(mkdir(here.state, 0700), 0);
        struct cluster *cluster = clusterrig_use(&here);
        assert_true(clusterrig_works(cluster_dsn(cluster), "SELECT 1"));
        run_folder(&here, run[0]);
        assert_int_equal(access(run[0], F_OK), 0);
        struct cluster_status status = clusterrig_look(&here);
        /* The folder in /tmp of a killed keeper is used again by the next one: its users know the name. */
        (void)kill(status.keeper, SIGKILL);
        struct cluster *again = clusterrig_use(&here);
        assert_true(clusterrig_works(cluster_dsn(again), "SELECT 1"));
        run_folder(&here, run[1]);
        assert_string_equal(run[0], run[1]);
        assert_string_equal(cluster_dsn(cluster), cluster_dsn(again));
        status = clusterrig_look(&here);
        cluster_release(cluster);
        cluster_release(again);
        assert_true(clusterrig_gone_within(status.keeper, 60000));
        assert_int_not_equal(access(run[1], F_OK), 0);
    }
}

static int no_postgresql(struct fixture_db *fixture)
{
    if (mount("none", "/usr/lib/postgresql", "tmpfs", 0, NULL) != 0)
        return 77;
    int failed = clusterrig_refuses(fixture, "install the package");
    /* rmdir works on an empty folder only. */
    return failed != 0 ? failed : rmdir(fixture->state) == 0 ? 0 : 12;
}

static void without_postgresql(void **state)
{
    clusterrig_in_own_namespace(no_postgresql, *state);
}

static int disk_full(struct fixture_db *fixture)
{
    char home[4100];
    struct stat info;
    if (mount("none", fixture->state, "tmpfs", 0, "size=8m") != 0)
        return 77;
    int failed = clusterrig_refuses(fixture, "private database");
    (void)snprintf(home, sizeof home, "%s/pg", fixture->state);
    return failed != 0 ? failed : stat(home, &info) != 0 ? 0 : 12;
}

static void full_disk_leaves_nothing(void **state)
{
    clusterrig_in_own_namespace(disk_full, *state);
}

static int as_nobody(struct fixture_db *fixture)
{
    const struct passwd *nobody = getpwnam("nobody");
    if (nobody == NULL || chown(fixture->state, nobody->pw_uid, nobody->pw_gid) != 0 ||
        setgroups(0, NULL) != 0 || setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0)
        return 77;
    struct cluster *cluster;
    struct err why = {0};
    if (cluster_use(fixture->state, CLUSTERRIG_SELF, &cluster, &why) != ERR_OK) {
        print_message("%s\n", why.text);
        return 10;
    }
    bool fine = clusterrig_works(cluster_dsn(cluster), "SELECT 1") &&
                owner_of(clusterrig_look(fixture).server) == nobody->pw_uid;
    pid_t keeper = clusterrig_look(fixture).keeper;
    cluster_release(cluster);
    return fine && clusterrig_gone_within(keeper, 60000) ? 0 : 11;
}

static void plain_user(void **state)
{
    clusterrig_in_own_namespace(as_nobody, *state);
}

static int unwritable(struct fixture_db *fixture)
{
    const struct passwd *nobody = getpwnam("nobody");
    if (nobody == NULL || setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0)
        return 77;
    return clusterrig_refuses(fixture, "--state-dir");
}

static void unwritable_state_directory(void **state)
{
    clusterrig_in_own_namespace(unwritable, *state);
}

static int nameless(struct fixture_db *fixture)
{
    if (chmod(fixture->state, 0777) != 0 || setgid(54321) != 0 || setuid(54321) != 0)
        return 77;
    return clusterrig_refuses(fixture, "has no name");
}

static void user_without_name(void **state)
{
    clusterrig_in_own_namespace(nameless, *state);
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(made_used_and_ended, setup_shared),
        cmocka_unit_test_setup(killed_user_leaves_nothing, setup_shared),
        cmocka_unit_test_setup_teardown(user_killed_while_it_starts, setup, teardown),
        cmocka_unit_test_setup(several_at_once_share_one, setup_shared),
        cmocka_unit_test_setup(hand_over_hand, setup_shared),
        cmocka_unit_test_setup(killed_keeper_takes_server_along, setup_shared),
        cmocka_unit_test_setup(users_start_a_killed_keeper_again, setup_shared),
        cmocka_unit_test_setup(killed_server_comes_back, setup_shared),
        cmocka_unit_test_setup(stale_pid_file_of_a_stranger, setup_shared),
        cmocka_unit_test_setup(stays_until_stopped, setup_shared),
        cmocka_unit_test_setup_teardown(odd_places, setup, teardown),
        cmocka_unit_test_setup_teardown(without_postgresql, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(plain_user, setup, teardown),
        cmocka_unit_test_setup_teardown(unwritable_state_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(user_without_name, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, teardown_shared);
}
