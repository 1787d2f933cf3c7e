/* What is said of a database that is not well, and that a well one is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "cli/dbill.h"

static const struct db_stat well = {.autovacuum = true,
                                    .fsync = true,
                                    .sessions = 5,
                                    .sessions_max = 97,
                                    .xid_age = 150000000,
                                    .xid_vacuum = 200000000,
                                    .months_until_ms = 1,
                                    .months_left = 16,
                                    .replica_count = 1,
                                    .replicas = {{.name = "r", .lag_bytes = 1000, .lag_ms = 5}},
                                    .slots_idle = 1,
                                    .slots_bytes = 1000};

static unsigned said(const struct db_stat *stat, const struct replica_state *replica, struct dbill *last)
{
    unsigned count = 0;
    struct dbill ill;
    for (unsigned at = 0; dbill_next(stat, replica, &at, &ill); count++) {
        assert_true(ill.what[0] != '\0' && ill.remedy[0] != '\0');
        *last = ill;
    }
    return count;
}

static void each_is_said_alone(void **state)
{
    (void)state;
    struct db_stat ills[10];
    static const char *const words[] = {
        "fsync",         "autovacuum is off", "million transactions old", "are dead",
        "broken off",    "connections",       "transaction is open",      "months",
        "the replica r", "replication slot"};
    for (size_t i = 0; i < countof(ills); i++)
        ills[i] = well;
    ills[0].fsync = false;
    ills[1].autovacuum = false;
    ills[2].xid_age = INT64_C(1500000000);
    memcpy(ills[3].dead_table, "outbox", sizeof "outbox");
    ills[4].invalid = 2;
    ills[5].sessions = 90;
    ills[6].oldest_tx_ms = 2 * 3600000;
    ills[7].months_left = 0;
    ills[8].replicas[0].lag_ms = 120000;
    ills[9].slots_bytes = INT64_C(5000000000);
    struct dbill ill = {{0}, {0}};
    assert_int_equal(said(&well, NULL, &ill), 0);
    for (size_t i = 0; i < countof(ills); i++) {
        assert_int_equal(said(&ills[i], NULL, &ill), 1);
        assert_non_null(strstr(ill.what, words[i]));
    }
}

static void a_replica_says_how_it_is(void **state)
{
    (void)state;
    struct dbill ill = {{0}, {0}};
    struct replica_state none = {.replica = false, .lag_ms = 99999};
    struct replica_state fine = {.replica = true, .connected = true};
    struct replica_state late = {.replica = true, .connected = true, .lag_ms = 30000};
    struct replica_state mute = {.replica = true, .connected = true, .lag_ms = -1};
    struct replica_state cut = {.replica = true};
    assert_int_equal(said(&well, &none, &ill), 0);
    assert_int_equal(said(&well, &fine, &ill), 0);
    assert_int_equal(said(&well, &late, &ill), 1);
    assert_non_null(strstr(ill.what, "30 seconds behind"));
    assert_int_equal(said(&well, &mute, &ill), 1);
    assert_non_null(strstr(ill.what, "can not say how old"));
    assert_int_equal(said(&well, &cut, &ill), 1);
    assert_non_null(strstr(ill.what, "nothing from its primary"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_said_alone),
                                       cmocka_unit_test(a_replica_says_how_it_is)};
    return cmocka_run_group_tests_name("dbill", tests, NULL, NULL);
}
