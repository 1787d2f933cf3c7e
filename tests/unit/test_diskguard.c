/* When storing stops and begins again, and what is looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/diskguard.h"

static const struct {
    bool was_short;
    unsigned percent;
    double free_percent;
    bool is_short;
} decide_rows[] = {
    {false, 5, 100, false}, {false, 5, 5, false},  {false, 5, 4.99, true}, {false, 5, 0, true},
    {true, 5, 4.99, true},  {true, 5, 5.5, true},  {true, 5, 6, false},    {true, 5, 90, false},
    {false, 0, 0, false},   {true, 0, 0, false},   {false, 5, -1, false},  {true, 5, -1, false},
    {false, 50, 49, true},  {true, 50, 60, false}, {true, 50, 59.9, true},
};

static void it_stops_below_and_begins_again_with_some_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(decide_rows); i++)
        if (diskguard_decide(decide_rows[i].was_short, decide_rows[i].percent, decide_rows[i].free_percent) !=
            decide_rows[i].is_short)
            fail_msg("row %zu", i);
}

static void free_space_is_that_of_the_place_or_the_folder_above(void **state)
{
    (void)state;
    double all = diskguard_free("/tmp");
    assert_true(all >= 0 && all <= 100);
    assert_true(diskguard_free("/no/such/folder") < 0);
    assert_true(diskguard_free("") < 0);
    char dir[] = "/tmp/test_diskguard.XXXXXX";
    char closed[64];
    char data[80];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(closed, sizeof closed, "%s/closed", dir);
    (void)snprintf(data, sizeof data, "%s/data", closed);
    assert_int_equal(mkdir(closed, 0700), 0);
    assert_int_equal(mkdir(data, 0700), 0);
    assert_int_equal(chmod(closed, 0), 0);
    /* As root nothing is closed; it is the same file system either way. */
    double inside = diskguard_free(data);
    assert_true(inside >= 0 && inside <= 100);
    assert_int_equal(chmod(closed, 0700), 0);
    assert_int_equal(rmdir(data), 0);
    assert_int_equal(rmdir(closed), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void without_a_share_nothing_is_looked_at(void **state)
{
    (void)state;
    struct diskguard guard;
    diskguard_init(&guard, 0, "/no/such/folder");
    assert_false(diskguard_short(&guard, NULL, 1));
    /* A place that can not be looked at is not short. */
    diskguard_init(&guard, 50, "/no/such/folder");
    assert_false(diskguard_short(&guard, NULL, 1));
    diskguard_init(&guard, 101, "/tmp");
    assert_true(diskguard_short(&guard, NULL, 1));
}

/* Free space between what storing stops at and what it begins again with: whoever comes new is of the same
 * mind as those who are there. The place is a link, from a file system with less to one with more. */
static void all_guards_of_a_place_are_of_one_mind(void **state)
{
    struct diskguard first;
    struct diskguard second;
    char dir[] = "/tmp/test_diskguard.XXXXXX";
    char place[64];
    (void)state;
    bool less_here = diskguard_free("/tmp") < diskguard_free("/dev/shm");
    const char *less = less_here ? "/tmp" : "/dev/shm";
    const char *more = less_here ? "/dev/shm" : "/tmp";
    unsigned share = (unsigned)(diskguard_free(more) / 1.1);
    if (diskguard_free(less) < 0 || diskguard_free(less) + 1 > share) {
        print_message("skipped: /tmp and /dev/shm are equally full\n");
        skip();
    }
    assert_non_null(mkdtemp(dir));
    (void)snprintf(place, sizeof place, "%s/place", dir);
    diskguard_init(&first, share, place);
    diskguard_init(&second, share, place);
    assert_int_equal(symlink(more, place), 0);
    assert_false(diskguard_short(&first, NULL, 10000));
    assert_int_equal(unlink(place), 0);
    assert_int_equal(symlink(less, place), 0);
    assert_false(diskguard_short(&second, NULL, 11999)); /* not more often than every two seconds */
    assert_true(diskguard_short(&second, NULL, 12000));
    assert_true(diskguard_short(&first, NULL, 12001));
    assert_int_equal(unlink(place), 0);
    assert_int_equal(symlink(more, place), 0);
    diskguard_init(&second, share, place);
    assert_true(diskguard_short(&second, NULL, 15000)); /* new, and it stays short */
    assert_true(diskguard_short(&first, NULL, 15001));
    diskguard_init(&second, share, more); /* another place */
    assert_false(diskguard_short(&second, NULL, 15002));
    assert_int_equal(unlink(place), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void a_place_that_is_not_there_is_an_error(void **state)
{
    struct err why = {0};

    (void)state;
    assert_int_equal(diskguard_check(NULL, &why), ERR_OK);
    assert_int_equal(diskguard_check("", &why), ERR_OK);
    assert_int_equal(diskguard_check("/", &why), ERR_OK);
    assert_int_equal(diskguard_check("/nowhere/at/all", &why), ERR_CONFIG);
    assert_non_null(strstr(why.text, "/nowhere/at/all"));
    assert_non_null(strstr(why.text, "No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stops_below_and_begins_again_with_some_more),
        cmocka_unit_test(free_space_is_that_of_the_place_or_the_folder_above),
        cmocka_unit_test(without_a_share_nothing_is_looked_at),
        cmocka_unit_test(all_guards_of_a_place_are_of_one_mind),
        cmocka_unit_test(a_place_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
